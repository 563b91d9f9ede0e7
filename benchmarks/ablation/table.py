"""Rows as Markdown and as a picture, and the value of each part: differences within seeds."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ...runtime.engines.graph import Array
from ..plotting import new_figure, save
from ..tables import DASH, markdown
from .readings import ON_ACTION, ON_ACTION_BY_CHANCE, ON_THING, ON_THING_BY_CHANCE
from .variants import COUNTS, HEADS, LABEL_ONLY, VARIANTS, TrainedRow, Variant

COLUMNS = ("unseen, hard", "unseen, plain", "seen, hard", "seen, plain")
_LAST = COUNTS[-1]
# Comparisons; the row that should be better comes first.
_STI, _RESIDUAL = Variant("product", _LAST), Variant("residual", _LAST)
_COMPARED = (
    ("attributes: S × f with 8 against the label alone", _STI, Variant("product", LABEL_ONLY)),
    ("S × f against mean pooling, both with 8 attributes", _STI, Variant("mean", _LAST)),
    ("S × f against mean pooling of the label alone", _STI, Variant("mean", LABEL_ONLY)),
    ("S alone against mean pooling, both with 8", Variant("off", _LAST), Variant("mean", _LAST)),
    ("f: S × f against S alone, both with 8", _STI, Variant("off", _LAST)),
    ("S × (1 + βf) against mean pooling, both with 8", _RESIDUAL, Variant("mean", _LAST)),
)
_COLOURS = ("#b7c0c9", "#7a9e3f", "#2f5d8a", "#d98c3f")
_BAR = 0.2


def values(rows: Sequence[TrainedRow], variant: Variant, column: str) -> Array:
    """Return one value for each seed, in the order of the seeds."""
    mine = sorted((r for r in rows if r.variant == variant), key=lambda row: row.seed)
    return np.asarray([row.found[column] for row in mine])


def table(rows: Sequence[TrainedRow]) -> str:
    """Return the accuracies: per cent, mean ± standard deviation over the seeds."""
    cells = (
        (HEADS[variant.head], variant.words,
         *(_percent(values(rows, variant, column)) for column in COLUMNS))
        for variant in _trained(rows)
    )  # fmt: skip
    return markdown(("head", "attributes", *COLUMNS), cells)


def differences(rows: Sequence[TrainedRow]) -> str:
    """Return the value of each part in points: mean ± deviation of each seed's difference."""
    trained, columns = _trained(rows), COLUMNS[:2]
    cells = (
        (name, *(_points(values(rows, better, c) - values(rows, worse, c)) for c in columns))
        for name, better, worse in _COMPARED
        if better in trained and worse in trained
    )
    return markdown(("points", *columns), cells)


def attention(rows: Sequence[TrainedRow]) -> str:
    """Return where S and f lie, in clips of unseen classes in the hard setting."""
    cells = (
        (
            HEADS[variant.head],
            variant.words,
            _beside_chance(rows, variant, ON_ACTION, ON_ACTION_BY_CHANCE),
            DASH
            if variant.head == "off"
            else _beside_chance(rows, variant, ON_THING, ON_THING_BY_CHANCE),
        )
        for variant in _trained(rows)
        if variant.head != "mean"
    )
    return markdown(
        ("head", "attributes", "S on the action (by chance)", "f's patch on the thing (by chance)"),
        cells,
    )


def _trained(rows: Sequence[TrainedRow]) -> list[Variant]:
    trained = {row.variant for row in rows}
    return [variant for variant in VARIANTS if variant in trained]


def _beside_chance(rows: Sequence[TrainedRow], variant: Variant, what: str, chance: str) -> str:
    by_chance = 100 * values(rows, variant, chance).mean()
    return f"{_percent(values(rows, variant, what))} ({by_chance:.1f})"


def _percent(shares: Array) -> str:
    return f"{100 * shares.mean():.1f}{_deviation(shares)}"


def _points(shares: Array) -> str:
    return f"{100 * shares.mean():+.1f}{_deviation(shares)}"


def _deviation(shares: Array) -> str:
    return f" ± {100 * shares.std(ddof=1):.1f}" if len(shares) > 1 else ""


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
