"""The picture of an ablation: heads, shares of the action, cuts, and numbers of attributes."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..tools.plotting import new_figure, save
from .exams import CUTS, SHARES, Exam
from .heads import HEADS
from .table import trained, values
from .variants import COUNTS, MOST, TrainedRow, Variant

_COLUMN = "unseen, untrimmed"
_SETTINGS = {_COLUMN: "#2f5d8a", "unseen, hard": "#d98c3f", "unseen, plain": "#b7c0c9"}
_COLOURS = (
    "#8a929a", "#7a9e3f", "#2f5d8a", "#6fa8d6", "#c0392b", "#d98c3f", "#e3c567", "#8e5aa5",
    "#3f9e8f", "#1b6e63", "#e08283",
)  # fmt: skip
_BAR = 0.27


def draw(rows: Sequence[TrainedRow], path: Path) -> None:
    """Draw what is trained: means over the seeds, with standard deviations as lines."""
    counted = any(0 < row.variant.attributes < MOST for row in rows)
    figure = new_figure(11, 8)
    axes = figure.subplot_mosaic([["heads", "counts" if counted else "heads"], ["shares", "cuts"]])
    _heads(axes["heads"], rows)
    _finer(axes["shares"], rows, SHARES, "share of the window with the action, %; two cuts")
    _finer(axes["cuts"], rows, CUTS, "cuts; the action fills 40 to 50 %")
    if counted:
        _counts(axes["counts"], rows)
    lines = [axes[name] for name in ("shares", "counts") if name in axes and axes[name].lines]
    if lines:
        lines[0].legend(fontsize=7, frameon=False, ncols=2)
    for axis in axes.values():
        axis.spines[["top", "right"]].set_visible(False)
    save(figure, path)


def _heads(axis: Any, rows: Sequence[TrainedRow]) -> None:
    """Bars of the heads with all attributes, in each setting."""
    shown = [variant for variant in trained(rows) if variant.attributes == MOST]
    places = np.arange(len(shown))
    for number, (column, colour) in enumerate(_SETTINGS.items()):
        found = [[100 * value for value in values(rows, row, column).values()] for row in shown]
        axis.barh(
            places + (number - 1) * _BAR,
            [np.mean(each) for each in found],
            _BAR,
            xerr=[np.std(each, ddof=1) if len(each) > 1 else 0 for each in found],
            color=colour,
            ecolor="#333333",
            label=column,
        )
    axis.set_yticks(places, [variant.name for variant in shown], fontsize=8)
    axis.invert_yaxis()
    axis.set_xlabel("top-1 with 8 attributes, %")
    axis.legend(fontsize=8, frameon=False, loc="lower center", bbox_to_anchor=(0.5, 1), ncols=3)


def _finer(axis: Any, rows: Sequence[TrainedRow], exams: Mapping[int, Exam], meaning: str) -> None:
    """A line for each head with all attributes, over finer tests."""
    for head in HEADS:
        names = {place: exam.name for place, exam in exams.items()}
        _line(axis, rows, head, {p: (Variant(head, MOST), name) for p, name in names.items()})
    axis.set_xticks(list(exams))
    axis.set_xlabel(meaning)
    axis.set_ylabel("top-1, unseen, %")


def _counts(axis: Any, rows: Sequence[TrainedRow]) -> None:
    """A line for each head over the numbers of attributes."""
    for head in HEADS:
        variants = [Variant(head, count) for count in COUNTS]
        _line(axis, rows, head, {each.words: (each, _COLUMN) for each in variants})
    axis.set_xlabel("attributes")
    axis.set_ylabel(f"top-1, {_COLUMN}, %")


def _line(
    axis: Any,
    rows: Sequence[TrainedRow],
    head: str,
    points: Mapping[Any, tuple[Variant, str]],
) -> None:
    found = {place: list(values(rows, *which).values()) for place, which in points.items()}
    known = {place: 100 * np.mean(each) for place, each in found.items() if each}
    if known:
        colour, name = _COLOURS[list(HEADS).index(head)], HEADS[head].name
        axis.plot(list(known), list(known.values()), ".-", color=colour, label=name, lw=1.2)
