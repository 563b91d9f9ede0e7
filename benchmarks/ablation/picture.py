"""The picture of an ablation: heads, numbers of attributes, shares of the action, and cuts."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..plotting import new_figure, save
from .exams import CUTS, SHARES, Exam
from .heads import HEADS
from .table import trained, values
from .variants import COUNTS, MOST, TrainedRow, Variant

_SETTINGS = {"unseen, untrimmed": "#2f5d8a", "unseen, hard": "#d98c3f", "unseen, plain": "#b7c0c9"}
_COLOURS = (
    "#8a929a", "#7a9e3f", "#2f5d8a", "#6fa8d6", "#c0392b", "#d98c3f", "#e3c567", "#8e5aa5",
    "#3f9e8f", "#1b6e63", "#e08283",
)  # fmt: skip
_BAR = 0.27


def draw(rows: Sequence[TrainedRow], path: Path) -> None:
    """Draw what is trained: means over the seeds, with standard deviations as lines."""
    figure = new_figure(11, 8)
    (heads, counts), (shares, cuts) = figure.subplots(2, 2)
    _heads(heads, rows)
    by_count = {Variant(head, count): head for head in HEADS for count in COUNTS}
    for head in dict.fromkeys(by_count[v] for v in trained(rows) if v in by_count):
        found = {count: _mean(rows, Variant(head, count), "unseen, untrimmed") for count in COUNTS}
        _line(counts, head, {str(c or "label only"): v for c, v in found.items()})
    for panel, exams in ((shares, SHARES), (cuts, CUTS)):
        _finer(panel, rows, exams)
    counts.set_xlabel("attributes")
    shares.set_xlabel("share of the window with the action, %; two cuts")
    cuts.set_xlabel("cuts; the action fills 40 to 50 %")
    for panel in (counts, shares, cuts):
        panel.set_title("unseen, untrimmed", fontsize=10)
        panel.set_ylabel("top-1, %")
        panel.spines[["top", "right"]].set_visible(False)
    shares.legend(fontsize=7, frameon=False, ncols=2)
    save(figure, path)


def _heads(panel: Any, rows: Sequence[TrainedRow]) -> None:
    """Bars of the heads with all attributes, in each setting."""
    shown = [variant for variant in trained(rows) if variant.attributes == MOST]
    places = np.arange(len(shown))
    for number, (column, colour) in enumerate(_SETTINGS.items()):
        found = [[100 * v for v in values(rows, row, column).values()] for row in shown]
        panel.barh(
            places + (number - 1) * _BAR,
            [np.mean(each) for each in found],
            _BAR,
            xerr=[np.std(each, ddof=1) if len(each) > 1 else 0 for each in found],
            color=colour,
            ecolor="#333333",
            label=column,
        )
    panel.set_yticks(places, [variant.name for variant in shown], fontsize=8)
    panel.invert_yaxis()
    panel.set_xlim(left=40)
    panel.set_title("8 attributes, top-1 in %", fontsize=10)
    panel.legend(fontsize=7, frameon=False, loc="lower left")
    panel.spines[["top", "right"]].set_visible(False)


def _finer(panel: Any, rows: Sequence[TrainedRow], exams: Mapping[int, Exam]) -> None:
    for head in HEADS:
        found = {
            place: _mean(rows, Variant(head, MOST), exam.name) for place, exam in exams.items()
        }
        _line(panel, head, found)
    panel.set_xticks(list(exams))


def _line(panel: Any, head: str, found: Mapping[Any, float | None]) -> None:
    known = {place: value for place, value in found.items() if value is not None}
    if known:
        colour = _COLOURS[list(HEADS).index(head)]
        panel.plot(
            list(known), list(known.values()), ".-", color=colour, label=HEADS[head].name, lw=1.2
        )


def _mean(rows: Sequence[TrainedRow], variant: Variant, column: str) -> float | None:
    found = values(rows, variant, column)
    return 100 * float(np.mean(list(found.values()))) if found else None
