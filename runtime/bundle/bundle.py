"""A bundle on disk: a folder that export writes and the runtime reads."""

import dataclasses
import hashlib
import logging
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ..documents import read_file
from ..errors import BundleError, StzsarError
from ..labels.bank import LabelBank
from .manifest import MAX_MANIFEST_BYTES, Manifest
from .onnx_file import read_onnx

MANIFEST = "manifest.json"
FRAME_GRAPH = "frame.onnx"
WINDOW_GRAPH = "window.onnx"
STATE_GRAPH = "state.onnx"
TEXT_GRAPH = "text.onnx"
TOKENIZER = "tokenizer.json"
BANK = "bank.npz"
PARITY = "parity.json"
RUNS = Path("runs")
_DEPTH = 3

log = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class Bundle:
    """An opened bundle: every file that the manifest lists is there and unchanged.

    Attributes:
        path: its folder.
        manifest: what it says about itself.
        bank: its own labels.
        is_fallback: whether it is the shipped one, taken since nobody named another.
    """

    path: Path
    manifest: Manifest
    bank: LabelBank
    is_fallback: bool = False

    @classmethod
    def open(cls, path: str | Path) -> "Bundle":
        """Check and read the bundle in the folder `path`, or the newest one below it.

        Raises:
            BundleError: the folder is not a bundle, is incomplete, changed or of a newer format.
        """
        path = bundle_at(Path(path))
        manifest = read_manifest(path)
        required = {FRAME_GRAPH, WINDOW_GRAPH, BANK}
        if manifest.features and manifest.label_states:
            required.add(STATE_GRAPH)
        if manifest.text:
            required |= {TEXT_GRAPH, TOKENIZER}
        for name in sorted(required - set(manifest.files)):
            raise BundleError(f"The manifest of {path} does not list {name}: export it again.")
        for name, expected in manifest.files.items():
            _check_file(path, name, expected)
        bank = LabelBank.load(path / BANK)
        return cls(path, manifest, bank)

    def check(self, name: str) -> None:
        """Check again that the file `name` is the one that the manifest lists.

        Raises:
            BundleError: it has changed or is gone since the bundle was opened.
        """
        _check_file(self.path, name, self.manifest.files[name])


def read_manifest(folder: Path) -> Manifest:
    """Read the manifest of the bundle in `folder`.

    Raises:
        BundleError: there is none, or it is not valid.
    """
    path = folder / MANIFEST
    _refuse_special(path)
    try:
        content = read_file(path, MAX_MANIFEST_BYTES, follow_links=False)
    except OSError as error:
        raise BundleError(
            f"{folder} is not a bundle and holds none, its {MANIFEST} cannot be read "
            f"({error.strerror}): make one with stzsar-fetch or stzsar-export."
        ) from error
    return Manifest.from_json(content, where=str(path))


def sha256_of(path: Path) -> str:
    """Return the sha256 of a file as 64 hexadecimal digits."""
    digest = hashlib.sha256()
    for block in _blocks(path):
        digest.update(block)
    return digest.hexdigest()


def hashes_of(folder: Path) -> dict[str, str]:
    """Return the sha256 of each file in `folder` by its name, for a manifest."""
    return {path.name: sha256_of(path) for path in sorted(folder.iterdir())}


def check_free(target: Path) -> None:
    """Check that a bundle may be written to the folder `target`: it is free, or has a bundle.

    Raises:
        StzsarError: something else is there.
    """
    is_bundle = (target / MANIFEST).is_file() and (target / FRAME_GRAPH).is_file()
    is_free = not target.exists() or (target.is_dir() and not any(target.iterdir()))
    if not (is_bundle or is_free):
        raise StzsarError(f"{target} exists and is not a bundle. Choose another --output.")


def shipped_bundle() -> Path:
    """Return the folder of the bundle that ships with stzsar; it knows moving shapes only."""
    return Path(__file__).parents[1] / "shipped" / "moving-shapes"


def newest_bundle(root: Path = RUNS) -> Path | None:
    """Return the bundle below `root` that was written last, hidden folders aside, or None."""
    found = [path for path in root.glob(f"**/{MANIFEST}") if _is_bundle(path.parent, root)]
    newest = max(found, key=lambda path: path.stat().st_mtime_ns, default=None)
    return newest and newest.parent


def bundles_below(root: Path) -> list[Path]:
    """Return the bundles up to three folders below `root`, hidden folders aside, newest first."""
    found = [
        path
        for depth in range(1, _DEPTH + 1)
        for path in root.glob("*/" * depth + MANIFEST)
        if _is_bundle(path.parent, root)
    ]
    found.sort(key=lambda path: path.stat().st_mtime_ns, reverse=True)
    return [path.parent for path in found]


def bundle_at(folder: Path) -> Path:
    """Return `folder`, or the newest bundle below it if it is none itself."""
    if (folder / MANIFEST).exists() or not folder.is_dir():
        return folder
    found = bundles_below(folder)
    if len(found) > 1:
        log.info("%s holds %d bundles: taking the newest, %s.", folder, len(found), found[0])
    return found[0] if found else folder


def find_bundle(root: Path = RUNS) -> Path:
    """Return the default bundle: the newest below `root`, else the shipped one.

    Raises:
        BundleError: there is neither.
    """
    found = newest_bundle(root) or shipped_bundle()
    if not (found / MANIFEST).is_file():
        raise BundleError(
            f"There is no bundle under {root}/: make one with stzsar-fetch or stzsar-export, or "
            "name a folder."
        )
    return found


def open_default_bundle() -> Bundle:
    """Open the default bundle.

    Raises:
        BundleError: there is none, or it cannot be used.
    """
    bundle = Bundle.open(find_bundle())
    return dataclasses.replace(bundle, is_fallback=bundle.path == shipped_bundle())


def warn_of_fallback(bundle: Bundle) -> None:
    """Say what the shipped bundle knows where nobody named it."""
    if bundle.is_fallback:
        log.warning(
            "No bundle was named and %s/ holds none: using the shipped one, which knows %s.",
            RUNS,
            bundle.manifest.weights.knows,
        )


def _is_bundle(folder: Path, root: Path) -> bool:
    hidden = any(part.startswith(".") for part in folder.relative_to(root).parts)
    # Other tools write a manifest.json too.
    return not hidden and all((folder / name).is_file() for name in (FRAME_GRAPH, WINDOW_GRAPH))


def _blocks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            yield block


def _check_file(folder: Path, name: str, expected: str) -> None:
    if Path(name).name != name or not name.isprintable() or name in ("", ".."):
        raise BundleError(
            f"The manifest of {folder} lists {name!r:.80}, which is outside the bundle or not a "
            "file name: export it again."
        )
    _refuse_special(folder / name)
    try:
        found = sha256_of(folder / name)
    except OSError as error:
        raise BundleError(
            f"The bundle {folder} lacks {name} ({error.strerror}): copy the whole folder again."
        ) from error
    if found != expected:
        raise BundleError(
            f"{folder / name} was changed after its export (its sha256 is not the manifest's): "
            "copy the folder again, or export it again."
        )
    if name.endswith(".onnx"):
        read_onnx(folder / name)


def _refuse_special(path: Path) -> None:
    """Refuse a link, which may lead anywhere, and a pipe, which never ends."""
    if path.is_symlink() or (path.exists() and not path.is_file()):
        raise BundleError(
            f"{path} is a link or not a regular file: copy the bundle's own files there."
        )
