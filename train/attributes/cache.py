"""What was fetched and answered, on disk, so that a rerun costs nothing and a kill loses nothing.

A file is written beside its place and renamed, so that it is whole or not there. One that cannot
be read is as good as none. Nothing secret gets here: the keys of the files are hashes of addresses
and questions, the contents are pages and answers.
"""

import contextlib
import hashlib
import json
import os
import tempfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ...runtime.errors import StzsarError


@dataclass(frozen=True)
class Page:
    """What an address gave.

    Attributes:
        url: where it lies, after redirects.
        status: 200, or 404 and 410 for what is not there.
        content_type: the header.
        date: the day on which it was fetched, ISO.
        body: the bytes.
    """

    url: str
    status: int
    content_type: str
    date: str
    body: bytes


def default_folder() -> Path:
    """Return the user's cache folder for attributes."""
    base = os.environ.get("XDG_CACHE_HOME", "")
    root = Path(base) if Path(base).is_absolute() else Path.home() / ".cache"
    return root / "stzsar" / "attributes"


class Cache:
    """A folder of pages and answers; several threads and processes may use one."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def page(self, url: str) -> Page | None:
        """Return what `url` gave before, if it was kept."""
        content = _content(self._path("pages", url))
        head, newline, body = content.partition(b"\n")
        with contextlib.suppress(ValueError, TypeError):
            if newline:
                return Page(**json.loads(head), body=body)
        return None

    def keep_page(self, url: str, page: Page) -> None:
        """Keep what `url` gave."""
        head = {name: value for name, value in asdict(page).items() if name != "body"}
        self._write(self._path("pages", url), json.dumps(head).encode() + b"\n" + page.body)

    def answer(self, question: str) -> dict[str, Any] | None:
        """Return the answer to a question that was asked before, if it was kept."""
        with contextlib.suppress(ValueError):
            found = json.loads(_content(self._path("answers", question)))
            return found if isinstance(found, dict) else None
        return None

    def keep_answer(self, question: str, answer: Mapping[str, Any]) -> None:
        """Keep an answer."""
        self._write(self._path("answers", question), json.dumps(answer).encode())

    def _path(self, kind: str, key: str) -> Path:
        return self._folder / kind / f"{hashlib.sha256(key.encode()).hexdigest()}.cached"

    def _write(self, path: Path, content: bytes) -> None:
        try:
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            written_whole(path, content)
        except OSError as error:
            raise StzsarError(
                f"Cannot keep what was fetched in {self._folder} ({error.strerror}): name another "
                "folder with --cache."
            ) from error


def written_whole(path: Path, content: bytes, mode: int = 0o600) -> None:
    """Write a file that appears whole or not at all, with the permissions `mode`."""
    descriptor, name = tempfile.mkstemp(prefix=f".{path.name[:40]}.", dir=path.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(name).chmod(mode)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""
