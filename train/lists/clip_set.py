"""Finds the labelled clips of a folder, a CSV or a list, for training and for evaluation."""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

from ...runtime.errors import LabelError, SourceError
from ...runtime.labels.names import (
    check_distinct,
    first_names,
    name_key,
    nearest_hint,
    spaced_words,
)
from ...runtime.video.pictures import picture_files
from .class_lists import NAME_NUMBERS, class_file_of, read_numbered_classes
from .clip import Clip, ClipKey, ListedClip
from .clips_on_disk import ClipsOnDisk
from .list_files import read_list_file
from .video_tree import read_tree

# data/train/class/clip.mp4, which lists can tell from data/test/class/clip.mp4.
_DEPTH = 3


@dataclass(frozen=True)
class ClipSet:
    clips: tuple[Clip, ...]  # in a fixed order, each with its class as `classes` spells it
    classes: tuple[str, ...]  # as spaced words; sorted, or in the order of the list that names them
    missing: tuple[str, ...] = ()  # clips that a list names and that are not on disk
    named: int = 0  # how many clips there are with the missing ones
    others: tuple[str, ...] = ()  # classes of the data that are not among `classes`
    empty_folders: tuple[str, ...] = ()  # class folders without a clip, as spaced words
    # For a list, where each of its clips stands in `clips`
    place_of: dict[ClipKey, int] = field(default_factory=dict)

    @cached_property
    def rows(self) -> tuple[int, ...]:
        row_of = {name: row for row, name in enumerate(self.classes)}
        return tuple(row_of[clip.label] for clip in self.clips)

    @property
    def empty(self) -> tuple[str, ...]:
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
    `apply_eye_makeup` are "apply eye makeup". The file `classes` names those that are numbers; None
    takes classInd.txt or class_names.csv beside the clips.

    Raises:
        LabelError: one class has two spellings, or numbers have no names.
        SourceError: there are no clips, or some lie outside the folders of classes.
    """
    if data.is_dir():
        return _of_folder(data, classes)
    if data.suffix.lower() == ".csv":
        return _of_csv(data, classes)
    raise SourceError(
        f"{data} is neither a folder of class/clip.mp4 nor a .csv of path,label: give one."
    )


def find_listed_clips(
    data: Path,
    listed: Sequence[ListedClip],
    classes: Sequence[str],
    *,
    keep_unlisted: bool = False,
) -> ClipSet:
    """Find the clips of a list below a folder, flat or in folders, or among those of a CSV.

    `classes` are all of the list; `keep_unlisted` adds further clips of these.

    Raises:
        SourceError: there are no clips, several fit one listed path, or one fits two classes.
    """
    if data.is_dir():
        videos = read_tree(data, _DEPTH).videos
        everything = [Clip(path, spaced_words(path.parent.name)) for path in videos]
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
    others = {clip.label for clip in unlisted if not data.is_dir() or clip.path.parent != root}
    return ClipSet(
        tuple(clips),
        tuple(classes),
        tuple(missing),
        len(listed),
        tuple(sorted(name for name in others if name_key(name) not in spelling)),
        place_of=place_of,
    )


def _of_folder(data: Path, classes: Path | None) -> ClipSet:
    tree = read_tree(data, _DEPTH)
    videos = [*tree.videos, *tree.broken_links]
    inside = [path for path in videos if path.parent.parent == data]
    _check_layout(data, inside, [path for path in videos if path.parent.parent != data])
    used = {path.parent.name for path in inside}
    check_distinct(sorted(used), data)
    label_of = _labels_of_folders(data, sorted(path.name for path in tree.folders), classes)
    missing = set(tree.broken_links)
    clips = [Clip(path, label_of[path.parent.name]) for path in inside if path not in missing]
    keys = set(map(name_key, used))
    return ClipSet(
        tuple(clips),
        tuple(sorted({label_of[name] for name in used})),
        tuple(str(path) for path in inside if path in missing),
        len(inside),
        empty_folders=tuple(
            sorted(label for name, label in label_of.items() if name_key(name) not in keys)
        ),
    )


def _check_layout(data: Path, inside: Sequence[Path], others: Sequence[Path]) -> None:
    """Raise SourceError unless all clips lie in folders of classes."""
    if not inside and not others:
        raise SourceError(f"{data} holds no videos: the form is class/clip.mp4.")
    if not others:
        return
    flat = sum(path.parent == data for path in others)
    counts = [
        (len(inside), f"in {len({path.parent for path in inside}):,} folders of classes"),
        (flat, "outside of folders"),
        (len(others) - flat, "in deeper folders"),
    ]
    listing = ", ".join(f"{count:,} clips {where}" for count, where in counts if count)
    advice = "move them into folders of their classes, or give a list of the clips"
    if not inside and not flat:
        advice = f"give {others[0].parent.parent}, or a list of the clips"
    raise SourceError(f"{data} holds {listing}, such as {others[0]}: {advice}.")


def _labels_of_folders(data: Path, folders: Sequence[str], classes: Path | None) -> dict[str, str]:
    """Return the class of each folder: its name as words, or what its number stands for."""
    if not folders or not all(name.isdecimal() for name in folders):
        if classes:
            raise LabelError(f"{data} has no numbers that --classes could name: leave it out.")
        return {name: spaced_words(name) for name in folders}
    class_file = classes or class_file_of(data)
    if class_file is None:
        raise LabelError(
            f"{data} calls its classes by numbers, such as {folders[0]}: {NAME_NUMBERS}."
        )
    names = read_numbered_classes(class_file)
    unknown = next((name for name in folders if int(name) not in names), None)
    if unknown:
        raise LabelError(
            f"{data} has a class {unknown}, which {class_file} does not have: take the class file "
            "of this data."
        )
    return {name: names[int(name)] for name in folders}


def _of_csv(data: Path, classes: Path | None) -> ClipSet:
    listed = read_list_file(data, classes)
    paths = [_find_beside(data, clip.path) for clip in listed]
    clips = [Clip(path, clip.label) for path, clip in zip(paths, listed, strict=True) if path]
    return ClipSet(
        tuple(clips),
        tuple(sorted({clip.label for clip in listed})),
        tuple(str(data.parent / c.path) for c, path in zip(listed, paths, strict=True) if not path),
        len(listed),
    )


def _is_clip(path: Path) -> bool:
    return path.is_dir() and len(picture_files(str(path))) > 1


def _find_beside(data: Path, listed: str) -> Path | None:
    """Return the file, or folder of pictures, of a path in a CSV.

    Disks and lists may compose letters in another way.
    """
    path = data.parent / listed
    forms = (Path(unicodedata.normalize(form, str(path))) for form in ("NFC", "NFD"))
    try:
        return next((file for file in (path, *forms) if file.is_file() or _is_clip(file)), None)
    except OSError:  # such as a name that is too long for the disk
        return None
