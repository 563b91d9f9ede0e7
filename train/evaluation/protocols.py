"""The protocols: which clips are tested, and among which classes."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from ...runtime.errors import LabelError, StzsarError
from ...runtime.labels.names import name_key, nearest_hint
from ..lists.class_lists import read_class_splits, read_unseen_classes
from ..lists.clip_set import ClipSet
from ..lists.split_files import read_split_files
from .tested_clips import read_clips, read_listed_clips

HALVES = 10
PROTOCOLS = {
    "plain": "every clip among all classes of the data",
    "full": "the same with the classes of official lists, whose clips must all be there",
    "splits": "the three official test splits",
    "halves": "ten random halves of the classes",
    "k600-160": "the three splits of 160 classes of Kinetics-600",
    "truze": "the classes that are truly unseen",
}
# What --lists is to each protocol; the others take none.
NEEDS_LISTS = {
    "full": "the folder of the official split files",
    "splits": "the folder of the official split files",
    "k600-160": "the folder of the lists of 160 classes",
    "truze": "a list of the classes that are truly unseen, or TruZe's ZSL.txt",
}


@dataclass(frozen=True)
class Contest:
    """Clips that are classified among some of the classes.

    Attributes:
        name: "split 1", "half 3", …
        clips: where the clips stand in the set.
        candidates: rows of the classes that compete, ascending.
    """

    name: str
    clips: tuple[int, ...]
    candidates: tuple[int, ...]


@dataclass(frozen=True)
class Plan:
    """What is tested, and how it is divided."""

    clips: ClipSet
    contests: tuple[Contest, ...]


def plan(
    protocol: str,
    data: Path,
    lists: Path | None,
    *,
    seed: int = 0,
    split: int | None = None,
    allow_missing: bool = False,
) -> Plan:
    """List the clips and divide them as `protocol`, one of `PROTOCOLS`, does.

    Args:
        protocol: its name.
        data: a folder of class/clip, or a CSV of path,label.
        lists: the official files; see `NEEDS_LISTS`. For halves they give the order of the classes.
        seed: of the halves.
        split: the one of the official splits that is tested; all of them if None.
        allow_missing: whether to go on where clips are missing.

    Raises:
        StzsarError: the lists or clips cannot be used, or some are missing.
    """
    if lists is None:
        if protocol in NEEDS_LISTS:
            raise StzsarError(f"--protocol {protocol} needs --lists: {NEEDS_LISTS[protocol]}.")
        clips = read_clips(data, allow_missing=allow_missing)
        contests = halves(clips, seed) if protocol == "halves" else (everything(clips),)
        return Plan(clips, contests)
    if protocol == "k600-160":
        return _of_class_splits(data, lists, allow_missing=allow_missing)
    if protocol == "truze":
        clips = read_clips(data, allow_missing=allow_missing)
        unseen = read_unseen_classes(lists, clips.classes)
        return Plan(clips, (among("truly unseen", unseen, clips, lists),))
    if protocol == "plain":
        raise StzsarError("--protocol plain reads no --lists: leave it out, or take full.")
    official = read_split_files(lists)
    clips = read_listed_clips(data, official, allow_missing=allow_missing)
    if protocol == "full":
        return Plan(clips, (everything(clips),))
    if protocol == "halves":
        return Plan(clips, halves(clips, seed))
    rows = tuple(range(len(clips.classes)))
    if split and split not in official.tests:
        raise StzsarError(
            f"{lists} has no list of the test clips of split {split}: there are "
            f"{', '.join(map(str, official.tests))}."
        )
    contests = (
        Contest(f"split {number}", clips.places(listed), rows)
        for number, listed in official.tests.items()
        if split in (None, number)
    )
    return Plan(clips, _not_empty(contests, lists))


def everything(clips: ClipSet) -> Contest:
    """Return the contest of all clips among all classes."""
    rows = tuple(range(len(clips.classes)))
    return Contest("all", tuple(range(len(clips.clips))), rows)


def halves(clips: ClipSet, seed: int = 0) -> tuple[Contest, ...]:
    """Return ten contests of a random half of the classes each, and the clips of these alone.

    With seed 0 and the classes in the official order they are those of BIKE and of the papers
    before it: the first half of numpy's permutation for the seeds 0 to 9.

    Raises:
        LabelError: there is only one class.
    """
    count = len(clips.classes)
    if count < 2:
        raise LabelError(f"The data has {count} class: halves take two and more.")
    contests = []
    for half in range(HALVES):
        rows = np.random.RandomState(seed + half).permutation(count)[: count // 2]
        contests.append(_of_rows(f"half {half + 1}", rows.tolist(), clips))
    return _not_empty(contests, "half of the classes")


def among(name: str, classes: Sequence[str], clips: ClipSet, where: Path) -> Contest:
    """Return the contest of some of the classes, and the clips of these alone.

    Raises:
        LabelError: one is not a class of the data.
    """
    row_of = {name_key(known): row for row, known in enumerate(clips.classes)}
    strangers = [wanted for wanted in classes if name_key(wanted) not in row_of]
    if strangers:
        raise LabelError(
            f"{where} names {len(strangers)} classes that the data lacks, the first is "
            f"{strangers[0]!r}{nearest_hint(strangers[0], clips.classes)}: take the list of this "
            "data."
        )
    return _of_rows(name, [row_of[name_key(wanted)] for wanted in classes], clips)


def with_seen(contest: Contest, seen: Sequence[int]) -> Contest:
    """Return the contest with the training classes among the candidates: the generalised test."""
    return replace(contest, candidates=tuple(sorted({*contest.candidates, *seen})))


def _of_class_splits(data: Path, lists: Path, *, allow_missing: bool) -> Plan:
    splits = read_class_splits(lists)
    union = {name_key(name): name for classes in splits.values() for name in classes}
    classes = tuple(sorted(union.values()))
    clips = read_clips(data, classes=classes, allow_missing=allow_missing)
    contests = (among(f"split {number}", names, clips, lists) for number, names in splits.items())
    return Plan(clips, _not_empty(contests, lists))


def _of_rows(name: str, rows: Sequence[int], clips: ClipSet) -> Contest:
    chosen = set(rows)
    places = tuple(place for place, row in enumerate(clips.rows) if row in chosen)
    return Contest(name, places, tuple(sorted(chosen)))


def _not_empty(contests: Iterable[Contest], where: object) -> tuple[Contest, ...]:
    made = tuple(contests)
    empty = next((contest for contest in made if not contest.clips), None)
    if empty:
        raise StzsarError(f"No clip of the data is in {empty.name} of {where}: add its clips.")
    return made
