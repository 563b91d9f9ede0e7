"""stzsar-teach: a few clips of each label and ordinary footage to a file for --calibration."""

from pathlib import Path
from typing import Any

import click
import cloup

from ..terminal.commandline import at_the_edge

_PATH = click.Path(path_type=Path)
_EXAMPLE = """\b
Examples:
  stzsar-teach --labels labels.txt --examples clips --ordinary monday/ --output site.json
      learns from clips/LABEL/*.mp4, and sets the thresholds on ordinary footage
  stzsar-run --camera 0 --labels labels.txt --calibration site.json
      watches with what was learnt
"""


@cloup.command(epilog=_EXAMPLE)
@cloup.option(
    "--labels",
    metavar="FILE|A,B",
    show_default="all labels of the bundle",
    help="Teach these labels",
)
@cloup.option("--ignore", metavar="FILE|A,B", help="Know these labels as ordinary")
@cloup.option(
    "--examples",
    metavar="FOLDER",
    type=_PATH,
    help="Learn from a folder with a folder of clips or recordings for each label, called like it; "
    "labels without one keep their zero-shot scores",
)
@cloup.option(
    "--ordinary",
    metavar="PATH",
    multiple=True,
    required=True,
    help="Set the thresholds on footage that shows none of the actions: videos, folders, or "
    "recordings of stzsar-run --record. Repeat it for more",
)
@cloup.option(
    "--output",
    metavar="FILE",
    type=_PATH,
    default="site.json",
    show_default=True,
    help="Write the file for stzsar-run --calibration",
)
@cloup.option(
    "--false-alarms",
    "false_alarms_per_day",
    metavar="N",
    type=click.FloatRange(0, min_open=True),
    default=1.0,
    show_default=True,
    help="Accept N false events a day",
)
@cloup.option(
    "--bundle",
    metavar="FOLDER",
    type=_PATH,
    show_default="the newest under runs/, else the one shipped",
    help="Use this bundle",
)
@cloup.option(
    "--rate",
    "rate_fps",
    metavar="FPS",
    type=click.FloatRange(0, min_open=True),
    show_default="the bundle's",
    help="Sample FPS frames per second, as the run will",
)
@cloup.option(
    "--threads",
    metavar="N",
    type=click.IntRange(0, 1024),
    default=0,
    show_default="one for each core, within the container's quota",
    help="Use N CPU threads",
)
@cloup.option("--quiet", is_flag=True, help="Show warnings and errors only")
@cloup.option("--debug", is_flag=True, help="Show tracebacks.")
@click.version_option(package_name="stzsar")
@at_the_edge
def main(**options: Any) -> None:  # fmt: skip
    """Teach labels by a few clips, and set their thresholds on ordinary footage."""
    from .options import TeachOptions
    from .teach import teach

    teach(TeachOptions(**options))


if __name__ == "__main__":
    main(prog_name="stzsar-teach")
