"""How often a similarity above those that were seen will come: extreme value theory.

Peaks over a high level u (Pickands 1975; Davison and Smith 1990, doi:10.1111/j.2517-6161.1990.
tb01796.x) thin out in a regular way, whatever is below it. Here they follow a Weibull tail: how
often x is passed falls as exp(−(x − μ)^β / s), μ the label's mean. β = 1 is the exponential tail
and β = 2 that of a Gaussian. The generalised Pareto tail was not taken: the negative shape that
such footage gives puts an end to what is possible a little above what was seen.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

# The share of blocks whose peak counts as high, and how many of these tell anything.
_HIGH_SHARE, _MOST_HIGH = 0.2, 256
MIN_BLOCKS = 60
_POWERS = np.linspace(0.5, 2, 31)
# So many peaks weigh as much as the belief, before any is seen, that the tail is exponential.
_BELIEF = 100
# Similarities are written with four digits.
_STEP = 1e-4


@dataclass(frozen=True)
class Tails:
    """The tails of C labels.

    Attributes:
        peaks: highest first, [C, K].
        mean: μ, [C].
        level: u, [C].
        power: β, one for all labels, whose similarities come from one network.
        scale: s, [C].
        high: how many peaks are above u.
        passed: how many events are above u, which is a little more: a block may hold two.
    """

    peaks: Array
    mean: Array
    level: Array
    power: float
    scale: Array
    high: int
    passed: float

    def thresholds(self, events: float) -> Array:
        """Return what each label would pass `events` times in footage like this, [C].

        The scale is known from a few peaks only. So the threshold is the one that gives so many
        events on average over what the scale may be, which is higher than the one of the best
        guess: (1 + w/ks)^-k takes the place of exp(-w/s). And what was seen counts where it fits
        no tail: the footage itself never gives more than that and a standard deviation.
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
        """Which labels' peaks are all the same, bool [C]: a still picture tells nothing."""
        return self.peaks[:, 0] - self.level < _STEP


def fit_tails(peaks: Array, blocks: float, mean: Array) -> Tails:
    """Find the tail of each label.

    Args:
        peaks: of blocks, highest first, [C, K]; at least a third of `blocks`, or all that are kept.
        blocks: how many blocks there were, at least MIN_BLOCKS.
        mean: of each label's similarity, [C].
    """
    peaks = peaks.astype(np.float64)
    high = min(int(_HIGH_SHARE * blocks), _MOST_HIGH, peaks.shape[1] - 1)
    level = peaks[:, high]
    # In footage that does not change all is equal, and rounding may put the mean above.
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
    """Return the β with which the excesses are spread as exponential ones: as much as their mean.

    With few peaks it is drawn towards 1, the heavier and safer tail.
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

    found = min(_POWERS, key=lambda power: abs(spread(power) - 1))
    # Labels see the same footage: a hundred of them tell more than one, but not a hundred times.
    told = count * np.sqrt(len(above))
    weight = told / (told + _BELIEF)
    return float(1 + weight * (found - 1))
