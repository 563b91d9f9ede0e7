"""A ready bundle from the hub: `stzsar-fetch hub:owner/name@revision`.

The manifest says which files there are and what their hashes are; only names that a bundle can have
are asked for. So no engine, script or pickle of a repository ever gets here.
"""

import re
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ..atomic import remove_leftovers, written_whole
from ..bundle.bundle import (
    BANK,
    FRAME_GRAPH,
    MANIFEST,
    PARITY,
    RUNS,
    STATE_GRAPH,
    TEXT_GRAPH,
    TOKENIZER,
    WINDOW_GRAPH,
    Bundle,
    check_free,
)
from ..bundle.manifest import MAX_MANIFEST_BYTES, Manifest
from ..documents import MIB
from ..engines.trt.store import ENGINES
from ..errors import StzsarError
from ..terminal.commandline import say
from ..terminal.progress import transfer_progress
from .card import CARD
from .catalogue import licence_named
from .download import OnBytes, transfer_into
from .hub import (
    MAX_BYTES,
    PATIENCE_S,
    HubError,
    RemoteFile,
    ask_for,
    cache_of,
    headers,
    load_hub,
    spoken_errors,
    status_clause,
    within_patience,
)

HUB = "hub:"
BUNDLE_FILES = (
    FRAME_GRAPH, WINDOW_GRAPH, STATE_GRAPH, TEXT_GRAPH, TOKENIZER, BANK, PARITY
)  # fmt: skip
MAX_CARD_BYTES = MIB
_REPO = re.compile(r"[A-Za-z0-9][\w.-]{0,95}/[A-Za-z0-9][\w.-]{0,95}")
_REVISION = re.compile(r"[\w.-]+(/[\w.-]+)*")
_HASH = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class HubAddress:
    """A repository on the hub, and a commit, branch or tag of it."""

    repo: str
    revision: str = "main"

    def __str__(self) -> str:
        return f"{HUB}{self.repo}@{self.revision}"


def hub_address(text: str) -> HubAddress:
    """Read `hub:owner/name@revision`; without a revision it is the newest commit.

    Raises:
        StzsarError: it is no such address.
    """
    repo, at, revision = text.removeprefix(HUB).partition("@")
    is_revision = not at or (_REVISION.fullmatch(revision) and ".." not in revision)
    if not _REPO.fullmatch(repo) or ".." in repo or not is_revision:
        raise StzsarError(f"{text!r:.120} is no bundle on the hub: write hub:owner/name@revision.")
    return HubAddress(repo, revision or "main")


def fetch_bundle(address: HubAddress, output: Path | None, *, accept_licence: bool) -> Path:
    """Download a bundle, check every file of it, and return its folder.

    Args:
        address: where it lies.
        output: the bundle's folder; None is `runs/<owner>-<name>/bundle-<precision>`.
        accept_licence: whether the user accepts a licence for research only.

    Raises:
        StzsarError: it cannot be had, is not a bundle, or cannot be written, or its licence was
            not accepted.
    """
    load_hub()
    try:
        manifest, content, commit = _manifest(address)
        _check_licence(manifest, address, accepted=accept_licence)
        target = output or RUNS / address.repo.replace("/", "-") / f"bundle-{manifest.precision}"
        check_free(target)
        remove_leftovers(target)
        return _download(address, manifest, content, commit, target)
    except HubError as error:
        raise StzsarError(
            f"Cannot fetch {address}: {error}. Check the name and the revision, or copy the "
            "bundle's folder to this machine by hand."
        ) from error
    except OSError as error:
        raise StzsarError(
            f"Cannot write the bundle of {address}: {error.strerror or error}. Make room, or name "
            "another folder with --output."
        ) from error


def _manifest(address: HubAddress) -> tuple[Manifest, bytes, str]:
    """Return the manifest, its text, and the commit that all other files are asked of."""
    remote = _at(address, MANIFEST, address.revision)
    content = _small_file(remote, MAX_MANIFEST_BYTES)
    manifest = Manifest.from_json(content, where=f"{MANIFEST} of {address}")
    for name, sha256 in manifest.files.items():
        if name not in BUNDLE_FILES or not _HASH.fullmatch(sha256):
            raise HubError(f"its manifest lists {name!r:.80}, which no bundle has")
    return manifest, content, remote.revision


