"""A picture of top-1 on unseen classes, one panel for each setting."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ...runtime.engines.graph import Array
from ..plotting import new_figure, save
from .table import values
from .variants import COUNTS, HEADS, TrainedRow, Variant

_COLOURS = ("#b7c0c9", "#7a9e3f", "#2f5d8a", "#d98c3f")
_BAR = 0.2


def draw(rows: Sequence[TrainedRow], path: Path) -> None:
    """Write the picture: means over the seeds as bars, standard deviations as lines."""
    figure = new_figure(9, 3.4)
    panels = figure.subplots(1, 2, sharey=True)
    for panel, column in zip(panels, ("unseen, hard", "unseen, plain"), strict=True):
        for place, (head, name) in enumerate(HEADS.items()):
            found = [_values(rows, Variant(head, count), column) for count in COUNTS]
            panel.bar(
                np.arange(len(COUNTS)) + (place - 1.5) * _BAR,
                [value.mean() for value in found],
                _BAR,
                yerr=[value.std(ddof=1) if len(value) > 1 else 0 for value in found],
                color=_COLOURS[place],
                ecolor="#333333",
                label=name,
            )
        names = [f"{count} attributes" if count else "label only" for count in COUNTS]
        panel.set_xticks(range(len(COUNTS)), names, fontsize=8)
        panel.set_title(column, fontsize=10)
        panel.spines[["top", "right"]].set_visible(False)
    panels[0].set_ylabel("top-1, %")
    panels[0].legend(fontsize=8, frameon=False, loc="upper left", ncols=2)
    save(figure, path)


def _values(rows: Sequence[TrainedRow], variant: Variant, column: str) -> Array:
    """Return a row in per cent; 0 if it was not trained."""
    found = 100 * values(rows, variant, column)
    return found if len(found) else np.zeros(1)
