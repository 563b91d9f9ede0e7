"""Downloads a file of weights into huggingface_hub's cache: resumed, bounded, checked by its hash.

The transfer is our own. huggingface_hub's keeps nothing of a download that was cut off, waits
silently for half a minute before it gives up, writes whatever a server sends, and compares no hash.
"""

import contextlib
import fcntl
import os
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from ..bundle.bundle import sha256_of
from ..documents import MIB
from ..errors import StzsarError
from .catalogue import FILE, Weights
from .hub import (
    PATIENCE_S,
    HubError,
    RemoteFile,
    ask_hub,
    cache_of,
    cannot_download,
    headers,
    load_hub,
    spoken_errors,
    status_clause,
    within_patience,
)

_ATTEMPTS = 3  # without a byte in between
_SPARE_BYTES = 64 * 2**20

Tell = Callable[[str], object]
# Called with the number of bytes that are there, and of all.
OnBytes = Callable[[int, int], None]


@dataclass(frozen=True, kw_only=True)
class Downloaded:
    """A checked file of weights, and the commit that it is of."""

    path: Path
    revision: str
    sha256: str


def download(
    weights: Weights,
    revision: str = "",
    *,
    tell: Tell = lambda _: None,
    on_bytes: OnBytes = lambda _, __: None,
) -> Downloaded:
    """Return the file of weights from huggingface_hub's cache, and download it first if need be.

    Args:
        weights: what to download.
        revision: another commit, branch or tag than the pinned one. The hash is then what the hub
            says it is.
        tell: called with a sentence about what is worth knowing.
        on_bytes: called as the file grows.

    Raises:
        StzsarError: the file cannot be had, or is not the pinned one.
    """
    wanted = revision or weights.revision or "main"
    pinned = weights.sha256 if wanted == weights.revision else ""
    cached = _cached(weights, wanted, pinned, tell)
    if cached:
        return cached
    remote = ask_hub(weights, wanted)
    try:
        if pinned and remote.sha256 != pinned:
            raise HubError(f"the hub has another file (sha256 {remote.sha256}) than the pinned one")
        blob = cache_of(weights.repo) / "blobs" / remote.sha256
        with spoken_errors(remote.url):
            if not blob.is_file():
                transfer_into(blob, remote, tell, on_bytes)
            # It finds the blob, and links it where other programs look for the file.
            path = within_patience(
                lambda: load_hub().hf_hub_download(
                    weights.repo, FILE, revision=wanted, etag_timeout=PATIENCE_S
                )
            )
    except HubError as error:
        raise cannot_download(weights, wanted, error) from error
    return Downloaded(path=Path(path), revision=remote.revision, sha256=remote.sha256)


def _cached(weights: Weights, wanted: str, pinned: str, tell: Tell) -> Downloaded | None:
    """Return the file from the cache if it need not be asked for."""
    hub = load_hub()
    found = hub.try_to_load_from_cache(weights.repo, FILE, revision=wanted)
    # A branch may have moved since, which only a hub can say.
    if not isinstance(found, str) or not (wanted == weights.revision or hub.is_offline_mode()):
        return None
    path = Path(found)
    sha256 = sha256_of(path)
    if pinned and sha256 != pinned:
        tell(f"{path} is not the pinned file (its sha256 is {sha256}): downloading it again.")
        path.resolve().unlink()
        path.unlink(missing_ok=True)
        return None
    return Downloaded(path=path, revision=path.parent.name, sha256=sha256)


def transfer_into(blob: Path, remote: RemoteFile, tell: Tell, on_bytes: OnBytes) -> None:
    """Download a file to `blob`, on from where an earlier download stopped.

    Args:
        blob: where it goes once its hash is right.
        remote: what to download.
        tell: called with a sentence about what is worth knowing.
        on_bytes: called as the file grows.

    Raises:
        HubError: it cannot be had, or is not what the hub said it is.
    """
    blob.parent.mkdir(parents=True, exist_ok=True)
    partial = blob.with_name(f"{blob.name}.partial")
    with partial.open("ab") as file, _locked(file, tell):
        if blob.is_file():  # another process was faster
            return
        if file.tell() > remote.size:
            file.truncate(0)
        _check_room(partial.parent, remote.size - file.tell())
        on_bytes(file.tell(), remote.size)
        _transfer(file, remote, tell, on_bytes)
        file.flush()
        os.fsync(file.fileno())
        found = sha256_of(partial)
        if found != remote.sha256:
            partial.unlink()
            raise HubError(f"what arrived has the sha256 {found} instead of {remote.sha256}")
        partial.rename(blob)


@contextlib.contextmanager
def _locked(file: BinaryIO, tell: Tell) -> Iterator[None]:
    """Keep other processes from writing the same file; closing it ends that."""
    with contextlib.suppress(OSError):  # file systems without locks
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            tell("Another process is downloading the same file: waiting for it.")
            fcntl.flock(file, fcntl.LOCK_EX)
    file.seek(0, os.SEEK_END)
    yield


def _check_room(folder: Path, needed: int) -> None:
    free = shutil.disk_usage(folder).free
    if free < needed + _SPARE_BYTES:
        raise StzsarError(
            f"The download needs {needed / MIB:.0f} MiB and {folder} has {free / MIB:.0f} MiB: "
            "make room, or set HF_HOME to a folder on another disk."
        )


def _transfer(file: BinaryIO, remote: RemoteFile, tell: Tell, on_bytes: OnBytes) -> None:
    """Append to the file what it lacks, and ask again where the connection breaks."""
    import httpx2
    from huggingface_hub import get_session

    session, failures = get_session(), 0
    while (before := file.tell()) < remote.size:
        try:
            _receive(session, file, remote, on_bytes)
            why = "the answer ended too early"
        except httpx2.TransportError as error:
            why = _why_broken(error)
        share = file.tell() / remote.size
        failures = 0 if file.tell() > before else failures + 1
        if failures == _ATTEMPTS:
            raise HubError(
                f"the connection broke at {share:.0%} ({why}), from where a new start goes on"
            )
        if share < 1:
            tell(f"The connection broke at {share:.0%} ({why}): going on from there.")
            time.sleep(failures)


def _why_broken(error: Exception) -> str:
    import httpx2

    if isinstance(error, httpx2.TimeoutException):
        return f"nothing came for {PATIENCE_S:g} seconds"
    if isinstance(error, httpx2.RemoteProtocolError | httpx2.ReadError):
        return "the server hung up"
    return str(error)[:100] or type(error).__name__


def _receive(session: Any, file: BinaryIO, remote: RemoteFile, on_bytes: OnBytes) -> None:
    """Append what one request brings."""
    have = file.tell()
    # Compressed bytes could be any number of bytes, and a part of them is of no use.
    wanted = {**headers(), "Accept-Encoding": "identity", "Range": f"bytes={have}-"}
    with session.stream("GET", remote.url, headers=wanted, timeout=PATIENCE_S) as response:
        if response.status_code == 416 or (response.status_code == 200 and have):
            file.truncate(0)  # no server of ranges
            file.seek(0)
        if response.status_code == 416:
            return
        if response.status_code >= 400:
            host = response.url.host
            retry_after = response.headers.get("retry-after", "")
            raise HubError(status_clause(response.status_code, host, retry_after))
        for block in response.iter_raw():
            if file.tell() + len(block) > remote.size:
                raise HubError(f"the hub sends more than the {remote.size} bytes that it announced")
            file.write(block)
            on_bytes(file.tell(), remote.size)
