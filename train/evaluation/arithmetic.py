"""Figures computed from scores alone: accuracies, spreads over splits, confusions."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ...runtime.engines.graph import Array

TOP = 5


@dataclass(frozen=True, eq=False)
class Predictions:
    truth: Array  # int [N], row of the true class
    predicted: Array  # int [N], row of the class with the highest score
    rank: Array  # int [N], number of candidates that scored above the truth; 0 is correct

    def select(self, mask: Array) -> "Predictions":
        return Predictions(self.truth[mask], self.predicted[mask], self.rank[mask])


@dataclass(frozen=True)
class Accuracy:
    """Accuracy of one set of clips, between 0 and 1."""

    top1: float  # share of clips whose class scored highest
    top5: float  # share of clips whose class was among the five highest
    class_mean: float  # mean of the classes' top-1: rare ones count like common ones
    clips: int  # number of clips


@dataclass(frozen=True)
class Spread:
    """Mean and population standard deviation over splits, as BIKE publishes them."""

    mean: float
    std: float


@dataclass(frozen=True)
class Confusion:
    """Clips of class `truth` that were taken for another; `share` of all clips of the class."""

    truth: str
    taken_for: str
    clips: int
    share: float


def pooled_scores(logits_rc: Array) -> Array:
    """Return the logarithm of the mean softmax over rows (views, or frames): [R, C] → [C].

    Logarithms cannot underflow, so classes far from the best keep their order.
    """
    logits = logits_rc.astype(np.float64)
    logits = logits - logits.max(axis=1, keepdims=True)
    logarithms = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
    return np.logaddexp.reduce(logarithms, axis=0) - np.log(len(logits))


def predict(scores_c: Array, truth: int) -> tuple[int, int]:
    """Return the best of C candidates and the rank of `truth`; the first of equal scores wins."""
    ahead = int((scores_c > scores_c[truth]).sum() + (scores_c[:truth] == scores_c[truth]).sum())
    return int(scores_c.argmax()), ahead


def accuracy(predictions: Predictions) -> Accuracy:
    correct = predictions.rank == 0
    classes = np.unique(predictions.truth)
    return Accuracy(
        top1=float(correct.mean()),
        top5=float((predictions.rank < TOP).mean()),
        class_mean=float(np.mean([correct[predictions.truth == row].mean() for row in classes])),
        clips=len(correct),
    )


def spread(values: Sequence[float]) -> Spread:
    return Spread(float(np.mean(values)), float(np.std(values)))


def confusion_matrix(predictions: Sequence[Predictions], classes: int) -> Array:
    """Count all predictions, [C, C]: rows are true classes, columns predicted ones."""
    matrix = np.zeros((classes, classes), np.int64)
    for each in predictions:
        np.add.at(matrix, (each.truth, each.predicted), 1)
    return matrix


def class_accuracies(matrix: Array) -> list[float | None]:
    """Return each class's top-1 accuracy; None for a class without clips."""
    totals = matrix.sum(axis=1)
    return [float(matrix[c, c] / total) if total else None for c, total in enumerate(totals)]


def worst_confusions(matrix: Array, names: Sequence[str], count: int = 10) -> list[Confusion]:
    """Return the `count` largest confusions by clips, then by share of the class."""
    totals = matrix.sum(axis=1)
    confusions = [
        Confusion(names[t], names[p], int(matrix[t, p]), float(matrix[t, p] / totals[t]))
        for t, p in np.argwhere(matrix).tolist()
        if t != p
    ]
    return sorted(confusions, key=lambda each: (-each.clips, -each.share))[:count]
