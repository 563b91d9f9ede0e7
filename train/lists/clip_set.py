"""Finds the labelled clips of a folder, a CSV or a list, for training and for evaluation."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

from ...runtime.errors import SourceError
from ...runtime.labels.names import (
    check_distinct,
    first_names,
    name_key,
    nearest_hint,
    spaced_words,
)
from ...runtime.sources.uri import VIDEO_SUFFIXES
from .clip import Clip, ClipKey, ListedClip
from .clips_on_disk import ClipsOnDisk
from .list_files import read_list_file

# Depths of data/class/clip.mp4, and of data/train/class/clip.mp4, which lists can tell apart.
_PLAIN_DEPTH, _LISTED_DEPTH = 2, 3


@dataclass(frozen=True)
class ClipSet:
    """The clips on disk with their classes, and what should be there and is not.

    Attributes:
        clips: in a fixed order, each with its class as `classes` spells it.
        classes: as spaced words; sorted, or in the order of the list that names them.
        missing: clips that a list names and that are not on disk.
        named: how many clips there are with the missing ones.
        others: classes of the data that are not among `classes`.
        empty_folders: class folders without a clip, as spaced words.
        place_of: for a list, where each of its clips stands in `clips`.
    """

    clips: tuple[Clip, ...]
    classes: tuple[str, ...]
    missing: tuple[str, ...] = ()
    named: int = 0
    others: tuple[str, ...] = ()
    empty_folders: tuple[str, ...] = ()
    place_of: dict[ClipKey, int] = field(default_factory=dict)

    @cached_property
    def rows(self) -> tuple[int, ...]:
        """The row of each clip's class."""
        row_of = {name: row for row, name in enumerate(self.classes)}
        return tuple(row_of[clip.label] for clip in self.clips)

    @property
    def empty(self) -> tuple[str, ...]:
        """The classes without a clip."""
        labels = {clip.label for clip in self.clips}
        return tuple(name for name in self.classes if name not in labels)

    def among(self, classes: Sequence[str]) -> "ClipSet":
        """Return the clips of some classes, in the order and spelling given."""
        spelling = {name_key(name): name for name in classes}
        keyed = [(name_key(clip.label), clip) for clip in self.clips]
        chosen = tuple(Clip(clip.path, spelling[key]) for key, clip in keyed if key in spelling)
        others = tuple(name for name in self.classes if name_key(name) not in spelling)
        return replace(self, clips=chosen, classes=tuple(classes), others=others, empty_folders=())

    def places(self, listed: Sequence[ListedClip]) -> tuple[int, ...]:
        """Return where the clips of a list stand, without the missing ones."""
        return tuple(self.place_of[clip.key] for clip in listed if clip.key in self.place_of)

    def check_missing(self, source: Path, data: Path) -> None:
        """Raise SourceError if clips that `source` names are not in `data`."""
        if self.missing:
            are = "is" if len(self.missing) == 1 else "are"
            raise SourceError(
                f"{source} names {self.named:,} clips, of which {len(self.missing):,} {are} not "
                f"{'there' if source == data else f'in {data}'}, {first_names(self.missing)}: add "
                "them, or go on without them with --allow-missing."
            )

    def check_empty(self, data: Path) -> None:
        """Raise SourceError if a class has no clip."""
        empty = (*self.empty, *self.empty_folders)
        if empty:
            raise SourceError(
                f"{len(empty)} of {len(self.classes) + len(self.empty_folders)} classes have no "
                f"clip in {data}, the first is {empty[0]!r}{nearest_hint(empty[0], self.others)}: "
                "add clips, or accept it with --allow-missing."
            )


def find_clips(data: Path, *, classes: Path | None = None) -> ClipSet:
    """Find the clips of a folder of `class/clip.mp4`, or of a CSV with rows `path,label`.

    Paths in a CSV are relative to it. Class names become spaced words: `ApplyEyeMakeup` and
    `apply_eye_makeup` are "apply eye makeup".

    Args:
        data: the folder or the CSV.
        classes: names the classes of a CSV that has numbers for labels.

    Raises:
        LabelError: one class has two spellings, or a CSV's numbers have no names.
        SourceError: there are no clips.
    """
    if data.is_dir():
        found = _of_folder(data)
    elif data.suffix.lower() == ".csv":
        found = _of_csv(data, classes)
    else:
        raise SourceError(
            f"{data} is neither a folder of class/clip.mp4 nor a .csv of path,label: give one."
        )
    if not found.named:
        raise SourceError(f"{data} holds no videos: the form is class/clip.mp4.")
    return found


