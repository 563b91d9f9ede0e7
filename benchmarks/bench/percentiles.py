"""Durations as mean and percentiles, none of which is said of too few samples."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

# Below these a percentile is one or two samples' chance: ten lie above it at least, and above the
# 99th, which people build on, as many too.
NEEDED = {50: 1, 90: 100, 95: 200, 99: 1000}


@dataclass(frozen=True, kw_only=True)
class Distribution:
    """Some durations in milliseconds; a percentile of too few samples is None.

    Attributes:
        samples: how many there are.
        mean: of all of them.
        p50: the smallest that is not below half of them; p90 and the others likewise.
        largest: the longest one.
    """

    samples: int
    mean: float
    p50: float | None
    p90: float | None
    p95: float | None
    p99: float | None
    largest: float


def distribution(samples_ms: Sequence[float]) -> Distribution | None:
    """Return the distribution of durations; None if there are none."""
    if not samples_ms:
        return None
    ordered = sorted(samples_ms)
    p50, p90, p95, p99 = (percentile(ordered, percent) for percent in NEEDED)
    return Distribution(
        samples=len(ordered),
        mean=math.fsum(ordered) / len(ordered),
        p50=p50,
        p90=p90,
        p95=p95,
        p99=p99,
        largest=ordered[-1],
    )


def median(values: Sequence[float]) -> float:
    """Return the middle one, or the mean of the two that are."""
    ordered, half = sorted(values), len(values) // 2
    return ordered[half] if len(ordered) % 2 else (ordered[half - 1] + ordered[half]) / 2


def percentile(ordered: Sequence[float], percent: int) -> float | None:
    """Return what `percent` of the samples do not exceed, one that was measured (nearest rank).

    Args:
        ordered: the samples, the smallest first.
        percent: a key of NEEDED; None comes back where the samples are too few.
    """
    if len(ordered) < NEEDED[percent]:
        return None
    return ordered[math.ceil(len(ordered) * percent / 100) - 1]
