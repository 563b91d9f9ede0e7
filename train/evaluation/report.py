"""What a test found, as plain types with one JSON form."""

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..lists.clip_set import ClipSet
from .arithmetic import (
    Accuracy,
    Array,
    Confusion,
    Spread,
    Verdicts,
    accuracy,
    class_accuracies,
    confusion_matrix,
    harmonic_mean,
    spread,
    worst_confusions,
)
from .scoring import ContestResult, Outcome

HEAD, VOTING = "head", "voting"


@dataclass(frozen=True)
class Row:
    """One contest: the head's accuracy, and that of the frames' votes if there are any."""

    name: str
    candidates: int
    head: Accuracy
    voting: Accuracy | None


@dataclass(frozen=True)
class Summary:
    """Mean and deviation over the contests."""

    top1: Spread
    top5: Spread
    class_mean: Spread


@dataclass(frozen=True)
class Generalised:
    """A contest with the training classes among the candidates.

    Attributes:
        name: the contest's.
        candidates: how many classes compete.
        seen: top-1 of the clips of training classes; None if the data has none.
        unseen: top-1 of the others.
        harmonic: of both.
    """

    name: str
    candidates: int
    seen: float | None
    unseen: float | None
    harmonic: float | None


@dataclass(frozen=True)
class ClassResult:
    """One class over all contests; None where it has no clip or there are no votes."""

    name: str
    clips: int
    head: float | None
    voting: float | None


@dataclass(frozen=True, eq=False)
class Report:
    """Everything that was found.

    Attributes:
        rows: the contests.
        summary: by "head" and "voting", over several contests; empty if there is one.
        generalised: by "head" and "voting", if training classes were given.
        classes: all tested classes, over all contests.
        confusions: the head's worst ones, over all contests.
        matrix: the head's confusion matrix [C, C], over all contests.
        predictions: each clip in each contest.
    """

    rows: tuple[Row, ...]
    summary: Mapping[str, Summary]
    generalised: Mapping[str, tuple[Generalised, ...]]
    classes: tuple[ClassResult, ...]
    confusions: tuple[Confusion, ...]
    matrix: Array
    predictions: tuple[Mapping[str, Any], ...]

    def to_json(self) -> dict[str, Any]:
        """Return the report as JSON's own types."""
        return {
            "contests": [dataclasses.asdict(row) for row in self.rows],
            "summary": {name: dataclasses.asdict(found) for name, found in self.summary.items()},
            "generalised": {
                name: [dataclasses.asdict(row) for row in rows]
                for name, rows in self.generalised.items()
            },
            "classes": [dataclasses.asdict(found) for found in self.classes],
            "worst_confusions": [dataclasses.asdict(found) for found in self.confusions],
            "confusion_matrix": self.matrix.tolist(),
            "predictions": list(self.predictions),
        }


def make_report(
    outcome: Outcome,
    clips: ClipSet,
    names: Sequence[str],
    *,
    plain: int,
    seen: Sequence[int] = (),
) -> Report:
    """Make the report.

    Args:
        outcome: the contests; those with the training classes come after the plain ones.
        clips: the set.
        names: of all rows: the set's classes, then training classes that are none of them.
        plain: how many contests are plain.
        seen: rows of the training classes.
    """
    results = outcome.results[:plain]
    rows = tuple(_row(result) for result in results)
    count = len(clips.classes)
    head = confusion_matrix([result.head for result in results], count)
    votes = [result.voting for result in results if result.voting]
    voting = confusion_matrix(votes, count) if votes else None
    return Report(
        rows=rows,
        summary=_summaries(rows),
        generalised=_generalised(outcome.results[plain:], seen),
        classes=_classes(names[:count], head, voting),
        confusions=tuple(worst_confusions(head, names)),
        matrix=head,
        predictions=tuple(_predictions(outcome.results, clips, names, plain)),
    )


def _row(result: ContestResult) -> Row:
    voting = accuracy(result.voting) if result.voting else None
    return Row(result.contest.name, len(result.contest.candidates), accuracy(result.head), voting)


def _summaries(rows: Sequence[Row]) -> dict[str, Summary]:
    if len(rows) < 2:
        return {}
    by_name = {HEAD: [row.head for row in rows], VOTING: [r.voting for r in rows if r.voting]}
    return {
        name: Summary(
            spread([each.top1 for each in found]),
            spread([each.top5 for each in found]),
            spread([each.class_mean for each in found]),
        )
        for name, found in by_name.items()
        if found
    }


def _generalised(
    results: Sequence[ContestResult], seen: Sequence[int]
) -> dict[str, tuple[Generalised, ...]]:
    found: dict[str, list[Generalised]] = {}
    for result in results:
        for name, verdicts in ((HEAD, result.head), (VOTING, result.voting)):
            if verdicts:
                found.setdefault(name, []).append(_split(result, verdicts, seen))
    return {name: tuple(rows) for name, rows in found.items()}


def _split(result: ContestResult, verdicts: Verdicts, seen: Sequence[int]) -> Generalised:
    of_seen = np.isin(verdicts.truth, list(seen))
    parts = [verdicts.of(chosen) for chosen in (of_seen, ~of_seen)]
    known, new = (accuracy(part).top1 if len(part.rank) else None for part in parts)
    both = None if known is None or new is None else harmonic_mean(known, new)
    return Generalised(result.contest.name, len(result.contest.candidates), known, new, both)


def _classes(names: Sequence[str], head: Array, voting: Array | None) -> tuple[ClassResult, ...]:
    votes = class_accuracies(voting) if voting is not None else [None] * len(names)
    return tuple(
        ClassResult(name, int(row.sum()), right, voted)
        for name, row, right, voted in zip(names, head, class_accuracies(head), votes, strict=True)
    )


def _predictions(
    results: Sequence[ContestResult], clips: ClipSet, names: Sequence[str], plain: int
) -> list[dict[str, Any]]:
    found = []
    for number, result in enumerate(results):
        for place, index in enumerate(result.clips):
            row = {
                "clip": str(clips.clips[index].path),
                "contest": result.contest.name,
                "generalised": number >= plain,
                "label": names[clips.rows[index]],
                "head": names[result.head.best[place]],
                "head_rank": int(result.head.rank[place]),
            }
            if result.voting:
                row["voting"] = names[result.voting.best[place]]
                row["voting_rank"] = int(result.voting.rank[place])
            found.append(row)
    return found
