"""stzsar-run: recognise actions in video, from cameras, streams or files."""

import logging
from pathlib import Path
from typing import Any

import click
import cloup

from ..terminal.commandline import at_the_edge, log, run_as_program
from .arguments.run import run_arguments

# Imports of numpy, OpenCV or an engine stay inside functions: --help must not wait for them.

_EXAMPLE = """\b
Examples:
  stzsar-run --camera 0 --labels labels.txt
      shows what the camera sees, until Ctrl-C
  stzsar-run test://moving-shapes --events-only
      needs no camera: prints a line when an action starts, and when it ends
  stzsar-run clip.mp4 --labels archery,waving --video annotated.mp4
      recognises over time, and draws the results onto the video
  stzsar-run --streams streams.toml --mqtt mqtt://broker/site --metrics 9100
      watches many cameras, each with its own labels
  stzsar-run --calibrate night.mp4 --labels labels.txt --false-alarms 1
      finds thresholds for later runs with --calibration calibration.json

A terminal shows a line for each stream; elsewhere, and with --json, results are JSON lines on
stdout or in --output. Everything else goes to stderr. The exit code is 0, or 2 if
something could not be used (one of several sources, too), 130 after Ctrl-C, 143 after SIGTERM
or SIGHUP.
"""


@cloup.command(epilog=_EXAMPLE)
@run_arguments
@cloup.option("--debug", is_flag=True, help="Show tracebacks.")
@click.version_option(package_name="stzsar")
@at_the_edge
def main(
    *,
    replay: Path | None,
    footage: tuple[str, ...],
    ordinary: tuple[str, ...],
    no_attributes: bool,
    bundle: Path | None,
    labels: str | None,
    ignore: str | None,
    seen_bias: float | None,
    engine: str,
    trust_engines: bool,
    threads: int,
    quiet: bool,
    min_length_s: float | None,
    cool_down_s: float | None,
    calibration: Path | None,
    per_day: float | None,
    camera: int | None,
    named: tuple[str, ...],
    sources: tuple[str, ...],
    **options: Any,
) -> None:
    """Recognise actions in camera pictures, network streams or video files."""
    from .options import CalibrationOptions, ReplayOptions, RunOptions, SuggestOptions
    from .runner import run

    if quiet:
        log.setLevel(logging.WARNING)
    common: dict[str, Any] = {
        "bundle": bundle,
        "labels": labels,
        "ignore": ignore,
        "shipped_attributes": not no_attributes,
        "seen_bias": seen_bias,
        "engine": engine,
        "trust_engines": trust_engines,
        "threads": threads,
        "quiet": quiet,
    }
    of_reading = ("seconds", "rate_fps", "window_s", "motion_gate", "batch_wait_ms",
                  "stalled_s", "give_up_s", "frame_rate")  # fmt: skip
    reading = {name: options[name] for name in of_reading}
    if ordinary:
        run(SuggestOptions(footage=ordinary, output=options["output"], **reading, **common))
        return
    common |= {"min_length_s": min_length_s, "cool_down_s": cool_down_s}
    if replay:
        of_replay = ("threshold", "top", "output", "json", "only_events")
        scored = {name: options[name] for name in of_replay}
        run(ReplayOptions(recording=replay, calibration=calibration, **scored, **common))
    elif footage:
        written = {"thresholds": calibration, "false_alarms_per_day": per_day}
        given = {name: value for name, value in written.items() if value is not None}
        run(CalibrationOptions(footage=footage, **given, **reading, **common))
    else:
        sources = (*named, *sources)
        if camera is not None:
            sources = (*sources, str(camera))
        run(RunOptions(sources=sources, calibration=calibration, **options, **common))


def program() -> None:
    """Run stzsar-run as a program."""
    run_as_program(main)


if __name__ == "__main__":
    program()
