"""The folder of events: who writes into it, what its files are called, and what a kill leaves.

    events.sqlite                             the rows
    clips/2026-11-30/000123-hall-archery.mp4  a clip
    stills/2026-11-30/000123-hall-archery.jpg its picture at the peak, and -annotated.jpg

A file has its final name only when it is whole. Its number leads back to its row.
"""

import contextlib
import errno
import fcntl
import os
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from .. import atomic
from ..documents import open_to_append
from ..errors import StzsarError
from .record import FILE_PATTERN, PARTS, Part, StoredEvent
from .store import FILE_NAME, EventStore

LOCK_NAME = ".lock"
_FOLDERS: dict[Part, str] = {"clip": "clips", "still": "stills", "annotated": "stills"}
_PARTS_OF_IT = sorted(set(_FOLDERS.values()))
_ENDINGS: dict[Part, str] = {"clip": ".mp4", "still": ".jpg", "annotated": "-annotated.jpg"}
_NAME = re.compile(r"(\d{6,})-.*")
_LONGEST_WORD = 40


class EventFolder:
    """The files of a store.

    Attributes:
        path: the folder.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def database(self) -> Path:
        """The file of the rows."""
        return self.path / FILE_NAME

    def lock(self) -> IO[bytes]:
        """Make the folder and claim it for this process, until the file is closed.

        Raises:
            StzsarError: another run writes into it, or it cannot be written.
        """
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            file = open_to_append(self.path / LOCK_NAME)
            for folder in map(self.path.joinpath, _PARTS_OF_IT):
                folder.mkdir(exist_ok=True)
                if folder.is_symlink():
                    # What is behind it may be anybody's, and files that no event has are removed.
                    raise OSError(errno.ELOOP, f"{folder.name} in it is a link", str(folder))
        except OSError as error:
            raise StzsarError(
                f"Cannot write events into {self.path}: {error.strerror}; name another folder."
            ) from error
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.close()
            raise StzsarError(
                f"Another run writes its events into {self.path}: give each run a folder of its "
                "own, or end the other one."
            ) from None
        except OSError:  # a file system without locks
            pass
        return file

    def name_of(self, event: StoredEvent, part: Part) -> str:
        """Return the name of a file of an event, relative to the folder."""
        day = time.strftime("%Y-%m-%d", time.localtime(event.when))
        words = "-".join(filter(None, map(_plain, (event.source, event.region or "", event.label))))
        return f"{_FOLDERS[part]}/{day}/{event.id:06d}-{words}{_ENDINGS[part]}"

    def write(self, event: StoredEvent, part: Part, data: bytes) -> tuple[str, int]:
        """Write a file, whole or not at all; return its name and size.

        Raises:
            OSError: it cannot be written.
        """
        name = self.name_of(event, part)
        path = self.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        atomic.write_file(path, data)
        return name, len(data)

    def begin_clip(self, event: StoredEvent) -> Path:
        """Return where to write a clip until it is whole."""
        path = self.path / self.name_of(event, "clip")
        path.parent.mkdir(parents=True, exist_ok=True)
        return path.with_name(f".{event.id:06d}.part.mp4")

    def land_clip(self, event: StoredEvent, written: Path) -> tuple[str, int]:
        """Give a whole clip its name; return that and its size.

        Raises:
            OSError: the disk is full, and what was written is not on it.
        """
        name = self.name_of(event, "clip")
        size_bytes = written.stat().st_size
        atomic.land_file(written, self.path / name)
        return name, size_bytes

    def file_of(self, name: str) -> Path | None:
        """Return a file of an event; None where it is gone, or not called and not lying as ours."""
        path = self.path / name
        if not re.match(FILE_PATTERN, name) or _is_behind_a_link(path, self.path):
            return None
        return path if path.is_file() and not path.is_symlink() else None

    def remove(self, name: str) -> None:
        """Remove a file, and its day's folder if that is empty then.

        A store may come from a stranger: nothing goes that is not called as our files are, and
        nothing behind a link.
        """
        path = self.path / name
        if re.match(FILE_PATTERN, name) and not _is_behind_a_link(path, self.path):
            path.unlink(missing_ok=True)
            with contextlib.suppress(OSError):
                path.parent.rmdir()

    def reconcile(self, store: EventStore) -> int:
        """Make files and rows agree after a kill; return how many files were removed.

        A whole file that its row does not name yet is added to the row. A file called as ours
        are that no row knows is removed, and so is the name of a file that is gone.
        """
        named = store.files()
        there = set(self._files())
        for name, (id_, part) in named.items():
            if name not in there:
                store.set_file(id_, part, None)
        removed = 0
        for name in sorted(there - set(named)):
            if not self._adopt(store, name):
                self.remove(name)
                removed += 1
        return removed

    def _adopt(self, store: EventStore, name: str) -> bool:
        path = Path(name)
        match = _NAME.fullmatch(path.stem)
        event = store.get(int(match[1])) if match and len(match[1]) < 16 else None
        if event is None:
            return False
        for part in PARTS:
            if self.name_of(event, part) == name and getattr(event, part) is None:
                store.set_file(event.id, part, name, (self.path / name).stat().st_size)
                return True
        return False

    def _files(self) -> Iterator[str]:
        for folder in _PARTS_OF_IT:
            for path in (self.path / folder).glob("*/*"):
                name = path.relative_to(self.path).as_posix()
                if re.match(FILE_PATTERN, name) and not (
                    path.is_dir() or _is_behind_a_link(path, self.path)
                ):
                    yield name


def _is_behind_a_link(path: Path, folder: Path) -> bool:
    """Return whether the way from a folder to a file two below it leads through a link."""
    return any(parent.is_symlink() for parent in path.parents[: -len(folder.parents) - 1])


def _plain(text: str) -> str:
    """Return a name as a part of a file's name that any file system and shell takes."""
    return re.sub(r"[^\w.]+", "_", text).strip("_.")[:_LONGEST_WORD]


def free_bytes(path: Path) -> tuple[int, int]:
    """Return the bytes that are free for this user on a folder's disk, and all of its bytes."""
    found = os.statvfs(path)
    return found.f_bavail * found.f_frsize, found.f_blocks * found.f_frsize
