"""Asks the Hugging Face hub for a file: its commit, hash and size; and says why it cannot.

`python -m stzsar.runtime.fetch.hub` compares the pins of the catalogue with the hub's newest.
huggingface_hub knows the hub's addresses, tokens, mirrors, offline mode and cache. Nothing here
waits longer than a few seconds: a person sits before it.
"""

import contextlib
import os
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from ..errors import StzsarError
from ..sources.secrets import without_secrets
from .catalogue import CATALOGUE, FILE, Weights

PATIENCE_S = 4.0
MAX_BYTES = 8 * 2**30
_COMMIT_DIGITS, _SHA256_DIGITS = 40, 64

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class RemoteFile:
    """A file on the hub.

    Attributes:
        url: its address.
        revision: the commit that it is of.
        sha256: its hash.
        size: its length in bytes.
    """

    url: str
    revision: str
    sha256: str
    size: int


class HubError(Exception):
    """Why the hub gives no file, as a clause."""


def ask_hub(weights: Weights, revision: str) -> RemoteFile:
    """Ask the hub for the file of weights.

    Raises:
        StzsarError: it cannot be reached, refuses, or does not answer as a hub does.
    """
    try:
        return ask_for(weights.repo, FILE, revision)
    except HubError as error:
        raise cannot_download(weights, revision, error) from error


def ask_for(repo: str, name: str, revision: str, sha256: str = "") -> RemoteFile:
    """Ask the hub for a file of a repository.

    Args:
        repo: the repository.
        name: the file.
        revision: a commit, branch or tag.
        sha256: the hash that the file must have; "" takes the hub's word, which it has for large
            files only.

    Raises:
        HubError: it cannot be reached, refuses, or does not answer as a hub does.
    """
    hub = load_hub()
    url = hub.hf_hub_url(repo, name, revision=revision)
    with spoken_errors(url):
        found = within_patience(
            lambda: hub.get_hf_file_metadata(url, timeout=PATIENCE_S, headers=headers())
        )
    return _checked(url, found, revision, sha256)


def load_hub() -> Any:
    """Import huggingface_hub.

    Raises:
        StzsarError: it is not installed.
    """
    # It would ask the hub what programs call themselves agents, and say which of them runs this.
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    try:
        import huggingface_hub
    except ImportError as error:
        raise StzsarError(
            "A download needs the package huggingface_hub: run pip install '.[cpu,fetch]' in "
            "stzsar's folder, or name a copy of the file with --weights."
        ) from error
    return huggingface_hub


def cache_of(repo: str) -> Path:
    """Return where huggingface_hub keeps the files of a repository."""
    from huggingface_hub import constants

    return Path(constants.HF_HUB_CACHE) / f"models--{repo.replace('/', '--')}"


@contextlib.contextmanager
def spoken_errors(url: str) -> Iterator[None]:
    """Turn what huggingface_hub and its HTTP client raise into a HubError."""
    try:
        yield
    except Exception as error:
        clause = _clause(error, url)
        if clause is None:
            raise
        raise HubError(clause) from error


def cannot_download(weights: Weights, revision: str, why: object) -> StzsarError:
    """Return the error that says what to copy by hand, and where to put it."""
    address = f"{weights.page}/resolve/{revision}/{FILE}"
    return StzsarError(
        f"Cannot download {weights.name}: {why}. Without a download, copy {address} to this "
        f"machine and run: stzsar-fetch {weights.backbone} --pretrained {weights.tag} --weights "
        f"{FILE}"
    )


def headers() -> dict[str, str]:
    """Return the headers of a request, the user's token among them."""
    from huggingface_hub.utils import build_hf_headers

    return build_hf_headers(library_name="stzsar")


def _checked(url: str, found: Any, wanted: str, sha256: str) -> RemoteFile:
    """Refuse an answer that a hub does not give."""
    revision, size = str(found.commit_hash), found.size
    sha256 = sha256 or str(found.etag)
    if not _is_hex(revision, _COMMIT_DIGITS):
        raise HubError(f"{_host(url)} does not answer as a hub does: it names no commit")
    if _is_hex(wanted, _COMMIT_DIGITS) and revision != wanted:
        raise HubError(f"{_host(url)} has the commit {revision} instead of {wanted}")
    if not _is_hex(sha256, _SHA256_DIGITS):
        raise HubError(f"{_host(url)} does not say the file's sha256")
    if size is None or not 0 < size <= MAX_BYTES:
        raise HubError(f"{_host(url)} says that the file has {size} bytes, too few or too many")
    return RemoteFile(url=url, revision=revision, sha256=sha256, size=size)


def _is_hex(text: str, digits: int) -> bool:
    return len(text) == digits and set(text) <= set("0123456789abcdef")


def _clause(error: BaseException, url: str) -> str | None:
    """Return why a request failed, or None for an error that is not the network's."""
    import httpx2
    from huggingface_hub.errors import (
        FileMetadataError,
        HfHubHTTPError,
        LocalEntryNotFoundError,
        OfflineModeIsEnabled,
    )

    host = _host(url)
    if isinstance(error, LocalEntryNotFoundError) and error.__cause__:
        return _clause(error.__cause__, url)
    if isinstance(error, OfflineModeIsEnabled):
        return "HF_HUB_OFFLINE is set, and the cache has no copy"
    if isinstance(error, HfHubHTTPError):
        status = error.response.status_code
        return status_clause(status, host, error.response.headers.get("retry-after", ""))
    if isinstance(error, FileMetadataError):
        return f"{host} does not answer as a hub does"
    if isinstance(error, httpx2.TimeoutException | TimeoutError):
        return f"{host} does not answer within {PATIENCE_S:g} seconds"
    if isinstance(error, httpx2.HTTPError | httpx2.InvalidURL):
        return f"there is no connection to {host} ({str(error)[:100] or type(error).__name__})"
    return None


def status_clause(status: int, host: str, retry_after: str) -> str:
    """Return what a status of HTTP means here, as a clause."""
    wait = f" for {retry_after} seconds" if retry_after.isdecimal() else ""
    meanings = {
        401: "wants another token: check HF_TOKEN, or leave it unset",
        403: "refuses this account: accept the weights' terms there, or check HF_TOKEN",
        404: "has no such file or revision",
        429: f"takes no more requests from this address: wait{wait or ' a while'}",
    }
    meaning = meanings.get(status, "has a fault" if status >= 500 else "refuses the request")
    return f"{host} {meaning} (status {status})"


def _host(url: str) -> str:
    return without_secrets(url.split("/resolve/")[0]).split("://")[-1].split("/")[0]


def within_patience(ask: Callable[[], T]) -> T:
    """Return what `ask` returns.

    A resolver that nobody answers takes half a minute, which no time-out of HTTP covers.

    Raises:
        TimeoutError: it takes longer.
    """
    results: list[T] = []
    errors: list[BaseException] = []

    def run() -> None:
        try:
            results.append(ask())
        except BaseException as error:  # raised again below, in the caller's thread
            errors.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(PATIENCE_S + 0.5)
    if errors:
        raise errors[0]
    if not results:
        raise TimeoutError
    return results[0]


def compare_pins() -> None:
    """Print for each entry of the catalogue whether it is the hub's newest, else what that is."""
    for weights in CATALOGUE:
        found = ask_hub(weights, "main")
        same = (found.revision, found.sha256) == (weights.revision, weights.sha256)
        print(f"{weights.name}: {'as pinned' if same else f'{found.revision} {found.sha256}'}")


if __name__ == "__main__":
    compare_pins()
