"""The ablation as a picture: top-1 of unseen classes, a panel for each setting."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ...runtime.engines.graph import Array
from .budget import Result
from .table import values
from .variants import COUNTS, HEADS, Variant

_COLOURS = ("#b7c0c9", "#7a9e3f", "#2f5d8a", "#d98c3f")
_BAR = 0.2


def draw(results: Sequence[Result], path: Path) -> None:
    """Write the picture; bars are means over the seeds, lines their standard deviations."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 3.4), layout="constrained")
    panels = figure.subplots(1, 2, sharey=True)
    for panel, column in zip(panels, ("unseen, hard", "unseen, plain"), strict=True):
        for place, (head, name) in enumerate(HEADS.items()):
            found = [_values(results, Variant(head, count), column) for count in COUNTS]
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
    figure.savefig(path, dpi=110)


def _values(results: Sequence[Result], variant: Variant, column: str) -> Array:
    """Return a row in per cent; zeros for one that was not trained."""
    found = 100 * values(results, variant, column)
    return found if len(found) else np.zeros(1)
