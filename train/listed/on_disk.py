"""The clips that are on disk, found by what lists call them."""

import os
from collections.abc import Collection, Iterator
from pathlib import Path, PurePosixPath

from ...runtime.errors import SourceError
from ...runtime.labelled_videos import VideoFile, find_videos, spaced_words
from ...runtime.sources.uri import VIDEO_SUFFIXES
from .listed_clip import ListedClip
from .names import key_of

# data/clip.mp4, data/class/clip.mp4, data/train/class/clip.mp4
_DEPTH = 3


class ClipsOnDisk:
    """The videos of a data set: all below a folder, flat or in class folders, or those of a CSV.

    Attributes:
        files: all of them, each with its folder (or the CSV's label) as spaced words.
    """

    def __init__(self, data: Path) -> None:
        """Look at what is there.

        Raises:
            SourceError: nothing is.
        """
        if data.is_dir():
            self.files = tuple(VideoFile(p, spaced_words(p.parent.name)) for p in _videos(data))
        else:
            self.files = tuple(f for f in find_videos(data, allow_missing=True) if f.path.is_file())
        if not self.files:
            raise SourceError(f"{data} holds no videos: give the folder in which the clips lie.")
        self._exact: dict[str, list[VideoFile]] = {}
        self._folded: dict[str, list[VideoFile]] = {}
        for file in self.files:
            name = _bare(file.path.name)
            self._exact.setdefault(name, []).append(file)
            self._folded.setdefault(name.casefold(), []).append(file)

    def find(self, clip: ListedClip, classes: Collection[str]) -> Path | None:
        """Return where a listed clip is, or None.

        Names are the same but for the suffix of a video and for case. What lies in the folder of
        another class is another clip, of the same recording or by chance of the same name.

        Args:
            clip: the clip.
            classes: what `key_of` makes of all classes of the list.
        """
        own = key_of(clip.label)
        for name in (clip.file, *clip.others):
            bare = _bare(name)
            named = self._exact.get(bare) or self._folded.get(bare.casefold(), ())
            in_own = [file for file in named if key_of(file.label) == own]
            elsewhere = [file for file in named if key_of(file.label) not in classes]
            for file in (*in_own, *elsewhere):
                return file.path
        return None


def _bare(name: str) -> str:
    path = PurePosixPath(name)
    return path.stem if path.suffix.lower() in VIDEO_SUFFIXES else path.name


def _videos(folder: Path) -> Iterator[Path]:
    """Give the videos in and below a folder, in order, whatever the order on disk."""
    for where, folders, names in os.walk(folder, followlinks=True):
        deep = len(Path(where).relative_to(folder).parts)
        folders[:] = (
            sorted(n for n in folders if not n.startswith(".")) if deep < _DEPTH - 1 else []
        )
        for name in sorted(names):
            if PurePosixPath(name).suffix.lower() in VIDEO_SUFFIXES and not name.startswith("."):
                yield Path(where, name)