def find_listed_clips(
    data: Path,
    listed: Sequence[ListedClip],
    classes: Sequence[str],
    *,
    keep_unlisted: bool = False,
) -> ClipSet:
    """Find the clips of a list below a folder, flat or in folders, or among those of a CSV.

    Args:
        data: the folder or the CSV.
        listed: the clips.
        classes: all classes of the list.
        keep_unlisted: whether to add further clips of these classes.

    Raises:
        SourceError: there are no clips, several fit one listed path, or one fits two classes.
    """
    if data.is_dir():
        everything = [_in_folder(path) for path in _videos_below(data, _LISTED_DEPTH)]
    else:
        everything = find_clips(data).clips
    if not everything:
        raise SourceError(f"{data} holds no videos: give the folder that the clips lie in.")
    disk = ClipsOnDisk(everything, root := data if data.is_dir() else data.parent)
    spelling = {name_key(name): name for name in classes}
    clips: list[Clip] = []
    missing: list[str] = []
    place_of: dict[ClipKey, int] = {}
    label_of: dict[Path, str] = {}
    for clip in listed:
        path = disk.find(clip, spelling.keys())
        if path is None:
            missing.append(str(clip))
            continue
        label = spelling[name_key(clip.label)]
        other = label_of.setdefault(path, label)
        if other != label:
            raise SourceError(
                f"{clip.where} names {path} for {other!r} and for {label!r}: give each clip a "
                "file of its own, in the folder of its class or under the listed path."
            )
        place_of.setdefault(clip.key, len(clips))
        clips.append(Clip(path, label))
    unlisted = [clip for clip in everything if clip.path not in label_of]
    if keep_unlisted:
        keyed = [(name_key(clip.label), clip) for clip in unlisted]
        clips += [Clip(clip.path, spelling[key]) for key, clip in keyed if key in spelling]
    # What lies flat in the data's folder has no class.
    others = {
        clip.label: None for clip in unlisted if not data.is_dir() or clip.path.parent != root
    }
    return ClipSet(
        tuple(clips),
        tuple(classes),
        tuple(missing),
        len(listed),
        tuple(sorted(name for name in others if name_key(name) not in spelling)),
        place_of=place_of,
    )


def _of_folder(data: Path) -> ClipSet:
    clips = [_in_folder(p) for p in _videos_below(data, _PLAIN_DEPTH) if p.parent != data]
    full = {clip.path.parent.name for clip in clips}
    check_distinct(sorted(full), data)
    folders = {path.name for path in data.iterdir() if path.is_dir() and path.name[0] != "."}
    keys = set(map(name_key, full))
    empty = {spaced_words(name) for name in folders if name_key(name) not in keys}
    classes = sorted({clip.label for clip in clips})
    return ClipSet(
        tuple(clips), tuple(classes), named=len(clips), empty_folders=tuple(sorted(empty))
    )


def _of_csv(data: Path, classes: Path | None) -> ClipSet:
    listed = [Clip(data.parent / clip.path, clip.label) for clip in read_list_file(data, classes)]
    clips = tuple(clip for clip in listed if clip.path.is_file())
    missing = tuple(str(clip.path) for clip in listed if not clip.path.is_file())
    return ClipSet(clips, tuple(sorted({clip.label for clip in listed})), missing, len(listed))


def _in_folder(path: Path) -> Clip:
    return Clip(path, spaced_words(path.parent.name))


def _videos_below(folder: Path, depth: int) -> Iterator[Path]:
    """Yield the videos in and below a folder, in the order of their names."""
    for where, folders, names in os.walk(folder, followlinks=True):
        level = len(Path(where).relative_to(folder).parts) + 1
        folders[:] = sorted(name for name in folders if name[0] != ".") if level < depth else []
        for name in sorted(names):
            if Path(name).suffix.lower() in VIDEO_SUFFIXES and name[0] != ".":
                yield Path(where, name)
