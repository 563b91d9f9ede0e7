"""The files that a run writes: which they are, and that none of them is one that it reads."""

import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from .errors import StzsarError
from .sources.spec import SourceSpec
from .sources.uri import is_live

MAX_STEM_BYTES = 200


def check_outputs(
    uris: Sequence[str], *, written: Sequence[Path], read: Mapping[Path, str], bundle: Path
) -> None:
    """Refuse to overwrite what is read, or one output by another.

    Args:
        uris: the sources.
        written: every file that the run writes.
        read: every file that it reads besides, and what that is.
        bundle: the bundle's folder.

    Raises:
        StzsarError: an output is a source, something else that is read, in the bundle, or another
            output.
    """
    taken = {_identity(Path(uri)): "a source" for uri in uris if not is_live(uri)}
    taken |= {_identity(path): what for path, what in read.items()}
    folder = Path(os.path.realpath(bundle))
    for path in written:
        if folder in Path(os.path.realpath(path)).parents:
            raise StzsarError(f"{path} lies in the bundle {bundle}: name a file elsewhere.")
        identity = _identity(path)
        if identity in taken:
            raise StzsarError(
                f"{path} is {taken[identity]} and would be overwritten: name another file."
            )
        taken[identity] = "another output"


def check_writable(path: Path) -> None:
    """Refuse now what could not be written after a long run; leaves nothing behind.

    Raises:
        StzsarError: it cannot be written.
    """
    if not path.absolute().parent.is_dir():
        raise StzsarError(f"Cannot write {path}: there is no folder {path.parent}, make it first.")
    existed = path.exists()
    try:
        with path.open("ab"):
            pass
    except OSError as error:
        raise StzsarError(f"Cannot write {path}: {error.strerror}.") from error
    if not existed:
        path.unlink()


def _identity(path: Path) -> object:
    """Return what all names of a file have in common, through links too."""
    try:
        found = path.stat()
    except OSError:
        return os.path.realpath(path)
    return found.st_dev, found.st_ino


def video_paths(specs: Sequence[SourceSpec], video: Path | None) -> dict[str, Path]:
    """Return the annotated video of each source, by the source's name.

    Of one source it is the file `video`, or a file in it if it is a folder; of several, `video`
    is a folder, and each file has the name of its source.

    Raises:
        StzsarError: several sources, and `video` looks like a file.
    """
    if video is None:
        return {}
    if len(specs) == 1 and not video.is_dir():
        return {specs[0].name: video}
    if video.suffix.lower() == ".mp4" and not video.is_dir():
        raise StzsarError(f"{len(specs)} sources need a folder for --video, and {video} is a file.")
    paths: dict[str, Path] = {}
    taken: set[str] = set()
    for spec in specs:
        stem = _file_stem(spec)
        names = (f"{stem}{f'-{n}' if n > 1 else ''}.mp4" for n in range(1, len(specs) + 1))
        name = next(name for name in names if name not in taken)
        taken.add(name)
        paths[spec.name] = video / name
    return paths


def _file_stem(spec: SourceSpec) -> str:
    """Return a file's name for the video of a source, from which no password can be read."""
    if spec.name == spec.uri and not is_live(spec.uri):
        stem = Path(spec.uri).stem
    else:
        place = (spec.name.partition("://")[2] or spec.name).partition("?")[0]
        stem = re.sub(r"[^\w.]+", "-", place).strip("-.")
    # File systems count bytes, and 255 of them.
    return (
        stem.encode(errors="surrogateescape")[:MAX_STEM_BYTES].decode(errors="ignore") or "stream"
    )
