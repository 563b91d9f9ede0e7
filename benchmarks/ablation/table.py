"""Rows as Markdown, and the value of each part: differences within seeds."""

from collections.abc import Sequence

import numpy as np

from ...runtime.engines.graph import Array
from ..tools.tables import DASH, markdown
from .exams import EXAMS, READ
from .readings import ON_ACTION, ON_ACTION_BY_CHANCE, ON_THING, ON_THING_BY_CHANCE
from .variants import LABEL_ONLY, MOST, VARIANTS, TrainedRow, Variant

COLUMNS = tuple(exam.name for exam in EXAMS)
_STI, _MEAN, _GUIDED = Variant("product", MOST), Variant("mean", MOST), Variant("guided", MOST)
_COMBINED = ("guided-product", "both", "both-product", "guided-learned")
# Comparisons; the row that should be better comes first.
_COMPARED = (
    ("attributes: S × f with 8 against the label alone", _STI, Variant("product", LABEL_ONLY)),
    ("S × f against mean pooling of the label alone", _STI, Variant("mean", LABEL_ONLY)),
    ("S × f against mean pooling", _STI, _MEAN),
    ("S alone against mean pooling", Variant("off", MOST), _MEAN),
    ("f: S × f against S alone", _STI, Variant("off", MOST)),
    ("S × (1 + βf) against mean pooling", Variant("residual", MOST), _MEAN),
    ("guided against mean pooling", _GUIDED, _MEAN),
    ("S × f against guided", _STI, _GUIDED),
    ("top 3 frames against guided", Variant("top-3", MOST), _GUIDED),
    ("maximum against guided", Variant("max", MOST), _GUIDED),
    *((f"{Variant(head, MOST).name} against guided", Variant(head, MOST), _GUIDED)
      for head in _COMBINED),
    ("S × f: value path against block", Variant("product", MOST, "value"), _STI),
    ("S × f: with the temporal transformer against without", _STI,
     Variant("product", MOST, temporal=False)),
)  # fmt: skip


def values(rows: Sequence[TrainedRow], variant: Variant, column: str) -> dict[int, float]:
    """Return the value of each seed that has one, by seed."""
    mine = sorted((r for r in rows if r.variant == variant), key=lambda row: row.seed)
    return {row.seed: row.found[column] for row in mine if column in row.found}


def table(rows: Sequence[TrainedRow]) -> str:
    """Return the accuracies: per cent, mean ± standard deviation over the seeds."""
    cells = (
        (variant.name, variant.words, len(values(rows, variant, COLUMNS[0])),
         *(_percent(values(rows, variant, column)) for column in COLUMNS))
        for variant in trained(rows)
    )  # fmt: skip
    return markdown(("head", "attributes", "seeds", *COLUMNS), cells)


def differences(rows: Sequence[TrainedRow]) -> str:
    """Return the value of each part in points: mean ± deviation of each seed's difference.

    Unless a name says otherwise, both rows have 8 attributes.
    """
    known, columns = trained(rows), COLUMNS[:3]
    cells = (
        (name, *(_points(_gains(rows, better, worse, column)) for column in columns))
        for name, better, worse in _COMPARED
        if better in known and worse in known
    )
    return markdown(("points", *columns), cells)


def attention(rows: Sequence[TrainedRow]) -> str:
    """Return where weights and f lie, in clips of unseen classes, beside what chance would give."""
    columns = [
        (f"{exam.setting}: {what}", f"{exam.setting}: {chance}", f"{exam.setting}: {what} (chance)")
        for exam in READ
        for what, chance in ((ON_ACTION, ON_ACTION_BY_CHANCE), (ON_THING, ON_THING_BY_CHANCE))
    ]
    cells = (
        (variant.name, variant.words,
         *(_beside_chance(rows, variant, what, chance) for what, chance, _ in columns))
        for variant in trained(rows)
        if variant.head != "mean"
    )  # fmt: skip
    return markdown(("head", "attributes", *(title for *_, title in columns)), cells)


def trained(rows: Sequence[TrainedRow]) -> list[Variant]:
    known = {row.variant for row in rows}
    return [variant for variant in VARIANTS if variant in known]


def _gains(
    rows: Sequence[TrainedRow], better: Variant, worse: Variant, column: str
) -> dict[int, float]:
    """Return the difference in each seed that has both rows."""
    high, low = values(rows, better, column), values(rows, worse, column)
    return {seed: high[seed] - low[seed] for seed in high if seed in low}


def _beside_chance(rows: Sequence[TrainedRow], variant: Variant, what: str, chance: str) -> str:
    found = values(rows, variant, what)
    if not found:
        return DASH
    by_chance = 100 * np.mean(list(values(rows, variant, chance).values()))
    return f"{_percent(found)} ({by_chance:.1f})"


def _percent(shares: dict[int, float]) -> str:
    return f"{100 * _array(shares).mean():.1f}{_deviation(shares)}"


def _points(shares: dict[int, float]) -> str:
    return f"{100 * _array(shares).mean():+.1f}{_deviation(shares)}" if shares else DASH


def _deviation(shares: dict[int, float]) -> str:
    return f" ± {100 * _array(shares).std(ddof=1):.1f}" if len(shares) > 1 else ""


def _array(shares: dict[int, float]) -> Array:
    return np.asarray(list(shares.values()))
