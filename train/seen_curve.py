"""Accuracy on seen against accuracy on unseen classes, for any bias taken from the seen ones.

Calibrated stacking (Chao et al. 2016, arXiv 1605.04253): where classes of the training compete with
new ones, a constant subtracted from the logits of the first trades one accuracy for the other.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

# Biases this near the best harmonic mean are as good: clips are few, and the curve is flat.
_AS_GOOD = 0.99
_STEPS = 201


@dataclass(frozen=True, eq=False)
class SeenCurve:
    """The curve of N clips.

    Attributes:
        margins: best logit among seen classes minus best among unseen ones, [N].
        right: whether the clip's class is the best of its own kind, bool [N].
        seen: whether the clip's class is a seen one, bool [N].
    """

    margins: Array
    right: Array
    seen: Array

    @classmethod
    def of(cls, logits: Array, truth: Array, seen_classes: Array) -> "SeenCurve":
        """Return the curve of logits [N, C], classes [N] and which classes are seen, bool [C]."""
        among_seen = np.where(seen_classes, logits, -np.inf)
        among_unseen = np.where(seen_classes, -np.inf, logits)
        seen = seen_classes[truth]
        best = np.where(seen, among_seen.argmax(1), among_unseen.argmax(1))
        return cls(among_seen.max(1) - among_unseen.max(1), best == truth, seen)

    @classmethod
    def joined(cls, curves: "Sequence[SeenCurve]") -> "SeenCurve":
        """Return the curve of all clips of some curves."""
        parts = zip(*((curve.margins, curve.right, curve.seen) for curve in curves), strict=True)
        return cls(*map(np.concatenate, parts))

    @property
    def has_both(self) -> bool:
        """Whether there are clips of both kinds; the other figures require it."""
        return bool(self.seen.any() and not self.seen.all())

    def at(self, bias: float) -> tuple[float, float]:
        """Return the top-1 accuracies on clips of seen and of unseen classes with a bias."""
        seen = (self.right & (self.margins >= bias))[self.seen].mean()
        unseen = (self.right & (self.margins < bias))[~self.seen].mean()
        return float(seen), float(unseen)

    def harmonic(self, bias: float) -> float:
        """Return the harmonic mean of both accuracies with a bias."""
        return harmonic_mean(*self.at(bias))

    @property
    def area(self) -> float:
        """The area under the curve (AUSUC): unseen accuracy along x, seen accuracy along y."""
        finite = self.margins[np.isfinite(self.margins)]
        biases = [-np.inf, *np.unique(finite).tolist(), np.inf]
        seen, unseen = np.transpose([self.at(bias) for bias in biases])
        return float(((unseen[1:] - unseen[:-1]) * (seen[1:] + seen[:-1]) / 2).sum())


def best_bias(curves: Sequence[SeenCurve]) -> float:
    """Return the bias with the best harmonic mean over the curves: the middle of the good ones."""
    highest = max(float(curve.margins.max()) for curve in curves)
    biases = np.linspace(0, max(highest, 0), _STEPS)
    means = np.mean([[curve.harmonic(bias) for bias in biases] for curve in curves], axis=0)
    return float(biases[means >= _AS_GOOD * means.max()].mean())


def harmonic_mean(seen: float, unseen: float) -> float:
    """Return 2 · seen · unseen / (seen + unseen), or 0 if both are 0."""
    return 2 * seen * unseen / (seen + unseen) if seen + unseen else 0.0
