"""Measured times along one axis, the straight line through them, and a picture."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ...runtime.engines.graph import Array
from ..decision_time import PARTS
from ..tools.plotting import new_figure, save

_COLUMNS = 3
_PANEL_INCHES = (4.0, 3.2)
_WHOLE, *_PART_COLOURS = ("#1b1b1b", "#2a78b5", "#d9822b", "#7a9e3f")


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


def draw(curves: Sequence[Curve], path: Path, *, title: str) -> None:
    rows = -(-len(curves) // _COLUMNS)
    width, height = _PANEL_INCHES
    figure = new_figure(width * _COLUMNS, height * rows)
    panels = np.asarray(figure.subplots(rows, _COLUMNS, squeeze=False)).ravel()
    for panel, curve in zip(panels, curves, strict=False):
        _draw_curve(panel, curve)
    for panel in panels[len(curves) :]:
        panel.axis("off")
    handles, names = panels[0].get_legend_handles_labels()
    rest = panels[len(curves) :]
    (rest[0] if len(rest) else panels[0]).legend(handles, names, loc="center", frameon=False)
    figure.suptitle(title, fontsize=10)
    save(figure, path)


def _draw_curve(panel: Any, curve: Curve) -> None:
    from matplotlib.ticker import FuncFormatter, NullFormatter, NullLocator

    sizes, fastest = curve.sizes, curve.fastest_ms
    offset, slope = curve.line()
    between = np.geomspace(sizes.min(), sizes.max(), 50)
    panel.plot(sizes, fastest, "o-", color=_WHOLE, label="a decision, fastest", markersize=4)
    panel.plot(sizes, curve.median_ms, "x", color=_WHOLE, label="median", markersize=5)
    panel.plot(between, offset + slope * between, "--", color="#c23b3b", label="straight line")
    parts = zip(PARTS, _PART_COLOURS, curve.fastest_parts_ms.T, strict=True)
    for name, colour, part_ms in parts:
        panel.plot(sizes, part_ms, "-", color=colour, label=name, linewidth=1)
    panel.set(xscale="log", yscale="log", xlabel=curve.axis, ylabel="ms")
    panel.set_xticks(sizes, [f"{size:.2g}" if size % 1 else f"{size:.0f}" for size in sizes])
    panel.tick_params(axis="x", labelsize=8, labelrotation=45 if len(sizes) > 7 else 0)
    panel.xaxis.set_minor_locator(NullLocator())
    panel.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    panel.yaxis.set_minor_formatter(NullFormatter())
    panel.grid(alpha=0.3, which="major")
    panel.spines[["top", "right"]].set_visible(False)
