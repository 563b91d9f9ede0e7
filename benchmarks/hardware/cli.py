"""stzsar-verify: try all that stzsar does on this machine, and write a report to attach."""

import sys
from pathlib import Path
from typing import Any

import click
import cloup

from ...runtime.terminal.commandline import Output, at_the_edge, say
from ...runtime.terminal.subcommand import with_subcommand
from .options import OUTPUT, Options
from .report import Step

_EXAMPLE = """\b
Examples:
  stzsar-verify --quick
      tries each step, in a minute
  stzsar-verify
      all of it: builds engines, measures, and watches eight streams for ten minutes
  stzsar-verify show stzsar-verify.json
      prints a report

Ctrl-C ends it; the same command goes on. Attach the report to an issue: it holds no name of the
machine or of its user, no path, address or serial number.
"""


def _show() -> click.Command:
    from .show import show_command

    return show_command


@cloup.command(cls=with_subcommand("show", _show), epilog=_EXAMPLE)
@cloup.argument(
    "bundle",
    required=False,
    type=click.Path(path_type=Path),
    help="What stzsar-export wrote (default: the newest under runs/, else the one that ships).",
)
@cloup.option_group(
    "What is tried",
    cloup.option(
        "--streams",
        metavar="N",
        type=click.IntRange(1, 1024),
        default=Options.streams,
        show_default=True,
        help="Watch N live streams together.",
    ),
    cloup.option(
        "--minutes",
        metavar="M",
        type=click.FloatRange(0, 1440, min_open=True),
        default=Options.minutes,
        show_default=True,
        help="Watch them for M minutes.",
    ),
    cloup.option(
        "--quick",
        is_flag=True,
        help="Check within a minute that each step runs; says nothing of speed or endurance.",
    ),
)
@cloup.option_group(
    "The report",
    cloup.option(
        "--output",
        metavar="FILE.json",
        type=click.Path(path_type=Path),
        default=OUTPUT,
        show_default=True,
        help="Write the report to FILE; a report that lacks steps goes on.",
    ),
    cloup.option("--again", is_flag=True, help="Begin anew, although there is a report."),
)
@cloup.option("--debug", is_flag=True, help="Show tracebacks.")
@click.version_option(package_name="stzsar")
@at_the_edge
def main(**typed: Any) -> None:
    """Try on this machine all that stzsar claims, and write one report.

    The exit code is 1 if a step failed; what is impossible here, such as TensorRT without a GPU, is
    no failure.
    """
    from ...runtime.terminal.signals import StopSignals
    from .verify import verify

    options = Options(**typed)
    with StopSignals():
        report = verify(options, _tell)
    say(f"Wrote {options.output}: stzsar-verify show {options.output} prints it.")
    if any(step.status == "failed" for step in report.steps):
        sys.exit(1)


def _tell(name: str, step: Step | None) -> None:
    if step is None:
        say(f"{name} …")
    else:
        reason = f": {step.reason}" if step.reason else ""
        Output().print(f"{step.status:10}  {name}, {step.seconds:.1f} s{reason}", markup=False)


if __name__ == "__main__":
    main(prog_name="stzsar-verify")
