"""The table as a picture: windows a second, one bar for each peer."""

from collections.abc import Sequence
from pathlib import Path

from .table import Row

_OWN, _OTHER = "#0b7a75", "#9aa5b1"
_ROW_INCHES, _WIDTH_INCHES = 0.55, 9.0


def draw(rows: Sequence[Row], path: Path, caption: str) -> None:
    """Draw the rows that were measured, fastest on top.

    Args:
        rows: of the table.
        path: the picture's file.
        caption: below it, where and how it was measured.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    shown = sorted((row for row in rows if not row.failed), key=lambda row: row.windows_per_s)
    figure = Figure(figsize=(_WIDTH_INCHES, 1.3 + _ROW_INCHES * len(shown)), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    bars = axes.barh(
        [row.title for row in shown],
        [row.windows_per_s for row in shown],
        color=[_OWN if row.name.startswith("stzsar") else _OTHER for row in shown],
    )
    axes.bar_label(bars, labels=[_bar_text(row) for row in shown], padding=4)
    axes.set_xlabel("decisions a second")
    axes.margins(x=0.25)
    axes.spines[["top", "right"]].set_visible(False)
    note = "In brackets: how many times as long as streaming a decision takes."
    figure.supxlabel(f"{note}\n{caption}", fontsize="small", color="#52606d")
    figure.savefig(path, dpi=150)


def _bar_text(row: Row) -> str:
    rate = f"{row.windows_per_s:.3g}"
    return rate if row.ratio is None or row.ratio == 1 else f"{rate}  ({row.ratio:.3g} ×)"
