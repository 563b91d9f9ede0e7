"""The table as a picture: decisions per second, one bar for each peer."""

from collections.abc import Sequence
from pathlib import Path

from ..plotting import new_figure, save
from .table import PeerResult

_OWN, _OTHER = "#0b7a75", "#9aa5b1"
_ROW_INCHES, _WIDTH_INCHES = 0.55, 9.0


def draw(rows: Sequence[PeerResult], path: Path, caption: str) -> None:
    """Draw the results that were measured, fastest on top, with a caption below."""
    shown = sorted((row for row in rows if not row.failed), key=lambda row: row.windows_per_s or 0)
    figure = new_figure(_WIDTH_INCHES, 1.3 + _ROW_INCHES * len(shown))
    axes = figure.add_subplot()
    bars = axes.barh(
        [row.title for row in shown],
        [row.windows_per_s for row in shown],
        color=[_OWN if row.name.startswith("stzsar") else _OTHER for row in shown],
    )
    axes.bar_label(bars, labels=[_bar_text(row) for row in shown], padding=4)
    axes.set_xlabel("decisions per second")
    axes.margins(x=0.25)
    axes.spines[["top", "right"]].set_visible(False)
    note = "In brackets: time of a decision over that of streaming."
    figure.supxlabel(f"{note}\n{caption}", fontsize="small", color="#52606d")
    save(figure, path)


def _bar_text(row: PeerResult) -> str:
    rate = f"{row.windows_per_s:.3g}"
    return rate if row.ratio is None or row.ratio == 1 else f"{rate}  ({row.ratio:.3g} ×)"
