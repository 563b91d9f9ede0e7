"""The clips of a run: the training part of a data set, or all of it, and what is not there."""

import csv
import io
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ...runtime.errors import SourceError
from ...runtime.labels.names import spaced_words
from .few_shot import few_of_each
from .labelled_videos import VideoFile, find_videos
from .list_files import read_list_file
from .listed_clip import ListedClip
from .names import first_of, key_of
from .on_disk import ClipsOnDisk
from .split_files import read_split_files

MISSING, FEW_SHOT = "missing.txt", "few-shot.csv"


@dataclass(frozen=True, kw_only=True)
class ClipChoice:
    """Which clips a run trains on.

    Attributes:
        data: a folder of clips, or a CSV of path,label.
        lists: the official split files' folder, or one list; None takes all clips of `data`.
        split: which of the splits; None is the first.
        classes: the file that names the numbers of a list.
        shots: clips of each class; None takes all.
        seed: of the choice of shots.
        allow_missing: whether to go on where clips are missing or classes have none.
    """

    data: Path
    lists: Path | None = None
    split: int | None = None
    classes: Path | None = None
    shots: int | None = None
    seed: int = 0
    allow_missing: bool = False


@dataclass(frozen=True)
class TrainingClips:
    """What was found.

    Attributes:
        files: the clips, each with its class as spaced words, spelt in one way.
        missing: clips that are named somewhere and are not there.
        empty: classes that have no clip.
        named: how many clips there would be with the missing ones.
        part: which part of the data they are, in words; "" is all.
        few: whether they are a few of each class, which the run's folder records.
    """

    files: tuple[VideoFile, ...] = ()
    missing: tuple[str, ...] = ()
    empty: tuple[str, ...] = ()
    named: int = 0
    part: str = ""
    few: bool = False

    @property
    def classes(self) -> tuple[str, ...]:
        """The classes of the clips, sorted."""
        return tuple(sorted({file.label for file in self.files}))

    def __str__(self) -> str:
        """Return how many clips there are and what is not there, for people."""
        said = f"{len(self.files):,} clips of {len(self.classes):,} classes"
        said += f", {self.part}" if self.part else ""
        if self.missing:
            said += (
                f"; {len(self.missing):,} of {self.named:,} are missing, the first is "
                f"{self.missing[0]}"
            )
        if self.empty:
            have = "class has" if len(self.empty) == 1 else "classes have"
            said += f"; {len(self.empty)} {have} none, the first is {self.empty[0]!r}"
        return said

    def record(self, folder: Path) -> None:
        """Write into a run's folder which clips are missing, and which few were chosen.

        The latter is a CSV of path,label, so that other runs can take the same clips.

        Raises:
            SourceError: the run began with other few clips.
        """
        if self.missing:
            text = "".join(f"{name}\n" for name in self.missing)
            (folder / MISSING).write_text(text, encoding="utf-8", errors="surrogateescape")
        if not self.few:
            return
        text = io.StringIO()
        rows = csv.writer(text, lineterminator="\n")
        rows.writerow(("path", "label"))
        rows.writerows((file.path.resolve(), file.label) for file in self.files)
        record = folder / FEW_SHOT
        content = text.getvalue().encode("utf-8", "surrogateescape")
        if record.exists() and record.read_bytes() != content:
            raise SourceError(
                f"The clips are no longer those that this run began with, which {record} lists: "
                "bring them back, or start a new run."
            )
        record.write_bytes(content)


def find_training_clips(choice: ClipChoice) -> TrainingClips:
    """Return the clips of a choice.

    Raises:
        LabelError: the classes of a list cannot be told.
        SourceError: nothing is there, a list cannot be read, or something is missing that may not.
    """
    if choice.lists is None:
        found = _of_data(choice.data)
        who, lacks = f"{choice.data} names", "that are not there"
    else:
        listed, classes, part = _listed(choice)
        found = _on_disk(choice.data, listed, classes, part)
        who, lacks = f"{choice.lists} names", f"that {choice.data} lacks"
    if not choice.allow_missing:
        _refuse_missing(found, f"{who} {found.named:,} clips, of which", lacks)
        _refuse_empty(found, choice.data)
    if not found.files:
        raise SourceError(
            f"None of the {found.named:,} clips that {choice.lists or choice.data} names is in "
            f"{choice.data}: name the folder in which they lie."
        )
    if choice.shots is None:
        return found
    few = few_of_each(found.files, choice.shots, choice.seed, allow_fewer=choice.allow_missing)
    part = f"{choice.shots} of each" + (f" of {found.part}" if found.part else "")
    return replace(found, files=few, part=part, few=True)


