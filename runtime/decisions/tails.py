"""How often evidence will exceed what was seen: the tail of its highest peaks.

Peaks over a high level thin out exponentially (Pickands 1975; Davison and Smith 1990,
doi:10.1111/j.2517-6161.1990.tb01796.x). Only the highest peaks say how fast: those farther down
belong to other scenes, and a tail that was fitted to them gave a tenth of the false alarms asked
for. We do not use the generalised Pareto tail: on such footage its shape is negative, which makes
values a little above the largest one seen impossible.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

MIN_BLOCKS = 60
# The share of blocks whose peak counts as high, and how many of these are used at most.
_HIGH_SHARE, _MOST_HIGH = 0.2, 20
# Evidence is written with four digits here.
_STEP = 1e-4


@dataclass(frozen=True)
class Tail:
    """The tail of the highest of all labels' peaks."""

    peaks: Array  # highest first, [K]
    high: int  # how many of them are above the level
    level: float
    scale: float  # by how much they exceed it on average
    passed: float  # how many events exceed it; a little more, since a block may hold two

    def threshold(self, events: float) -> float:
        """Return what is exceeded `events` times in footage like this.

        Few peaks tell the scale. So the threshold gives this many events on average over the
        possible scales, which is higher than the best guess: (1 + w/ks)^-k replaces exp(-w/s). The
        footage itself also counts, where it fits no tail: it never exceeds a threshold more often
        than asked for and a standard deviation.
        """
        if events >= self.passed:
            return self._seen(events)
        more = self.high * self.scale * ((self.passed / events) ** (1 / self.high) - 1)
        return max(self.level + more, self._seen(events + events**0.5))

    def _seen(self, events: float) -> float:
        return float(self.peaks[min(int(events), len(self.peaks) - 1)]) + _STEP

    @property
    def still(self) -> bool:
        """Whether all peaks are equal: a still picture is no evidence."""
        return bool(self.peaks[0] - self.level < _STEP)


def fit_tail(peaks: Array, blocks: float) -> Tail:
    """Fit the tail to peaks [K], highest first, of at least MIN_BLOCKS blocks.

    The peaks are a third of the blocks or more, or all that are kept.
    """
    peaks = peaks.astype(np.float64)
    high = min(int(_HIGH_SHARE * blocks), _MOST_HIGH, len(peaks) - 1)
    level = float(peaks[high])
    return Tail(
        peaks=peaks,
        high=high,
        level=level,
        scale=float(peaks[:high].mean()) - level,
        passed=-blocks * float(np.log1p(-high / blocks)),
    )
