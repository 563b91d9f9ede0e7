"""stzsar-run: recognise actions in video, from cameras, streams or files."""

import logging
from typing import Any

import click
import cloup

from ..terminal.commandline import at_the_edge, log, run_as_program
from .options import run_options

# What needs numpy, OpenCV or an engine is imported inside the functions: --help must not wait.

_EXAMPLE = """\b
Examples:
  stzsar-run --camera 0 --labels labels.txt
      says what the camera sees, as JSON lines, until Ctrl-C
  stzsar-run --source test://moving-shapes --events-only
      tries it with no camera: one line when an action starts, one when it ends
  stzsar-run --source clip.mp4 --video annotated.mp4 > results.jsonl
      recognises over time, and draws the results onto the video
  stzsar-run --streams streams.toml --mqtt mqtt://broker/site --metrics 9100
      watches many cameras, each with labels of its own
  stzsar-run --calibrate night.mp4 --labels labels.txt --false-alarms 1
      finds thresholds for this site, for later runs with --calibration calibration.json

Results go to stdout or --output, everything else to stderr. The exit code is 0, 2 if something
could not be used (also one of several sources), 130 after Ctrl-C, or 143 after SIGTERM.
"""


@cloup.command(epilog=_EXAMPLE)
@run_options
@cloup.option("--debug", is_flag=True, help="Show tracebacks.")
@click.version_option(package_name="stzsar")
@at_the_edge
def main(*, quiet: bool, **options: Any) -> None:
    """Recognise actions in cameras' pictures, network streams or video files."""
    from .option_rules import check_together
    from .replay_run import replay
    from .run import Run

    if quiet:
        log.setLevel(logging.WARNING)
    check_together(options)
    if options["replay"]:
        replay(options, quiet=quiet)
    else:
        Run(options, quiet=quiet).go()


def program() -> None:
    """stzsar-run as a program."""
    run_as_program(main)


if __name__ == "__main__":
    program()
