"""The protocols: which clips compete among which classes."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from ...runtime.errors import LabelError, SourceError, StzsarError
from ...runtime.labels.names import name_key, nearest_hint
from ...runtime.terminal.commandline import log
from ..lists.class_lists import read_class_splits, read_unseen_classes
from ..lists.clip_set import ClipSet, find_clips, find_listed_clips
from ..lists.split_files import SplitFiles, read_split_files

HALVES = 10


@dataclass(frozen=True)
class Contest:
    name: str  # "split 1", "half 3", …
    clips: tuple[int, ...]  # indices of the clips in the set
    candidates: tuple[int, ...]  # rows of the competing classes, ascending
    seen: tuple[int, ...] = ()  # rows of the training classes, in a generalised contest


@dataclass(frozen=True)
class Plan:
    clips: ClipSet
    contests: tuple[Contest, ...]


def plan(
    protocol: str,
    data: Path,
    lists: Path | None = None,
    *,
    seed: int = 0,
    split: int | None = None,
    allow_missing: bool = False,
) -> Plan:
    """List the clips and divide them by a protocol; see `EvalOptions` for the arguments.

    Raises:
        StzsarError: the lists or clips cannot be used, or some are missing.
    """
    if lists is None:
        clips = read_clips(data, allow_missing=allow_missing)
        return Plan(clips, halves(clips, seed) if protocol == "halves" else (everything(clips),))
    if protocol == "k600-160":
        return _class_splits(data, lists, allow_missing=allow_missing)
    if protocol == "truze":
        clips = read_clips(data, allow_missing=allow_missing)
        unseen = read_unseen_classes(lists, clips.classes)
        known = set(map(name_key, clips.classes))
        lacking = [name for name in unseen if name_key(name) not in known]
        if lacking and allow_missing:
            log.warning(
                "%s names %d classes that %s lacks, the first is %r%s: they compete without clips.",
                *(lists, len(lacking), data, lacking[0], nearest_hint(lacking[0], clips.classes)),
            )
            clips = clips.among((*clips.classes, *lacking))
        contest = among("truly unseen", unseen, clips, lists)
        return Plan(clips, _not_empty((contest,), lists))
    official = read_split_files(lists)
    clips = read_listed_clips(data, official, allow_missing=allow_missing)
    if protocol == "full":
        return Plan(clips, (everything(clips),))
    if protocol == "halves":
        return Plan(clips, halves(clips, seed))
    if split and split not in official.tests:
        raise StzsarError(
            f"{lists} has no list of the test clips of split {split}. It has "
            f"{', '.join(map(str, official.tests))}."
        )
    rows = tuple(range(len(clips.classes)))
    contests = (
        Contest(f"split {number}", clips.places(listed), rows)
        for number, listed in official.tests.items()
        if split in (None, number)
    )
    return Plan(clips, _not_empty(contests, lists))


def everything(clips: ClipSet) -> Contest:
    rows = tuple(range(len(clips.classes)))
    return Contest("all", tuple(range(len(clips.clips))), rows)


def halves(clips: ClipSet, seed: int = 0) -> tuple[Contest, ...]:
    """Return ten contests, each among a random half of the classes and with their clips only.

    With seed 0 and classes in the official order, these are the halves of BIKE and earlier papers:
    the first half of numpy's permutation for the seeds 0 to 9.

    Raises:
        LabelError: there is only one class.
    """
    count = len(clips.classes)
    if count < 2:
        raise LabelError(f"The data has {count} class, and halves need at least two.")
    contests = []
    for half in range(HALVES):
        rows = np.random.RandomState(seed + half).permutation(count)[: count // 2]
        contests.append(_rows_only(f"half {half + 1}", rows.tolist(), clips))
    return _not_empty(contests, "half of the classes")


def among(name: str, classes: Sequence[str], clips: ClipSet, where: Path) -> Contest:
    """Return the contest among some of the classes, with their clips only.

    Raises:
        LabelError: the data does not have one of the classes.
    """
    row_of = {name_key(name): row for row, name in enumerate(clips.classes)}
    unknown = [name for name in classes if name_key(name) not in row_of]
    if unknown:
        raise LabelError(
            f"{where} names {len(unknown)} classes that the data does not have, the first is "
            f"{unknown[0]!r}{nearest_hint(unknown[0], clips.classes)}. Use the list of this data."
        )
    return _rows_only(name, [row_of[name_key(each)] for each in classes], clips)


def with_seen(contest: Contest, seen: Sequence[int]) -> Contest:
    """Return the generalised contest: with the training classes among the candidates."""
    candidates = tuple(sorted({*contest.candidates, *seen}))
    return replace(contest, candidates=candidates, seen=tuple(seen))


def _class_splits(data: Path, lists: Path, *, allow_missing: bool) -> Plan:
    splits = read_class_splits(lists)
    union = {name_key(name): name for classes in splits.values() for name in classes}
    classes = tuple(sorted(union.values()))
    clips = read_clips(data, classes=classes, allow_missing=allow_missing)
    contests = (among(f"split {number}", names, clips, lists) for number, names in splits.items())
    return Plan(clips, _not_empty(contests, lists))


def _rows_only(name: str, rows: Sequence[int], clips: ClipSet) -> Contest:
    chosen = set(rows)
    indices = tuple(index for index, row in enumerate(clips.rows) if row in chosen)
    return Contest(name, indices, tuple(sorted(chosen)))


def _not_empty(contests: Iterable[Contest], where: object) -> tuple[Contest, ...]:
    checked = tuple(contests)
    empty = next((contest for contest in checked if not contest.clips), None)
    if empty:
        raise StzsarError(f"The data has no clip of {empty.name} of {where}. Add its clips.")
    return checked


def read_clips(
    data: Path, *, classes: Sequence[str] | None = None, allow_missing: bool = False
) -> ClipSet:
    """Find the clips of a folder of class/clip or a CSV of path,label.

    `classes` are the tested ones, in order; None takes all of the data, sorted. With
    `allow_missing`, clips may be missing and classes empty.

    Raises:
        SourceError: there are no clips of the classes, or something is missing.
    """
    found = find_clips(data)
    found = found.among(found.classes if classes is None else classes)
    if not found.clips and not found.missing:
        raise SourceError(f"No clip of {data} is in a class of the protocol: check --lists.")
    if not allow_missing:
        found.check_missing(data, data)
        found.check_empty(data)
    return found


def read_listed_clips(data: Path, lists: SplitFiles, *, allow_missing: bool = False) -> ClipSet:
    """Find the clips of a data set with official lists, and with the lists' classes.

    Raises:
        LabelError: the data has classes that the lists do not know.
        SourceError: there are no clips, or something is missing.
    """
    found = find_listed_clips(data, lists.named, lists.classes, keep_unlisted=True)
    if found.others:
        stranger = found.others[0]
        raise LabelError(
            f"{len(found.others)} classes of {data} are not in the lists of {lists.folder}, the "
            f"first is {stranger!r}{nearest_hint(stranger, lists.classes)}: take the lists of this "
            "data."
        )
    if not allow_missing:
        found.check_missing(lists.folder, data)
        found.check_empty(data)
    return found
