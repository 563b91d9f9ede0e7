"""Finds videos, and tells them apart by their content."""

import hashlib
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from ...errors import SourceError

SUFFIXES = frozenset(
    [
        ".mp4",
        ".mkv",
        ".avi",
        ".mov",
        ".webm",
        ".ts",
        ".m4v",
        ".mpg",
        ".mpeg",
        ".flv",
        ".wmv",
        ".3gp",
        ".mts",
        ".m2ts",
    ]
)
# A file of 100 GB is told apart by its size and these parts of it, spread evenly, its first and its
# last bytes among them: videos that differ somewhere differ in their index, which stands at an end.
_PARTS, _PART_BYTES = 16, 1 << 18


@dataclass(frozen=True, kw_only=True)
class Found:
    """A video file.

    Attributes:
        path: where it is, absolute.
        size: in bytes.
        mtime: when it was changed, in seconds since 1970.
    """

    path: str
    size: int
    mtime: float

    @classmethod
    def at(cls, path: Path) -> "Found":
        """Look at a file.

        Raises:
            SourceError: it is not there.
        """
        try:
            facts = path.stat()
        except OSError as error:
            raise SourceError(f"Cannot read the video {path}: {error.strerror}.") from error
        return cls(path=str(path.absolute()), size=facts.st_size, mtime=facts.st_mtime)

    @property
    def is_as_it_was(self) -> bool:
        """Whether the file still has this size and this time."""
        try:
            return Found.at(Path(self.path)) == self
        except SourceError:
            return False


def find_videos(places: Sequence[Path]) -> list[Path]:
    """Return the files that are named, and those with a video's ending below folders, each once.

    Raises:
        SourceError: a file or folder is not there, or there is no video at all.
    """
    found = dict.fromkeys(path for place in places for path in _videos_in(place))
    if not found:
        named = ", ".join(str(place) for place in places[:3])
        raise SourceError(f"There is no video in {named}: name video files, or a folder of them.")
    return list(found)


def _videos_in(place: Path) -> Iterator[Path]:
    if not place.exists():
        raise SourceError(f"There is no video {place}: check the name.")
    if not place.is_dir():
        yield place
        return
    for folder, folders, names in os.walk(place):
        folders.sort()
        for name in sorted(names):
            path = Path(folder, name)
            if path.suffix.lower() in SUFFIXES and not name.startswith("."):
                yield path


def content_hash(path: Path) -> str:
    """Return a hash of a file's size and of parts of its content.

    Raises:
        SourceError: it cannot be read.
    """
    try:
        with path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            seen = hashlib.sha256(f"{size} bytes\n".encode())
            last = max(0, size - _PART_BYTES)
            places = {last * part // (_PARTS - 1) for part in range(_PARTS)}
            for place in sorted(places):
                file.seek(place)
                seen.update(file.read(_PART_BYTES))
    except OSError as error:
        raise SourceError(f"Cannot read the video {path}: {error.strerror}.") from error
    return seen.hexdigest()[:32]
