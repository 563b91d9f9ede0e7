"""The clips that are on disk, found by what lists call them."""

import itertools
import os
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path, PurePosixPath

from ...runtime.errors import SourceError
from ...runtime.labels.names import spaced_words
from ...runtime.sources.uri import VIDEO_SUFFIXES
from .labelled_videos import VideoFile, find_videos
from .listed_clip import ListedClip
from .names import bare_name, key_of

# data/clip.mp4, data/class/clip.mp4, data/train/class/clip.mp4
_DEPTH = 3
# The very path; how many folders beyond the class are shared; the class's own folder; the very
# file name; and its case.
Fit = tuple[bool, int, bool, bool, bool]


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
        self._data = data
        self._root = data if data.is_dir() else data.parent
        self._named: dict[str, list[VideoFile]] = {}
        for file in self.files:
            self._named.setdefault(bare_name(file.path.name).casefold(), []).append(file)

    def find(self, clip: ListedClip, classes: Collection[str]) -> Path | None:
        """Return where a listed clip is, or None.

        Names are the same but for the suffix of a video and for case. Of files of one name that is
        taken whose folders are most like the listed path's.

        Args:
            clip: the clip.
            classes: what `key_of` makes of all classes of the list.

        Raises:
            SourceError: several files are as like it.
        """
        for name in (clip.file, *clip.others):
            fits: dict[Fit, list[Path]] = {}
            for file in self._named.get(bare_name(name).casefold(), ()):
                fit = self._fit(clip, name, file, classes)
                if fit is not None:
                    fits.setdefault(fit, []).append(file.path)
            if not fits:
                continue
            first, *others = fits[max(fits)]
            if others:
                raise SourceError(
                    f"{clip} may be {first} or {others[0]}: write the paths in the list as they "
                    f"are below {self._data}, or keep one of the files."
                )
            return first
        return None

    def _fit(
        self, clip: ListedClip, name: str, file: VideoFile, classes: Collection[str]
    ) -> Fit | None:
        """Return how like a listed path a file's is, or None if it is another clip's.

        That is what lies in the folder of another class, whether the list names that class or
        not: of the same recording, or by chance of the same name. Where paths lead on beyond the
        class they may not part: train/jump/1.mp4 is not test/jump/1.mp4.
        """
        own, group = key_of(clip.label), key_of(file.label)
        inside = file.path.parent
        if inside.is_relative_to(self._root):
            inside = inside.relative_to(self._root)
        theirs = tuple(part for part in inside.parts if part != inside.anchor)
        in_place = not clip.folders or not theirs or key_of(theirs[-1]) == key_of(clip.folders[-1])
        if group != own and (group in classes or not in_place):
            return None
        ways = (_beyond_class(clip.folders, own), _beyond_class(theirs, own))
        shared = _shared_end(*ways)
        if shared < min(map(len, ways)):
            return None
        exact = bool(theirs) and theirs == clip.folders
        here = bare_name(file.path.name)
        return exact, shared, group == own, file.path.name == name, here == bare_name(name)


def _beyond_class(folders: Sequence[str], own: str) -> tuple[str, ...]:
    """Return what `key_of` makes of folders, without the class's own at the end."""
    keys = tuple(map(key_of, folders))
    return keys[:-1] if keys and keys[-1] == own else keys


def _shared_end(ours: Sequence[str], theirs: Sequence[str]) -> int:
    """Return how many parts two paths share at their ends."""
    pairs = zip(reversed(ours), reversed(theirs), strict=False)
    return sum(1 for _ in itertools.takewhile(lambda pair: pair[0] == pair[1], pairs))


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
