"""python -m stzsar.benchmarks.figures, which make figures runs."""

import sys
from pathlib import Path
from typing import Any

import click
import cloup

from ...runtime.terminal.commandline import Output, at_the_edge, say
from .roster import FIGURES
from .run import Options, command_of, lacks, run

_EXAMPLE = """\b
Examples:
  python -m stzsar.benchmarks.figures --list
      says what is measured, and where it is published
  python -m stzsar.benchmarks.figures --clips clips/ --bundle runs/ViT-B-32-openai/bundle-fp32
      measures all that was not measured on this commit; takes hours, and wants a quiet machine
  python -m stzsar.benchmarks.figures --only page --only regions
      measures two of them
"""


@cloup.command(epilog=_EXAMPLE)
@cloup.option_group(
    "What is measured",
    cloup.option("--only", metavar="NAME", multiple=True, help="Only this figure. Repeat it."),
    cloup.option(
        "--clips",
        metavar="FOLDER",
        type=click.Path(path_type=Path, exists=True),
        help="Real clips, for the figures that read some.",
    ),
    cloup.option(
        "--bundle",
        metavar="DIR",
        type=click.Path(path_type=Path, exists=True),
        help="A bundle of ViT-B/32, for that of stzsar-bench.",
    ),
    cloup.option(
        "--quick", is_flag=True, help="Check that the commands run; their numbers mean nothing."
    ),
    cloup.option("--again", is_flag=True, help="Measure also what was measured on this commit."),
)
@cloup.option_group(
    "Output",
    cloup.option(
        "--output",
        metavar="FOLDER",
        type=click.Path(path_type=Path),
        default=Options.output,
        show_default=True,
        help="Keep a JSON file for each figure here, and a summary.",
    ),
    cloup.option(
        "--list", "only_list", is_flag=True, help="List the figures, and measure nothing."
    ),
)
@cloup.option("--debug", is_flag=True, help="Show tracebacks.")
@at_the_edge
def main(*, only_list: bool, **typed: Any) -> None:
    """Measure the tables of the docs again; ended anywhere, the same command goes on."""
    from ...runtime.terminal.signals import StopSignals

    options, out = Options(**typed), Output()
    if only_list:
        for figure in options.chosen:
            words = " ".join(command_of(figure, options))
            reason = lacks(figure, options)
            out.print(f"{figure.name}: python -m {words}\n    {figure.published}"
                      f"{f' ({reason})' if reason else ''}", markup=False)  # fmt: skip
        return
    with StopSignals():
        rows, failed = run(options, lambda name, what: say(f"{name}: {what}"))
    for row in rows:
        out.print("  ".join(filter(None, row)), markup=False)
    say(f"{len(rows)} of {len(FIGURES)} figures: {options.folder}/summary.md.")
    if failed:
        sys.exit(1)
