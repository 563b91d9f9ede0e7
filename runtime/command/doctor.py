"""stzsar-doctor: checks what stzsar-run needs of this machine, and shows how to get it."""

import sys

import click
import cloup
from rich.table import Table
from rich.text import Text

from ..terminal.commandline import Output, at_the_edge, printable
from .checks import Finding, look_at_everything

_MARKS = {"ok": ("ok", "green"), "note": ("-", "yellow"), "wrong": ("wrong", "bold red")}
_EXAMPLE = """\b
Examples:
  stzsar-doctor
      shows what this machine has, and how to get the rest
  stzsar-doctor && stzsar-run --camera 0
      starts the run only if it can work

The exit code is 0 if stzsar-run would start, else 2.
"""


@cloup.command(epilog=_EXAMPLE)
@cloup.option("--debug", is_flag=True, help="Show tracebacks.")
@click.version_option(package_name="stzsar")
@at_the_edge
def main() -> None:
    """Check Python, engines, OpenCV, cameras and the bundle, as stzsar-run uses them."""
    findings = list(look_at_everything())
    out = Output()
    out.print(_table(findings))
    wrong = [finding.what for finding in findings if finding.status == "wrong"]
    if wrong:
        out.print(f"stzsar-run would not start: see {', '.join(wrong)}.", markup=False)
        sys.exit(2)
    out.print("stzsar-run would start.", markup=False)


def _table(findings: list[Finding]) -> Table:
    table = Table(show_lines=False)
    for column in ("", "what", "found", "to get it"):
        table.add_column(column, overflow="fold")
    for finding in findings:
        mark, colour = _MARKS[finding.status]
        table.add_row(
            Text(mark, colour), finding.what, Text(printable(finding.found)), Text(finding.remedy)
        )
    return table


if __name__ == "__main__":
    main(prog_name="stzsar-doctor")
