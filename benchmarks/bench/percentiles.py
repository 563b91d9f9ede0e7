"""Durations as mean and percentiles; a percentile needs enough samples."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

# With fewer samples a percentile is the chance of one or two: at least ten must lie above it.
NEEDED = {50: 1, 90: 100, 95: 200, 99: 1000}


@dataclass(frozen=True, kw_only=True)
class Distribution:
    """Durations in milliseconds; a percentile of too few samples is None."""

    samples: int
    mean: float
    p50: float | None
    p90: float | None
    p95: float | None
    p99: float | None
    largest: float


def distribution(samples_ms: Sequence[float]) -> Distribution | None:
    """Return the distribution of durations; None if there are none."""
    if not len(samples_ms):
        return None
    p50, p90, p95, p99 = (percentile(samples_ms, percent) for percent in NEEDED)
    return Distribution(
        samples=len(samples_ms),
        mean=float(np.mean(samples_ms)),
        p50=p50,
        p90=p90,
        p95=p95,
        p99=p99,
        largest=max(samples_ms),
    )


def percentile(samples: Sequence[float], percent: int) -> float | None:
    """Return a measured sample (nearest rank); None with fewer samples than NEEDED."""
    if len(samples) < NEEDED[percent]:
        return None
    return float(np.percentile(samples, percent, method="inverted_cdf"))
