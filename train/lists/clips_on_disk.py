"""Finds the clips on disk that lists name, whatever folders they lie in."""

import itertools
from collections.abc import Collection, Sequence
from pathlib import Path

from ...runtime.errors import SourceError
from ...runtime.labels.names import name_key
from .clip import Clip, ListedClip, bare_name, file_key

# How well a file fits a listed path, the most important first: the same path; how many folders
# beyond the class are shared; the class's own folder; the same file name; and its case.
Fit = tuple[bool, int, bool, bool, bool]


class ClipsOnDisk:
    """The clips below `root`, each with its folder or its CSV's label as its class."""

    def __init__(self, clips: Sequence[Clip], root: Path) -> None:
        self._root = root
        self._by_file: dict[str, list[Clip]] = {}
        for clip in clips:
            self._by_file.setdefault(file_key(clip.path.name), []).append(clip)

    def find(self, listed: ListedClip, classes: Collection[str]) -> Path | None:
        """Return the file of a listed clip, or None; `classes` are the list's, as `name_key`s.

        Names match without case and without a video's suffix. Of several files with one name, the
        one whose folders are most like the listed path's is taken.

        Raises:
            SourceError: several files fit equally well.
        """
        for name in (listed.file, *listed.others):
            fits: dict[Fit, list[Path]] = {}
            for clip in self._by_file.get(file_key(name), ()):
                fit = self._fit(listed, name, clip, classes)
                if fit is not None:
                    fits.setdefault(fit, []).append(clip.path)
            if not fits:
                continue
            first, *others = fits[max(fits)]
            if others:
                raise SourceError(
                    f"{listed} may be {first} or {others[0]}: write the paths in the list as they "
                    f"are below {self._root}, or keep one of the files."
                )
            return first
        return None

    def _fit(
        self, listed: ListedClip, name: str, clip: Clip, classes: Collection[str]
    ) -> Fit | None:
        """Return how well a file fits a listed path, or None if it is another clip's.

        A file in the folder of another class is another clip: of the same recording, or by chance
        of the same name. Beyond the class the paths may not differ: train/jump/1.mp4 is not
        test/jump/1.mp4.
        """
        own, group = name_key(listed.label), name_key(clip.label)
        inside = clip.path.parent
        if inside.is_relative_to(self._root):
            inside = inside.relative_to(self._root)
        theirs = tuple(part for part in inside.parts if part != inside.anchor)
        ours = listed.folders
        in_place = not ours or not theirs or name_key(theirs[-1]) == name_key(ours[-1])
        if group != own and (group in classes or not in_place):
            return None
        ways = (_beyond_class(ours, own), _beyond_class(theirs, own))
        shared = _shared_end(*ways)
        if shared < min(map(len, ways)):
            return None
        is_exact = bool(theirs) and theirs == ours
        is_same_case = bare_name(clip.path.name) == bare_name(name)
        return is_exact, shared, group == own, clip.path.name == name, is_same_case


def _beyond_class(folders: Sequence[str], own: str) -> tuple[str, ...]:
    """Return the keys of folders, without the class's own folder at the end."""
    keys = tuple(map(name_key, folders))
    return keys[:-1] if keys and keys[-1] == own else keys


def _shared_end(ours: Sequence[str], theirs: Sequence[str]) -> int:
    pairs = zip(reversed(ours), reversed(theirs), strict=False)
    return sum(1 for _ in itertools.takewhile(lambda pair: pair[0] == pair[1], pairs))
