"""A record as a picture: where the time of a decision goes, and how late decisions are."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..tools.plotting import new_figure, save
from ..tools.tables import number
from .percentiles import NEEDED
from .record import Record
from .report import device, title
from .throughput import REST, STAGES

# Greys with one warm tone for the network: readable in black and white too.
_COLOURS = {
    "decode": "#8d99a6",
    "preprocess": "#b7c0c9",
    "frame graph": "#2f5d8a",
    "window graph": "#d98c3f",
    "decision": "#6b9080",
    "sink": "#a7bfb2",
    REST: "#d9d9d9",
}
_INK, _LINE = "#333333", "#2f5d8a"


def draw(record: Record, ages_ms: Sequence[float], path: Path) -> None:
    figure = new_figure(10, 4.2)
    bars, late = figure.subplots(1, 2, width_ratios=(1.25, 1))
    _draw_stages(bars, record)
    _draw_ages(late, record, np.sort(ages_ms))
    for axes in (bars, late):
        axes.spines[["top", "right"]].set_visible(False)
        axes.tick_params(colors=_INK)
    figure.suptitle(f"{title(record)}\n{device(record.setup)}", fontsize=10, color=_INK)
    save(figure, path)


def _draw_stages(axes: Any, record: Record) -> None:
    names = list(record.modes)
    left = np.zeros(len(names))
    for stage in (*STAGES, REST):
        widths = np.asarray([record.modes[name].mean_ms[stage] for name in names])
        axes.barh(names, widths, left=left, height=0.55, color=_COLOURS[stage], label=stage)
        left = left + widths
    for place, (name, end) in enumerate(zip(names, left.tolist(), strict=True)):
        per_s = record.figures[f"{name} windows/s"].median
        axes.text(end, place, f"  {number(end)} ms\n  {number(per_s)}/s", va="center", fontsize=9)
    axes.set_xlim(0, left.max() * 1.22)
    axes.invert_yaxis()
    axes.set_xlabel("milliseconds of work per decision")
    ratio = record.figures["streaming ÷ independent"].median
    axes.set_title(f"streaming makes {ratio:.1f}× the decisions", fontsize=10, color=_INK)
    axes.legend(ncols=4, fontsize=8, frameon=False, loc="upper center", bbox_to_anchor=(0.5, -0.2))


def _draw_ages(axes: Any, record: Record, ages_ms: np.ndarray) -> None:
    live = record.live
    axes.set_title(
        f"{live.streams} live streams, {min(live.share):.0%} of {live.asked_fps:g} frames/s",
        fontsize=10,
        color=_INK,
    )
    axes.set_xlabel("milliseconds from capture to decision")
    axes.set_ylabel("share of decisions")
    if not len(ages_ms):
        axes.text(0.5, 0.5, "no decision", ha="center", transform=axes.transAxes)
        return
    axes.ecdf(ages_ms, color=_LINE)
    for percent in NEEDED:
        value = getattr(live.ages, f"p{percent}")
        if value is not None:
            axes.plot([value], [percent / 100], "o", color=_COLOURS["window graph"], markersize=5)
            axes.annotate(
                f"p{percent} {number(value)} ms",
                (value, percent / 100),
                textcoords="offset points",
                xytext=(7, -10),
                fontsize=8,
                color=_INK,
            )
    axes.set_xlim(left=0)
    axes.set_ylim(0, 1.04)
