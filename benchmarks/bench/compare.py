"""stzsar-bench compare: what one record has against another, figure by figure."""

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
from .record import Figure, read_comparable
from .report import number

_LONGEST = 60
# Other units are in the names.
_UNITS = ("ms", "s", "MiB", "MiB/h", "J")


@dataclass(frozen=True)
class Ratio:
    """How a figure of one record stands to that of another.

    Attributes:
        middle: of the medians.
        least: the smallest of any two turns.
        most: the largest of any two turns.
    """

    middle: float
    least: float
    most: float

    @property
    def clear(self) -> bool:
        """Whether all turns of one are above, or below, all turns of the other."""
        return not self.least <= 1 <= self.most


@cloup.command()
@cloup.argument("first", metavar="A.json", type=click.Path(path_type=Path), help="A record.")
@cloup.argument("second", metavar="B.json", type=click.Path(path_type=Path), help="Another one.")
@cloup.option("--debug", is_flag=True, help="Show tracebacks.")
@at_the_edge
def compare(first: Path, second: Path) -> None:
    """Print B ÷ A for each figure of two records, and what differs between their set-ups."""
    a, b = read_comparable(first), read_comparable(second)
    shared = [
        name
        for name, figure in a.figures.items()
        if name in b.figures and b.figures[name].unit == figure.unit
    ]
    if not shared:
        raise StzsarError(f"{first} and {second} have no figure in common: measure both again.")
    out = Output()
    differing = differences(a.setup, b.setup)
    if differing:
        out.print(_setups(differing))
    else:
        out.print("The set-ups are the same.", markup=False)
    out.print(_ratios(shared, a.figures, b.figures))
    alone = sorted((a.figures.keys() | b.figures.keys()) - set(shared))
    if alone:
        out.print(Text(printable(f"Only in one of them: {', '.join(alone)}.")))
    out.print(
        "B ÷ A is that of the medians; the range goes from the least to the most of any turn of "
        "one with any of the other. Where it holds 1, no difference is shown.",
        markup=False,
    )


def ratio(a: Figure, b: Figure) -> Ratio | None:
    """Return b ÷ a; None where that is no number, since a is 0 or signs differ."""
    if min(a.values) <= 0 or min(b.values) < 0:
        return None
    return Ratio(b.median / a.median, min(b.values) / max(a.values), max(b.values) / min(a.values))


def differences(a: Mapping[str, Any], b: Mapping[str, Any]) -> dict[str, tuple[str, str]]:
    """Return what differs between two set-ups, as it is shown."""
    names = [*a, *(name for name in b if name not in a)]
    return {
        name: (_shown(a.get(name)), _shown(b.get(name)))
        for name in names
        if a.get(name) != b.get(name)
    }


def verdict(figure: Figure, found: Ratio) -> str:
    """Return in a word what a ratio means."""
    if found.least == found.most == 1:
        return "the same"
    if not found.clear:
        return "unclear"
    return "better" if (found.middle > 1) == (figure.better == "more") else "worse"


def _setups(differing: Mapping[str, tuple[str, str]]) -> Table:
    table = Table(title="what differs", title_justify="left", box=None, padding=(0, 2, 0, 0))
    for column in ("", "A", "B"):
        table.add_column(column, overflow="fold")
    for name, (a, b) in differing.items():
        table.add_row(Text(printable(name)), Text(a), Text(b))
    return table


def _ratios(names: list[str], a: Mapping[str, Figure], b: Mapping[str, Figure]) -> Table:
    table = Table(title="figures", title_justify="left", box=None, padding=(0, 2, 0, 0))
    table.add_column("", overflow="fold")
    for column in ("A", "B", "B ÷ A", "range"):
        table.add_column(column, justify="right", no_wrap=True)
    table.add_column("B is", no_wrap=True)
    for name in names:
        found = ratio(a[name], b[name])
        medians = (number(a[name].median), number(b[name].median))
        cells = ("–", "", "") if found is None else _cells(found, a[name], b[name])
        table.add_row(Text(printable(_with_unit(name, a[name].unit))), *medians, *cells)
    return table


def _cells(found: Ratio, a: Figure, b: Figure) -> tuple[str, str, str]:
    middle = number(found.middle)
    if len(a.values) == len(b.values) == 1:
        return middle, "", ""
    # One turn has no spread of its own to judge by.
    said = verdict(a, found) if min(len(a.values), len(b.values)) > 1 else ""
    return middle, f"{number(found.least)} … {number(found.most)}", said


def _with_unit(name: str, unit: str) -> str:
    return f"{name}, {unit}" if unit in _UNITS else name


def _shown(value: Any) -> str:
    text = "–" if value is None else printable(str(value))
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"
