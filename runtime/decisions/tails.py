"""How often similarities will exceed those that were seen: extreme value theory.

Peaks over a high level u (Pickands 1975; Davison and Smith 1990, doi:10.1111/j.2517-6161.1990.
tb01796.x) thin out in a regular way, whatever lies below. Here they follow a Weibull tail: the rate
of exceeding x falls as exp(−(x − μ)^β / s), where μ is the label's mean. β = 1 is the exponential
tail and β = 2 that of a Gaussian. We do not use the generalised Pareto tail: on such footage its
shape is negative, which makes values a little above the largest one seen impossible.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

# The share of blocks whose peak counts as high, and how many of these are used at most.
_HIGH_SHARE, _MOST_HIGH = 0.2, 256
MIN_BLOCKS = 60
_POWERS = np.linspace(0.5, 2, 31)
# This many peaks weigh as much as the prior, an exponential tail.
_PRIOR = 100
# Similarities are written with four digits.
_STEP = 1e-4


@dataclass(frozen=True)
class Tails:
    """The tails of C labels."""

    peaks: Array  # highest first, [C, K]
    mean: Array  # μ, [C]
    level: Array  # u, [C]
    power: float  # β, one for all labels, whose similarities come from one network
    scale: Array  # s, [C]
    high: int  # how many peaks are above u
    passed: float  # how many events exceed u; a little more, since a block may hold two

    def thresholds(self, events: float) -> Array:
        """Return what each label would exceed `events` times in footage like this, [C].

        Few peaks tell the scale. So the threshold gives this many events on average over the
        possible scales, which is higher than the best guess: (1 + w/ks)^-k replaces exp(-w/s). The
        footage itself also counts, where it fits no tail: it never exceeds a threshold more often
        than asked for and a standard deviation.
        """
        if events >= self.passed:
            return self._seen(events)
        seen = self._seen(events + events**0.5)
        more = self.high * self.scale * ((self.passed / events) ** (1 / self.high) - 1)
        beyond = self.mean + ((self.level - self.mean) ** self.power + more) ** (1 / self.power)
        return np.maximum(beyond, seen)

    def _seen(self, events: float) -> Array:
        rank = min(int(events), self.peaks.shape[1] - 1)
        return self.peaks[:, rank] + _STEP

    @property
    def still(self) -> Array:
        """Which labels' peaks are all equal, bool [C]: a still picture is no evidence."""
        return self.peaks[:, 0] - self.level < _STEP


def fit_tails(peaks: Array, blocks: float, mean: Array) -> Tails:
    """Fit the tail of each label to peaks [C, K], highest first, of at least MIN_BLOCKS blocks.

    The peaks are a third of the blocks or more, or all that are kept; `mean` is of each label's
    similarity, [C].
    """
    peaks = peaks.astype(np.float64)
    high = min(int(_HIGH_SHARE * blocks), _MOST_HIGH, peaks.shape[1] - 1)
    level = peaks[:, high]
    # If the footage does not change, all are equal, and rounding may put the mean above.
    mean = np.minimum(mean, level)
    above = peaks[:, :high]
    power = _find_power(above, level, mean)
    return Tails(
        peaks=peaks,
        mean=mean,
        level=level,
        power=power,
        scale=_excesses(above, level, mean, power).mean(axis=1),
        high=high,
        passed=-blocks * float(np.log1p(-high / blocks)),
    )


def _excesses(above: Array, level: Array, mean: Array, power: float) -> Array:
    return (above - mean[:, None]) ** power - ((level - mean) ** power)[:, None]


def _find_power(above: Array, level: Array, mean: Array) -> float:
    """Return the β with which the excesses spread like exponential ones: as much as their mean.

    Few peaks pull it towards 1, the heavier and safer tail.
    """
    count = above.shape[1]
    moving = above[:, 0] - level >= _STEP
    if not moving.any():
        return 1.0
    above, level, mean = above[moving], level[moving], mean[moving]

    def spread(power: float) -> float:
        excess = _excesses(above, level, mean, power)
        ratio = excess.var(axis=1, ddof=1) / excess.mean(axis=1) ** 2
        return float(ratio.mean()) * (count + 1) / count  # exponential: 1

    best = min(_POWERS, key=lambda power: abs(spread(power) - 1))
    # Labels share the footage: a hundred labels are more evidence than one, not a hundredfold.
    evidence = count * np.sqrt(len(above))
    weight = evidence / (evidence + _PRIOR)
    return float(1 + weight * (best - 1))