def _check_licence(manifest: Manifest, address: HubAddress, *, accepted: bool) -> None:
    """Show the licence of the weights before they are downloaded."""
    name = manifest.weights.licence
    licence = licence_named(name)
    say(f"The licence of the weights in {address}: {name or 'its manifest names none'}.")
    if licence and licence.research_only and not accepted:
        raise StzsarError(
            f"The {licence.name} allows {address} for research only: read it at {licence.url}, and "
            "add --accept-licence if you accept it."
        )


def _download(
    address: HubAddress, manifest: Manifest, content: bytes, commit: str, target: Path
) -> Path:
    remotes = [ask_for(address.repo, name, commit, hash_) for name, hash_ in manifest.files.items()]
    total = sum(remote.size for remote in remotes)
    if total > MAX_BYTES:
        raise HubError(f"its files have {total / MIB:.0f} MiB, and a bundle has less than 8 GiB")
    with transfer_progress() as on_bytes:
        blobs = _transfer(address, remotes, total, on_bytes)
    with written_whole(target, keep=[ENGINES]) as folder:
        for name, blob in zip(manifest.files, blobs, strict=True):
            shutil.copyfile(blob, folder / name)
        (folder / MANIFEST).write_bytes(content)
        _copy_card(address, commit, folder)
        bundle = Bundle.open(folder)  # every hash, and whether the graphs are ones to open
    for blob in blobs:  # kept until the bundle is whole: a new start goes on from there
        blob.unlink(missing_ok=True)
    say(
        f"Wrote the bundle {target}: {address} at the commit {commit}, "
        f"{len(bundle.bank.labels)} labels, {total / MIB:.1f} MiB. Run it with: stzsar-run "
        f"--bundle {target} --camera 0"
    )
    return target


def _transfer(
    address: HubAddress, remotes: Sequence[RemoteFile], total: int, on_bytes: OnBytes
) -> list[Path]:
    """Download files into the cache of the repository, where a new start finds them."""
    folder = cache_of(address.repo) / "blobs"
    blobs: list[Path] = []
    done = 0
    for remote in remotes:
        before = done
        blob = folder / remote.sha256
        with spoken_errors(remote.url):
            if not blob.is_file():
                transfer_into(
                    blob, remote, say, lambda n, _all, before=before: on_bytes(before + n, total)
                )
        done += remote.size
        blobs.append(blob)
    return blobs


def _copy_card(address: HubAddress, commit: str, folder: Path) -> None:
    """Take the model card where there is one: people read it, nothing depends on it."""
    try:
        content = _small_file(_at(address, CARD, commit), MAX_CARD_BYTES)
    except HubError:
        return
    (folder / CARD).write_bytes(content)


def _at(address: HubAddress, name: str, commit: str) -> RemoteFile:
    # The hub has no sha256 of small files, so no zeros are compared with anything.
    return ask_for(address.repo, name, commit, sha256="0" * 64)


def _small_file(remote: RemoteFile, max_bytes: int) -> bytes:
    """Return the content of a file without a hash that the hub could be held to."""
    if remote.size > max_bytes:
        raise HubError(f"{remote.url.split('/')[-1]} has {remote.size} bytes, which is too many")
    with spoken_errors(remote.url):
        return within_patience(lambda: _receive(remote))


def _receive(remote: RemoteFile) -> bytes:
    from huggingface_hub import get_session

    wanted = {**headers(), "Accept-Encoding": "identity"}
    content = bytearray()
    session = get_session()
    with session.stream("GET", remote.url, headers=wanted, timeout=PATIENCE_S) as response:
        if response.status_code >= 400:
            host, again = response.url.host, response.headers.get("retry-after", "")
            raise HubError(status_clause(response.status_code, host, again))
        for block in response.iter_raw():
            content += block
            if len(content) > remote.size:
                raise HubError(f"it sends more than the {remote.size} bytes that it announced")
    return bytes(content)
