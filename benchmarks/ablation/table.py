"""Rows as a Markdown table, and what the parts are worth: differences within seeds."""

from collections.abc import Sequence

import numpy as np

from ...runtime.engines.graph import Array
from .budget import Result
from .readings import ON_ACTION, ON_ACTION_BY_CHANCE, ON_THING, ON_THING_BY_CHANCE
from .variants import COUNTS, HEADS, LABEL_ONLY, VARIANTS, Variant

# The readings that the table has, in this order.
COLUMNS = ("unseen, hard", "unseen, plain", "seen, hard", "seen, plain")
_LAST = COUNTS[-1]
# What is compared: named, with the row that should be the better one first.
_STI, _RESIDUAL = Variant("product", _LAST), Variant("residual", _LAST)
_COMPARED = (
    ("attributes: S × f with 8 against the label alone", _STI, Variant("product", LABEL_ONLY)),
    ("S × f against mean pooling, both with 8 attributes", _STI, Variant("mean", _LAST)),
    ("S × f against mean pooling of the label alone", _STI, Variant("mean", LABEL_ONLY)),
    ("S alone against mean pooling, both with 8", Variant("off", _LAST), Variant("mean", _LAST)),
    ("f: S × f against S alone, both with 8", _STI, Variant("off", _LAST)),
    ("S × (1 + βf) against mean pooling, both with 8", _RESIDUAL, Variant("mean", _LAST)),
)


def values(results: Sequence[Result], variant: Variant, column: str) -> Array:
    """Return a reading of a row, one value for each seed, in the order of the seeds."""
    mine = sorted((r for r in results if r.variant == variant), key=lambda result: result.seed)
    return np.asarray([result.found[column] for result in mine])


def table(results: Sequence[Result]) -> str:
    """Return all rows as Markdown: per cent, mean ± standard deviation of the seeds."""
    lines = [
        f"| head | attributes | {' | '.join(COLUMNS)} |",
        "|---" * (len(COLUMNS) + 2) + "|",
    ]
    for variant in _rows(results):
        cells = [_percent(values(results, variant, column)) for column in COLUMNS]
        lines.append(f"| {HEADS[variant.head]} | {variant.words} | {' | '.join(cells)} |")
    return "\n".join(lines)


def differences(results: Sequence[Result]) -> str:
    """Return what parts are worth, in points: each seed's difference, their mean ± deviation."""
    lines = ["| points | unseen, hard | unseen, plain |", "|---|---|---|"]
    there = _rows(results)
    for name, better, worse in _COMPARED:
        if better not in there or worse not in there:
            continue
        cells = [
            _points(values(results, better, column) - values(results, worse, column))
            for column in COLUMNS[:2]
        ]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines)


def looks(results: Sequence[Result]) -> str:
    """Return where rows look in the clips of unseen classes, hard, as Markdown."""
    lines = [
        "| head | attributes | S on the action (by chance) | f's patch on the thing (by chance) |",
        "|---|---|---|---|",
    ]
    for variant in _rows(results):
        if variant.head == "mean":
            continue
        cells = [_beside_chance(results, variant, ON_ACTION, ON_ACTION_BY_CHANCE)]
        if variant.head == "off":
            cells.append("–")
        else:
            cells.append(_beside_chance(results, variant, ON_THING, ON_THING_BY_CHANCE))
        lines.append(f"| {HEADS[variant.head]} | {variant.words} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _rows(results: Sequence[Result]) -> list[Variant]:
    """Return the rows that there are, in the order of the table."""
    there = {result.variant for result in results}
    return [variant for variant in VARIANTS if variant in there]


def _beside_chance(results: Sequence[Result], variant: Variant, what: str, chance: str) -> str:
    by_chance = 100 * values(results, variant, chance).mean()
    return f"{_percent(values(results, variant, what))} ({by_chance:.1f})"


def _percent(shares: Array) -> str:
    return f"{100 * shares.mean():.1f}{_deviation(shares)}"


def _points(shares: Array) -> str:
    return f"{100 * shares.mean():+.1f}{_deviation(shares)}"


def _deviation(shares: Array) -> str:
    return f" ± {100 * shares.std(ddof=1):.1f}" if len(shares) > 1 else ""
