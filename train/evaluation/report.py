"""The figures of a test, as plain types with one JSON form."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from ..lists.clip_set import ClipSet
from ..seen_curve import SeenCurve, harmonic_mean
from .arithmetic import (
    Accuracy,
    Array,
    Confusion,
    Predictions,
    Spread,
    accuracy,
    class_accuracies,
    confusion_matrix,
    spread,
    worst_confusions,
)
from .scoring import ContestResult, Outcome

HEAD, VOTING = "head", "voting"


@dataclass(frozen=True)
class ContestRow:
    """The accuracies of one contest: the head's, and those of frame voting if there is any."""

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
    """A contest with the training classes among the candidates."""

    name: str  # the contest's name
    candidates: int  # number of competing classes
    seen: float | None  # top-1 over the clips of training classes; None if the data has none
    unseen: float | None  # top-1 over the other clips; None if there are none
    harmonic: float | None  # harmonic mean of both
    bias: float = 0.0  # what was subtracted from the logits of the training classes
    # Area under the curve of seen against unseen (AUSUC), which no bias changes; None for frame
    # voting, or without clips of both kinds.
    area: float | None = None


@dataclass(frozen=True)
class ClassResult:
    """A class's top-1 over all contests; None without clips, or without frame voting."""

    name: str
    clips: int
    head: float | None
    voting: float | None


@dataclass(frozen=True, eq=False)
class Report:
    rows: tuple[ContestRow, ...]  # the contests
    summary: Mapping[str, Summary]  # by "head" and "voting"; empty if there is one contest only
    # By "head" and "voting"; empty without training classes
    generalised: Mapping[str, tuple[Generalised, ...]]
    classes: tuple[ClassResult, ...]  # all tested classes, over all contests
    confusions: tuple[Confusion, ...]  # the head's worst ones, over all contests
    matrix: Array  # the head's confusion matrix [C, C], over all contests
    predictions: tuple[Mapping[str, Any], ...]  # each clip in each contest

    def to_json(self) -> dict[str, Any]:
        return {
            "contests": [asdict(row) for row in self.rows],
            "summary": {name: asdict(summary) for name, summary in self.summary.items()},
            "generalised": {
                name: [asdict(row) for row in rows] for name, rows in self.generalised.items()
            },
            "classes": [asdict(each) for each in self.classes],
            "worst_confusions": [asdict(each) for each in self.confusions],
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
    seen_bias: float | None = None,
) -> Report:
    """Compute the figures of `plain` contests, and of the generalised ones that follow them.

    `names` has all rows: the set's classes, then further training classes; `seen` are the rows of
    the training classes, and `seen_bias` the bias that the model's training measured.
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
        generalised=_generalised(outcome.results[plain:], seen, seen_bias),
        classes=_classes(names[:count], head, voting),
        confusions=tuple(worst_confusions(head, names)),
        matrix=head,
        predictions=tuple(
            _prediction(result, position, clips, names, generalised=number >= plain)
            for number, result in enumerate(outcome.results)
            for position in range(len(result.clips))
        ),
    )


def _row(result: ContestResult) -> ContestRow:
    voting = accuracy(result.voting) if result.voting else None
    contest = result.contest
    return ContestRow(contest.name, len(contest.candidates), accuracy(result.head), voting)


def _summaries(rows: Sequence[ContestRow]) -> dict[str, Summary]:
    if len(rows) < 2:
        return {}
    by_name = {HEAD: [row.head for row in rows], VOTING: [r.voting for r in rows if r.voting]}
    return {
        name: Summary(
            spread([each.top1 for each in accuracies]),
            spread([each.top5 for each in accuracies]),
            spread([each.class_mean for each in accuracies]),
        )
        for name, accuracies in by_name.items()
        if accuracies
    }


def _generalised(
    results: Sequence[ContestResult], seen: Sequence[int], bias: float | None
) -> dict[str, tuple[Generalised, ...]]:
    rows: dict[str, tuple[Generalised, ...]] = {}
    for result in results:
        for name, predictions in ((HEAD, result.head), (VOTING, result.voting)):
            if predictions:
                rows[name] = (*rows.get(name, ()), _split(result, predictions, seen))
        if bias and result.curve and result.curve.has_both:
            rows[HEAD] = (*rows[HEAD], _with_bias(result, result.curve, bias))
    return rows


def _split(result: ContestResult, predictions: Predictions, seen: Sequence[int]) -> Generalised:
    is_seen = np.isin(predictions.truth, list(seen))
    parts = [predictions.select(mask) for mask in (is_seen, ~is_seen)]
    known, new = (accuracy(part).top1 if len(part.rank) else None for part in parts)
    both = None if known is None or new is None else harmonic_mean(known, new)
    curve = result.curve if predictions is result.head else None
    area = curve.area if curve and curve.has_both else None
    count = len(result.contest.candidates)
    return Generalised(result.contest.name, count, known, new, both, area=area)


def _with_bias(result: ContestResult, curve: SeenCurve, bias: float) -> Generalised:
    known, new = curve.at(bias)
    both, count = harmonic_mean(known, new), len(result.contest.candidates)
    return Generalised(result.contest.name, count, known, new, both, bias, curve.area)


def _classes(names: Sequence[str], head: Array, voting: Array | None) -> tuple[ClassResult, ...]:
    votes = class_accuracies(voting) if voting is not None else [None] * len(names)
    return tuple(
        ClassResult(name, int(row.sum()), top1, voted)
        for name, row, top1, voted in zip(names, head, class_accuracies(head), votes, strict=True)
    )


def _prediction(
    result: ContestResult, position: int, clips: ClipSet, names: Sequence[str], *, generalised: bool
) -> dict[str, Any]:
    index = result.clips[position]
    row: dict[str, Any] = {
        "clip": str(clips.clips[index].path),
        "contest": result.contest.name,
        "generalised": generalised,
        "label": names[clips.rows[index]],
    }
    for name, predictions in ((HEAD, result.head), (VOTING, result.voting)):
        if predictions:
            row[name] = names[predictions.predicted[position]]
            row[f"{name}_rank"] = int(predictions.rank[position])
    return row
