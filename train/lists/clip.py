"""Clips: one on disk, one that a list names, and what identifies both."""

import unicodedata
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from ...runtime.labels.names import name_key
from ...runtime.video.file_kinds import VIDEO_SUFFIXES

ClipKey = tuple[str, str]


@dataclass(frozen=True)
class Clip:
    path: Path
    label: str


@dataclass(frozen=True)
class ListedClip:
    label: str  # its class as spaced words
    path: str  # as the list has it: with folders, or a file name alone
    where: str  # the list's name
    others: tuple[str, ...] = ()  # other file names under which people keep the clip

    @property
    def file(self) -> str:
        return _parts(self.path).name

    @property
    def folders(self) -> tuple[str, ...]:
        """The folders of the path, from the outermost; none for a file name alone."""
        return tuple(part for part in _parts(self.path).parent.parts if part not in ("/", ".."))

    @property
    def key(self) -> ClipKey:
        return clip_key(self.label, self.file)

    def __str__(self) -> str:
        """Return the path, or the class and the file name, for messages and missing.txt."""
        return f"{'/'.join((*(self.folders or (self.label,)), self.file))} of {self.where}"


def clip_key(label: str, file: str) -> ClipKey:
    """Return what identifies a clip in all lists and folders: its class and its file name."""
    return name_key(label), file_key(file)


def file_key(file: str) -> str:
    """Return a file name for comparing: without case, and without a video's suffix.

    Lists name `.avi` for what people have as `.mp4`, or no suffix; other dots belong to the name.
    """
    return unicodedata.normalize("NFC", bare_name(file).casefold())


def bare_name(file: str) -> str:
    """Return a file name without folders and without a video's suffix."""
    path = PurePosixPath(file)
    return path.stem if path.suffix.lower() in VIDEO_SUFFIXES else path.name


def _parts(path: str) -> PurePosixPath:
    return PurePosixPath(path.replace("\\", "/"))
