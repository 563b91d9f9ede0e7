"""stzsar-doctor: checks what stzsar-run needs of this machine, and shows how to get it."""

import importlib.metadata
import json
import platform
import sys
from dataclasses import asdict
from pathlib import Path

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
  stzsar-doctor --json
      prints what to attach to an issue; the home folder is left out of it
  stzsar-doctor && stzsar-run --camera 0
      starts the run only if it can work

The exit code is 0 if stzsar-run would start, else 2.
"""


@cloup.command(epilog=_EXAMPLE)
@cloup.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table")
@cloup.option("--debug", is_flag=True, help="Show tracebacks.")
@click.version_option(package_name="stzsar")
@at_the_edge
def main(*, as_json: bool) -> None:
    """Check Python, engines, OpenCV, cameras and the bundle, as stzsar-run uses them."""
    findings = list(look_at_everything())
    if as_json:
        print(_json(findings))
        sys.exit(2 if any(finding.status == "wrong" for finding in findings) else 0)
    out = Output()
    out.print(_table(findings))
    wrong = [finding.what for finding in findings if finding.status == "wrong"]
    if wrong:
        out.print(f"stzsar-run would not start: see {', '.join(wrong)}.", markup=False)
        sys.exit(2)
    out.print("stzsar-run would start.", markup=False)


def _json(findings: list[Finding]) -> str:
    """Return the findings for an issue: people's names are in the paths of their folders."""
    document = {
        "stzsar": importlib.metadata.version("stzsar"),
        "system": platform.platform(),
        "findings": [asdict(finding) for finding in findings],
    }
    home = json.dumps(str(Path.home()))[1:-1]
    text = json.dumps(document, indent=2)
    return text.replace(f"{home}/", "~/") if len(home) > 1 else text


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