def _of_data(data: Path) -> TrainingClips:
    """Return all clips of a folder of class/clip, or of a CSV of path,label."""
    files = find_videos(data, allow_missing=True)
    there = [file for file in files if file.path.is_file()]
    missing = tuple(str(file.path) for file in files if not file.path.is_file())
    empty: set[str] = {file.label for file in files} - {file.label for file in there}
    if data.is_dir():
        with_clips = {file.path.parent for file in files}
        folders = (path for path in data.iterdir() if path.is_dir() and path.name[0] != ".")
        empty |= {spaced_words(path.name) for path in folders if path not in with_clips}
    known = {key_of(file.label) for file in there}
    empty = {name for name in empty if key_of(name) not in known}
    return TrainingClips(_spelt_once(there), missing, tuple(sorted(empty)), len(files))


def _listed(choice: ClipChoice) -> tuple[Sequence[ListedClip], Sequence[str], str]:
    """Return the training clips of the lists, all classes of these, and the part in words."""
    lists = choice.lists
    assert lists is not None
    if not lists.is_dir():
        listed = read_list_file(lists, choice.classes)
        return listed, tuple(dict.fromkeys(clip.label for clip in listed)), lists.name
    official = read_split_files(lists, part="train")
    numbers = sorted(official.trains)
    split = choice.split or numbers[0]
    if split not in official.trains:
        raise SourceError(
            f"{lists} has no list of the training clips of split {split}: there are "
            f"{', '.join(map(str, numbers))}."
        )
    return official.trains[split], official.classes, f"split {split}"


def _on_disk(
    data: Path, listed: Sequence[ListedClip], classes: Sequence[str], part: str
) -> TrainingClips:
    disk = ClipsOnDisk(data)
    keys = {key_of(name) for name in classes}
    files: list[VideoFile] = []
    missing: list[str] = []
    label_of: dict[Path, str] = {}
    for clip in listed:
        path = disk.find(clip, keys)
        if path is None:
            missing.append(str(clip))
            continue
        other = label_of.setdefault(path, clip.label)
        if key_of(other) != key_of(clip.label):
            raise SourceError(
                f"{clip.where} names {path} for {other!r} and for {clip.label!r}: give each clip a "
                "file of its own, in the folder of its class or under the listed path."
            )
        files.append(VideoFile(path, clip.label))
    there = {key_of(file.label) for file in files}
    empty = {key_of(name): name for name in classes if key_of(name) not in there}
    return TrainingClips(
        _spelt_once(files), tuple(missing), tuple(empty.values()), len(listed), part
    )


def _spelt_once(files: Collection[VideoFile]) -> tuple[VideoFile, ...]:
    """Return the files with each class spelt as it is the first time."""
    spelt: dict[str, str] = {}
    return tuple(
        VideoFile(file.path, spelt.setdefault(key_of(file.label), file.label)) for file in files
    )


def _refuse_missing(found: TrainingClips, who: str, lacks: str) -> None:
    if found.missing:
        raise SourceError(
            f"{who} {len(found.missing):,} {lacks}, {first_of(found.missing)}: add them, or go on "
            "without them with --allow-missing."
        )


def _refuse_empty(found: TrainingClips, data: Path) -> None:
    if found.empty:
        count = len(found.empty) + len(found.classes)
        raise SourceError(
            f"{len(found.empty)} of {count} classes have no clip in {data}, the first is "
            f"{found.empty[0]!r}: add clips, or accept it with --allow-missing."
        )
