"""Chooses the clips of a run: the training part of a data set, or a few clips of each class."""

import csv
import hashlib
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ...runtime.atomic import write_file
from ...runtime.documents import MIB, read_file
from ...runtime.errors import SourceError
from .clip import Clip, ClipKey, clip_key
from .clip_set import ClipSet, find_clips, find_listed_clips
from .list_files import read_list_file
from .split_files import read_split_files

MISSING, FEW_SHOT = "missing.txt", "few-shot.csv"
_MAX_RECORD_BYTES = 64 * MIB


@dataclass(frozen=True, kw_only=True)
class ClipChoice:
    data: Path  # a folder of clips, or a CSV of path,label
    lists: Path | None = None  # split files, or one list; None takes all of `data`
    split: int | None = None  # which of the splits; the first if None
    classes: Path | None = None  # the file that names classes that are numbers
    shots: int | None = None  # clips of each class; None takes all
    seed: int = 0  # of the choice of shots
    allow_missing: bool = False  # whether clips may be missing and classes empty


@dataclass(frozen=True)
class TrainingClips:
    files: tuple[Clip, ...]  # the clips, each with its class as spaced words
    missing: tuple[str, ...] = ()  # clips that are named and not on disk
    empty: tuple[str, ...] = ()  # classes without a clip
    named: int = 0  # how many clips there are with the missing ones
    part: str = ""  # which part of the data they are, in words; "" for all
    few: bool = False  # whether they are a few of each class, which the run's folder records

    @property
    def classes(self) -> tuple[str, ...]:
        return tuple(sorted({file.label for file in self.files}))

    def __str__(self) -> str:
        words = f"{len(self.files):,} clips of {len(self.classes):,} classes"
        words += f", {self.part}" if self.part else ""
        if self.missing:
            words += (
                f"; {len(self.missing):,} of {self.named:,} are missing, the first is "
                f"{self.missing[0]}"
            )
        if self.empty:
            have = "class has" if len(self.empty) == 1 else "classes have"
            words += f"; {len(self.empty)} {have} none, the first is {self.empty[0]!r}"
        return words

    def record(self, folder: Path) -> None:
        """Write the missing clips and the chosen few into a run's folder.

        The few are a CSV of path,label, so that other runs can use the same clips.

        Raises:
            SourceError: the run began with other few clips; they may lie elsewhere.
        """
        if self.missing:
            text = "".join(f"{name}\n" for name in self.missing)
            write_file(folder / MISSING, text.encode("utf-8", "surrogateescape"))
        if not self.few:
            return
        text = io.StringIO()
        rows = csv.writer(text, lineterminator="\n")
        rows.writerow(("path", "label"))
        rows.writerows((file.path.resolve(), file.label) for file in self.files)
        record = folder / FEW_SHOT
        content = text.getvalue().encode("utf-8", "surrogateescape")
        if record.exists() and _recorded_keys(record) != [
            clip_key(file.label, file.path.name) for file in self.files
        ]:
            raise SourceError(
                f"The clips are not the ones that this run began with, which {record} lists: "
                "bring those back, or start a new run."
            )
        write_file(record, content)


def _recorded_keys(record: Path) -> list[ClipKey]:
    text = read_file(record, _MAX_RECORD_BYTES).decode(errors="surrogateescape")
    try:
        rows = list(csv.reader(io.StringIO(text, newline="")))[1:]
    except csv.Error:  # no file of ours, so of other clips
        return []
    return [clip_key(row[1], Path(row[0]).name) for row in rows if len(row) > 1]


def find_training_clips(choice: ClipChoice) -> TrainingClips:
    """Find the clips of a choice.

    Raises:
        LabelError: the classes of a list are unknown, or one has two spellings.
        SourceError: there are no clips, a list cannot be read, or something required is missing.
    """
    if choice.lists:
        found, part = _of_lists(choice)
    else:
        found, part = find_clips(choice.data, classes=choice.classes), ""
    if not choice.allow_missing:
        found.check_missing(choice.lists or choice.data, choice.data)
        found.check_empty(choice.data)
    if not found.clips:
        raise SourceError(
            f"None of the {found.named:,} clips that {choice.lists or choice.data} names is in "
            f"{choice.data}: name the folder that they lie in."
        )
    if len({clip.label for clip in found.clips}) == 1:
        raise SourceError(
            f"All {len(found.clips):,} clips of {choice.data} are of one class, "
            f"{found.clips[0].label!r}: give clips of two classes or more."
        )
    files = found.clips
    if choice.shots is not None:
        files = few_of_each(files, choice.shots, choice.seed, allow_fewer=choice.allow_missing)
        part = f"{choice.shots} of each" + (f" of {part}" if part else "")
    empty = (*found.empty, *found.empty_folders)
    return TrainingClips(
        files, found.missing, empty, found.named, part, few=choice.shots is not None
    )


def _of_lists(choice: ClipChoice) -> tuple[ClipSet, str]:
    lists = choice.lists
    assert lists is not None
    if not lists.is_dir():
        listed = read_list_file(lists, choice.classes)
        classes = tuple(dict.fromkeys(clip.label for clip in listed))
        return find_listed_clips(choice.data, listed, classes), lists.name
    official = read_split_files(lists, part="train")
    split = choice.split or min(official.trains)
    if split not in official.trains:
        raise SourceError(
            f"{lists} has no list of the training clips of split {split}: there are "
            f"{', '.join(map(str, official.trains))}."
        )
    listed = official.trains[split]
    return find_listed_clips(choice.data, listed, official.classes), f"split {split}"


def few_of_each(
    clips: Sequence[Clip], shots: int, seed: int, *, allow_fewer: bool = False
) -> tuple[Clip, ...]:
    """Choose `shots` clips of each class, in the order of `clips`.

    Clips are ranked by a hash of the seed with their class and name, so the choice does not depend
    on where and in which order they lie. Fewer shots are a part of more, and a missing clip changes
    no other's place.

    Raises:
        SourceError: a class has fewer than `shots` clips, without `allow_fewer`.
    """
    of_class: dict[str, list[Clip]] = {}
    for clip in clips:
        of_class.setdefault(clip.label, []).append(clip)
    few = [(label, len(own)) for label, own in of_class.items() if len(own) < shots]
    if few and not allow_fewer:
        label, count = few[0]
        raise SourceError(
            f"{len(few)} of {len(of_class)} classes have fewer than {shots} clips, the first is "
            f"{label!r} with {count}: take fewer --shots, or accept it with --allow-missing."
        )
    chosen = {
        clip
        for own in of_class.values()
        for clip in sorted(own, key=lambda clip: _rank(clip, seed))[:shots]
    }
    return tuple(clip for clip in clips if clip in chosen)


def _rank(clip: Clip, seed: int) -> tuple[bytes, str]:
    words = "\0".join((str(seed), *clip_key(clip.label, clip.path.name)))
    # The path decides between two files of one name in a class.
    return hashlib.sha256(words.encode("utf-8", "surrogateescape")).digest(), str(clip.path)
