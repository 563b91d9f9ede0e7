"""stzsar-train interpolate: the command."""

from pathlib import Path

import click
import cloup

from ..runtime.terminal.commandline import at_the_edge

_PATH = click.Path(path_type=Path)
_EXAMPLE = """\b
Examples:
  stzsar-train interpolate runs/videos
      writes runs/videos-share-0.5, half tuned and half CLIP
  stzsar-train interpolate runs/videos --share 0.2 --share 0.5 --share 0.8
      writes three, to compare with stzsar-eval on data that training did not see

The frame encoder, the text encoder (if it was trained), the logit scale, and the head's β and ΔW,
which are zero in CLIP, move towards CLIP's. A temporal transformer stays as trained.
"""


@cloup.command(name="interpolate", epilog=_EXAMPLE)
@cloup.argument(
    "checkpoint",
    required=False,
    type=_PATH,
    help="The folder of a run or of a checkpoint; by default the last trained run under runs/",
)
@cloup.option(
    "--share",
    "shares",
    metavar="X",
    type=float,
    multiple=True,
    default=(0.5,),
    show_default=True,
    help="Take this share of the tuned weights: 0 is the original, 1 the tuned network. May be "
    "given several times",
)
@cloup.option(
    "--original",
    metavar="TAG|FILE",
    show_default="those that the run names",
    help="Mix with these weights of CLIP, from which training started",
)
@cloup.option(
    "--output",
    metavar="FOLDER",
    type=_PATH,
    show_default="beside the run",
    help="Write RUN-share-X into this folder",
)
@cloup.option("--debug", is_flag=True, help="Show tracebacks")
@at_the_edge
def interpolate(
    checkpoint: Path | None, shares: tuple[float, ...], original: str | None, output: Path | None
) -> None:
    """Mix tuned weights with CLIP's own, which preserves more of CLIP's zero-shot knowledge."""
    from . import interpolate as interpolation

    interpolation.interpolate(
        interpolation.InterpolateOptions(
            checkpoint=checkpoint, shares=shares, original=original, output=output
        )
    )
