"""stzsar-verify show: a report for people."""

from collections.abc import Iterable
from pathlib import Path

import click
import cloup
from rich.table import Table
from rich.text import Text

from ...runtime.terminal.commandline import Output, at_the_edge, printable
from .report import Fact, Report, Step, read_report

_COLOURS = {"ok": "green", "failed": "bold red", "impossible": "yellow"}


@cloup.command()
@cloup.argument("file", type=click.Path(path_type=Path), help="What stzsar-verify wrote.")
@cloup.option("--debug", is_flag=True, help="Show tracebacks.")
@at_the_edge
def show_command(*, file: Path) -> None:
    """Show a report, with all that it found."""
    show(read_report(file), Output())


def show(report: Report, out: Output) -> None:
    """Print a report: the set-up, then each step with its facts."""
    plan = report.plan
    shortened = "quick: says nothing of speed; " if plan.quick else ""
    out.print(
        f"stzsar-verify of {printable(report.created)}, {shortened}{plan.streams} streams for "
        f"{plan.minutes:g} minutes",
        markup=False,
    )
    out.print(_table("set-up", report.setup.items()))
    for step in report.steps:
        out.print(_headline(step))
        if step.facts:
            out.print(_table("", step.facts.items()))


def _headline(step: Step) -> Text:
    text = Text.assemble(
        (step.status, _COLOURS[step.status]), f"  {printable(step.name)}  {step.seconds:.1f} s"
    )
    return text.append(f"\n{printable(step.reason)}") if step.reason else text


def _table(title: str, rows: Iterable[tuple[str, Fact]]) -> Table:
    table = Table(title=title or None, show_header=False, box=None, padding=(0, 2, 0, 2))
    table.add_column(overflow="fold")
    table.add_column(overflow="fold")
    for name, value in rows:
        shown = f"{value:.6g}" if isinstance(value, float) else str(value)
        table.add_row(Text(printable(name)), Text(printable(shown)))
    return table
