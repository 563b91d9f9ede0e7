"""The numbers of a test, from scores alone: nothing here knows of clips, files or networks."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
TOP = 5


@dataclass(frozen=True, eq=False)
class Verdicts:
    """What was said of N clips.

    Attributes:
        truth: int [N], the row of each clip's class.
        best: int [N], the row of the class that scored highest.
        rank: int [N], how many candidates scored above the truth; 0 is right.
    """

    truth: Array
    best: Array
    rank: Array

    def of(self, chosen: Array) -> "Verdicts":
        """Return the verdicts of the clips that `chosen`, bool [N], names."""
        return Verdicts(self.truth[chosen], self.best[chosen], self.rank[chosen])


@dataclass(frozen=True)
class Accuracy:
    """Shares of clips, 0 to 1.

    Attributes:
        top1: of clips whose class scored highest.
        top5: of clips whose class was among the best five.
        class_mean: mean over the classes of each one's top-1, where clips are few for some.
        clips: how many there were.
    """

    top1: float
    top5: float
    class_mean: float
    clips: int


@dataclass(frozen=True)
class Spread:
    """Mean and standard deviation over splits.

    The deviation is of the splits themselves (divided by their number), as BIKE publishes it.
    """

    mean: float
    std: float


@dataclass(frozen=True)
class Confusion:
    """Clips of one class that were taken for another; `share` is of all clips of the class."""

    truth: str
    taken_for: str
    clips: int
    share: float


def pooled_scores(logits_rc: Array) -> Array:
    """Return the logarithm of the mean over rows of each row's softmax: [R, C] → [C].

    Rows are views, or frames that vote. In logarithms nothing underflows, so that classes far from
    the best still have an order.
    """
    logits = logits_rc.astype(np.float64)
    logits = logits - logits.max(axis=1, keepdims=True)
    logarithms = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
    return np.logaddexp.reduce(logarithms, axis=0) - np.log(len(logits))


def judge(scores_c: Array, truth: int) -> tuple[int, int]:
    """Return which of C candidates is best, and how many beat `truth`; ties go to the first."""
    ahead = int((scores_c > scores_c[truth]).sum() + (scores_c[:truth] == scores_c[truth]).sum())
    return int(scores_c.argmax()), ahead


def accuracy(verdicts: Verdicts) -> Accuracy:
    """Return the accuracies of at least one clip."""
    shares = [float((verdicts.rank[verdicts.truth == c] == 0).mean()) for c in _classes(verdicts)]
    return Accuracy(
        top1=float((verdicts.rank == 0).mean()),
        top5=float((verdicts.rank < TOP).mean()),
        class_mean=float(np.mean(shares)),
        clips=len(verdicts.rank),
    )


def spread(values: Sequence[float]) -> Spread:
    """Return mean and standard deviation of one value for each split."""
    return Spread(float(np.mean(values)), float(np.std(values)))


def harmonic_mean(seen: float, unseen: float) -> float:
    """Return 2 · seen · unseen / (seen + unseen), which is low if either is; 0 if both are."""
    return 2 * seen * unseen / (seen + unseen) if seen + unseen else 0.0


def confusion_matrix(verdicts: Sequence[Verdicts], classes: int) -> Array:
    """Return the counts [C, C] of all verdicts: rows are what clips are, columns what was said."""
    matrix = np.zeros((classes, classes), np.int64)
    for found in verdicts:
        np.add.at(matrix, (found.truth, found.best), 1)
    return matrix


def class_accuracies(matrix: Array) -> list[float | None]:
    """Return the share of each class's clips that were right; None for a class without clips."""
    totals = matrix.sum(axis=1)
    return [float(matrix[c, c] / total) if total else None for c, total in enumerate(totals)]


def worst_confusions(matrix: Array, names: Sequence[str], count: int = 10) -> list[Confusion]:
    """Return the `count` mistakes that cost most clips; of equal ones that of the smaller class."""
    totals = matrix.sum(axis=1)
    found = [
        Confusion(
            names[row],
            names[int(column)],
            int(matrix[row, column]),
            float(matrix[row, column] / total),
        )
        for row, total in enumerate(totals)
        for column in np.flatnonzero(matrix[row])
        if row != column
    ]
    return sorted(found, key=lambda mistake: (-mistake.clips, -mistake.share))[:count]


def _classes(verdicts: Verdicts) -> list[int]:
    return np.unique(verdicts.truth).tolist()
