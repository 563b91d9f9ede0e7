"""Draws the confusion matrix."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ...runtime.errors import StzsarError
from .arithmetic import Array

# Inches of a class's row, and the smallest and largest side of the matrix.
_ROW, _MIN, _MAX = 0.16, 5.0, 40.0
_FORMATS = (".png", ".pdf", ".svg")


def check_plot(path: Path) -> None:
    """Check before hours of work that the plot can be drawn.

    Raises:
        StzsarError: matplotlib is not installed, or the file's format is not supported.
    """
    if path.suffix.lower() not in _FORMATS:
        raise StzsarError(f"--plot writes {', '.join(_FORMATS)}, not {path}. Name such a file.")
    try:
        _load()
    except ModuleNotFoundError as error:
        raise StzsarError(
            "--plot needs matplotlib. Run pip install matplotlib, or leave it out."
        ) from error


def plot_confusions(path: Path, matrix: Array, names: Sequence[str], title: str) -> None:
    """Draw counts [C, C] as shares of each of C classes; those without clips stay white."""
    figure_type, canvas_type = _load()
    side = min(_MAX, max(_MIN, _ROW * len(names)))
    figure = figure_type(figsize=(side + 3, side + 3), layout="constrained")
    canvas_type(figure)
    axes = figure.add_subplot()
    totals = matrix.sum(axis=1, keepdims=True)
    shares = matrix / totals.clip(min=1)
    picture = axes.imshow(shares, cmap="Blues", vmin=0, vmax=1, interpolation="nearest")
    figure.colorbar(picture, ax=axes, label="share of the class's clips", shrink=0.6)
    # matplotlib reads text between $ signs as a formula.
    shown = [name.replace("$", r"\$") for name in names]
    size = min(9.0, 72 * side / len(names) * 0.8)
    axes.set_xticks(range(len(names)), shown, rotation=90, fontsize=size)
    axes.set_yticks(range(len(names)), shown, fontsize=size)
    axes.set_xlabel("taken for")
    axes.set_ylabel("is")
    axes.set_title(title.replace("$", r"\$"))
    figure.savefig(path, dpi=120)


def _load() -> tuple[Any, Any]:
    """Return matplotlib's figure and Agg canvas, which need no display."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    return Figure, FigureCanvasAgg
