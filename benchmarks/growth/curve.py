"""Measured times along one axis, and the straight line through them."""

from dataclasses import dataclass

import numpy as np

from ...runtime.engines.graph import Array


@dataclass(frozen=True, eq=False)
class Curve:
    axis: str  # what grows
    names: tuple[str, ...]  # of the points, for the table
    sizes: Array  # of the points, [N]
    parts_ms: Array  # milliseconds of `decision_time.PARTS`, [rounds, N, 3]

    @property
    def fastest_ms(self) -> Array:
        """The fastest round of each point, [N]."""
        return self.parts_ms.sum(-1).min(0)

    @property
    def median_ms(self) -> Array:
        """The median round of each point, [N]."""
        return np.median(self.parts_ms.sum(-1), axis=0)

    @property
    def fastest_parts_ms(self) -> Array:
        """The fastest round of each part, [N, 3]."""
        return self.parts_ms.min(0)

    def line(self) -> tuple[float, float]:
        """Return a and b of the line a + b · size with the smallest relative errors."""
        times = self.fastest_ms
        if len(times) < 2:
            return float(times[0]), 0.0
        shares = np.stack([1 / times, self.sizes / times], axis=1)
        offset, slope = np.linalg.lstsq(shares, np.ones(len(times)), rcond=None)[0]
        return float(offset), float(slope)
