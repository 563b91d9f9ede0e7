"""stzsar-teach: a few clips of each label and ordinary footage to a file for --calibration."""

from pathlib import Path
from typing import Any

import click
import cloup

from ..terminal.commandline import at_the_edge
from .arguments.shared import (
    COOL_DOWN,
    ENGINE,
    FRAME_RATE,
    GIVE_UP,
    MIN_LENGTH,
    MOTION_GATE,
    NO_ATTRIBUTES,
    RATE,
    SECONDS,
    STALLED,
    THREADS,
    TRUST_ENGINES,
    WINDOW,
    Positive,
)

_PATH = click.Path(path_type=Path)
_EXAMPLE = """\b
Examples:
  stzsar-teach --labels labels.txt --examples clips --ordinary monday/
      learns from clips/LABEL/*.mp4, and sets the thresholds on ordinary footage
  stzsar-run --camera 0 --labels labels.txt --calibration site.json
      watches with what was learnt

Sampling and events must be as the run will have them: give both the same --rate, --window,
--min-length and --cool-down.
"""


@cloup.command(epilog=_EXAMPLE)
@cloup.option_group(
    "Teaching",
    cloup.option(
        "--examples",
        metavar="FOLDER",
        type=_PATH,
        help="Learn from a folder with a folder of clips or recordings for each label, called like "
        "it; labels without one keep their zero-shot scores",
    ),
    cloup.option(
        "--ordinary",
        "footage",
        metavar="PATH",
        multiple=True,
        required=True,
        help="Set the thresholds on footage that shows none of the actions: videos, folders, or "
        "recordings of stzsar-run --record. Repeat it for more",
    ),
    cloup.option(
        "--false-alarms",
        "false_alarms_per_day",
        metavar="N",
        type=Positive(),
        default=1.0,
        show_default=True,
        help="Accept N false events a day",
    ),
    cloup.option(
        "--output",
        metavar="FILE",
        type=_PATH,
        default="site.json",
        show_default=True,
        help="Write the file for stzsar-run --calibration",
    ),
)
@cloup.option_group(
    "Recognition",
    cloup.option(
        "--bundle",
        metavar="FOLDER",
        type=_PATH,
        show_default="the newest under runs/, else the one shipped",
        help="Use this bundle",
    ),
    cloup.option(
        "--labels",
        metavar="FILE|A,B",
        show_default="all labels of the bundle",
        help="Teach these labels",
    ),
    cloup.option("--ignore", metavar="FILE|A,B", help="Know these labels as ordinary"),
    NO_ATTRIBUTES,
    ENGINE,
    TRUST_ENGINES,
    THREADS,
)
@cloup.option_group("Reading", RATE, WINDOW, MOTION_GATE, FRAME_RATE, SECONDS, STALLED, GIVE_UP)
@cloup.option_group("Events", MIN_LENGTH, COOL_DOWN)
@cloup.option("--quiet", is_flag=True, help="Show warnings and errors only")
@cloup.option("--debug", is_flag=True, help="Show tracebacks.")
@click.version_option(package_name="stzsar")
@at_the_edge
def main(*, no_attributes: bool, **options: Any) -> None:
    """Teach labels by a few clips, and set their thresholds on ordinary footage."""
    from .options import TeachOptions
    from .teach import teach

    teach(TeachOptions(shipped_attributes=not no_attributes, **options))


if __name__ == "__main__":
    main(prog_name="stzsar-teach")
