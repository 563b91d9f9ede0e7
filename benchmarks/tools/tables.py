"""Tables as Markdown, numbers in three digits, medians with their range."""

import math
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

DASH = "–"


def markdown(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """Return a Markdown table; cells are printed as they are."""
    from tabulate import tabulate

    return tabulate(list(rows), columns, tablefmt="github", disable_numparse=True)


def number(value: float | None) -> str:
    """Return three digits, or all before the point; a dash for None and NaN."""
    if value is None or not math.isfinite(value):
        return DASH
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"


def median_and_range(values: Sequence[float] | np.ndarray) -> str:
    """Return the median, and the range in brackets if there are several values."""
    middle = number(float(np.median(values)))
    if len(values) == 1:
        return middle
    return f"{middle} ({number(min(values))} … {number(max(values))})"
