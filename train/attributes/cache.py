"""Pages and answers on disk, so that a rerun costs nothing and a killed run goes on.

One SQLite file, written by hishel. It holds no credentials: requests are stored without them, and
answers are cleared of them before.
"""

import contextlib
import hashlib
import json
import logging
import os
import sqlite3
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import hishel

from ...runtime.errors import StzsarError
from ...runtime.user_folders import cache_folder

log = logging.getLogger(__name__)


def default_folder() -> Path:
    """Return the user's cache folder for attributes.

    Raises:
        StzsarError: the user has no home folder.
    """
    try:
        return cache_folder() / "attributes"
    except RuntimeError as error:
        raise StzsarError("There is no home folder: name a folder with --cache.") from error


class Cache:
    """A database of pages and answers; threads and processes may share it."""

    def __init__(self, folder: Path) -> None:
        """Name the folder; nothing is written before `open`."""
        self._path = folder / "cache.db"
        self.storage = hishel.SqliteStorage(database_path=self._path, max_size=None)
        logging.getLogger("hishel").handlers = [_SaidOnce(self._path)]
        logging.getLogger("hishel").propagate = False

    def open(self) -> "Cache":
        """Create the database, or start again where it is damaged.

        Raises:
            StzsarError: it cannot be written.
        """
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            if not self._is_whole():
                log.warning("%s is damaged: pages and answers are fetched again.", self._path)
                for suffix in ("", "-wal", "-shm"):
                    self._path.with_name(self._path.name + suffix).unlink(missing_ok=True)
            os.close(os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600))
        except OSError as error:
            raise StzsarError(
                f"Cannot write {self._path} ({error.strerror}): name another folder with --cache."
            ) from error
        return self

    def knows(self, key: str) -> bool:
        return self._path.exists() and bool(self.storage.get_entries(key))

    def answer(self, question: str) -> dict[str, Any] | None:
        for entry in self.storage.get_entries(_hashed(question)):
            found = json.loads(b"".join(_blocks(entry)))
            return found if isinstance(found, dict) else None
        return None

    def keep_answer(self, question: str, answer: Mapping[str, Any]) -> None:
        body = iter([json.dumps(answer).encode()])
        request, response = hishel.Request("POST", ""), hishel.Response(200, stream=body)
        entry = self.storage.create_entry(request, response, _hashed(question))
        for _ in _blocks(entry):
            pass  # hishel stores what is read

    def _is_whole(self) -> bool:
        if not self._path.exists():
            return True
        try:
            with contextlib.closing(sqlite3.connect(self._path)) as database:
                return database.execute("PRAGMA quick_check(1)").fetchone() == ("ok",)
        except sqlite3.OperationalError as error:
            raise OSError(0, str(error)) from error  # locked, or not ours to read
        except sqlite3.DatabaseError:
            return False


def _hashed(question: str) -> str:
    return hashlib.sha256(question.encode()).hexdigest()


def _blocks(entry: hishel.Entry) -> Any:
    return entry.response.stream


class _SaidOnce(logging.Handler):
    """Says in one sentence what hishel logs with a traceback each time, such as a full disk."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self._path, self._is_said = path, False

    def emit(self, record: logging.LogRecord) -> None:
        if not self._is_said:
            self._is_said = True
            why = record.exc_info[1] if record.exc_info else record.getMessage()
            log.warning("%s cannot be used (%s): a rerun will ask again.", self._path, why)
