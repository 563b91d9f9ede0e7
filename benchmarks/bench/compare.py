"""stzsar-bench compare: two records, figure by figure."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import cloup
from rich.table import Table
from rich.text import Text

from ...runtime.errors import StzsarError
from ...runtime.terminal.commandline import Output, at_the_edge, printable
from ..tools.tables import DASH, number
from .record import Comparable, Figure, read_comparable

_LONGEST = 60
# Other units are part of the names.
_UNITS = ("ms", "s", "MiB", "MiB/h", "J")
_PLAIN: dict[str, Any] = {"title_justify": "left", "box": None, "padding": (0, 2, 0, 0)}


@dataclass(frozen=True)
class Ratio:
    """The ratio of two figures: of their medians, and the range over all pairs of turns."""

    median: float
    least: float
    most: float

    @property
    def clear(self) -> bool:
        """Whether all turns of one lie above, or below, all turns of the other."""
        return not self.least <= 1 <= self.most


@cloup.command()
@cloup.argument("first", metavar="A.json", type=click.Path(path_type=Path), help="A record.")
@cloup.argument("second", metavar="B.json", type=click.Path(path_type=Path), help="Another one.")
@cloup.option("--debug", is_flag=True, help="Show tracebacks.")
@at_the_edge
def compare(first: Path, second: Path) -> None:
    """Print B ÷ A for each figure of two records, and the differences between their set-ups."""
    a, b = read_comparable(first), read_comparable(second)
    names = shared_figures(a, b)
    if not names:
        raise StzsarError(f"{first} and {second} have no figure in common: measure both again.")
    out = Output()
    differing = differences(a.setup, b.setup)
    out.print(_setups(differing) if differing else Text("The set-ups are the same."))
    out.print(_ratios(names, a.figures, b.figures))
    alone = sorted((a.figures.keys() | b.figures.keys()) - set(names))
    if alone:
        out.print(Text(printable(f"Only in one of them: {', '.join(alone)}.")))
    out.print(
        "B ÷ A divides the medians. The range covers every turn of B over every turn of A: if it "
        "contains 1, the difference is not clear.",
        markup=False,
    )


def shared_figures(a: Comparable, b: Comparable) -> list[str]:
    """Return the names of the figures that both have, in the same unit."""
    return [
        name
        for name, figure in a.figures.items()
        if name in b.figures and b.figures[name].unit == figure.unit
    ]


def ratio(a: Figure, b: Figure) -> Ratio | None:
    """Return b ÷ a; None if a is 0 or something is negative."""
    if min(a.values) <= 0 or min(b.values) < 0:
        return None
    return Ratio(b.median / a.median, min(b.values) / max(a.values), max(b.values) / min(a.values))


def differences(a: Mapping[str, Any], b: Mapping[str, Any]) -> dict[str, tuple[str, str]]:
    return {
        name: (_shown(a.get(name)), _shown(b.get(name)))
        for name in {**a, **b}
        if a.get(name) != b.get(name)
    }


def verdict(figure: Figure, found: Ratio) -> str:
    """Return one word: the same, unclear, better or worse."""
    if found.least == found.most == 1:
        return "the same"
    if not found.clear:
        return "unclear"
    return "better" if (found.median > 1) == (figure.better == "more") else "worse"


def _setups(differing: Mapping[str, tuple[str, str]]) -> Table:
    table = Table(title="differences", **_PLAIN)
    for column in ("", "A", "B"):
        table.add_column(column, overflow="fold")
    for name, (a, b) in differing.items():
        table.add_row(Text(printable(name)), Text(a), Text(b))
    return table


def _ratios(names: list[str], a: Mapping[str, Figure], b: Mapping[str, Figure]) -> Table:
    table = Table(title="figures", **_PLAIN)
    table.add_column("", overflow="fold")
    for column in ("A", "B", "B ÷ A", "range"):
        table.add_column(column, justify="right", no_wrap=True)
    table.add_column("B is", no_wrap=True)
    for name in names:
        found = ratio(a[name], b[name])
        medians = (number(a[name].median), number(b[name].median))
        cells = (DASH, "", "") if found is None else _cells(found, a[name], b[name])
        unit = f", {a[name].unit}" if a[name].unit in _UNITS else ""
        table.add_row(Text(printable(f"{name}{unit}")), *medians, *cells)
    return table


def _cells(found: Ratio, a: Figure, b: Figure) -> tuple[str, str, str]:
    median, turns = number(found.median), (len(a.values), len(b.values))
    if max(turns) == 1:
        return median, "", ""
    # A single turn has no spread to judge by.
    word = verdict(a, found) if min(turns) > 1 else ""
    return median, f"{number(found.least)} … {number(found.most)}", word


def _shown(value: Any) -> str:
    text = DASH if value is None else printable(str(value))
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"
