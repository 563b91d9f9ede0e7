"""stzsar-bench: measure what a device can do with a bundle."""

import shlex
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import click
import cloup

from ...runtime.bundle.manifest import MAX_FRAMES, MAX_RATE_FPS
from ...runtime.labels.labels import MAX_LABELS
from ...runtime.terminal.commandline import at_the_edge
from ...runtime.terminal.subcommand import with_subcommand

_EXAMPLE = """\b
Examples:
  stzsar-bench
      measures the newest bundle, or the one that ships, on the sample clip; about a minute
  stzsar-bench runs/ViT-B-32-openai/bundle-fp32 --labels 400 --json a.json --plot a.png
      with 400 labels; keeps the record, and draws it
  stzsar-bench --source rtsp://hall.example/stream --streams 8 --seconds 600 --repeat 1
      half an hour, ten minutes of it watching one camera eight times: does memory grow?
  stzsar-bench compare a.json b.json
      divides each figure of b by that of a, and lists what differs between the two set-ups
"""


class _CountOrLabels(click.ParamType):
    """A number of labels, or what stands for labels elsewhere."""

    name = "labels"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> int | str:
        """Return the number; `Options` tells labels from files."""
        is_count = str(value).isdecimal()
        return click.IntRange(1, MAX_LABELS).convert(value, param, ctx) if is_count else value


def _compare() -> click.Command:
    from .compare import compare

    return compare


@cloup.command(cls=with_subcommand("compare", _compare), epilog=_EXAMPLE)
@cloup.argument(
    "bundle",
    required=False,
    type=click.Path(path_type=Path),
    help="What stzsar-export wrote (default: the newest under runs/, else the one that ships).",
)
@cloup.option_group(
    "What is measured",
    cloup.option(
        "--source",
        metavar="FILE|URI",
        show_default="the sample clip",
        help="Read this video file or live source. A file is read in a loop, and plays in real "
        "time as the live streams.",
    ),
    cloup.option(
        "--labels",
        metavar="N|FILE|A,B",
        type=_CountOrLabels(),
        show_default="the bundle's own",
        help="Use N labels: the bundle's own, then random ones. Or those of a label file, or words "
        "with commas between them.",
    ),
    cloup.option(
        "--streams",
        metavar="N",
        type=click.IntRange(1, 1024),
        show_default="4; 1 for a live source",
        help="Watch N live streams together.",
    ),
    cloup.option(
        "--rate",
        "rate_fps",
        metavar="FPS",
        type=click.FloatRange(0, MAX_RATE_FPS, min_open=True),
        show_default="the bundle's",
        help="Set the sampling rate.",
    ),
    cloup.option(
        "--frames",
        metavar="T",
        type=click.IntRange(1, MAX_FRAMES),
        show_default="the bundle's",
        help="Set the frames per window.",
    ),
    cloup.option(
        "--data",
        metavar="FOLDER|CSV",
        type=click.Path(path_type=Path),
        help="Measure top-1 and top-5 on labelled clips too: class/clip.mp4, or a CSV of "
        "path,label.",
    ),
)
@cloup.option_group(
    "How it is measured",
    cloup.option(
        "--seconds",
        metavar="S",
        type=click.FloatRange(0.05, 86_400),
        show_default="5",
        help="Time each mode for S seconds in each turn.",
    ),
    cloup.option(
        "--repeat",
        metavar="N",
        type=click.IntRange(1, 1000),
        show_default="3",
        help="Give each mode N turns; modes alternate, so that noise meets all of them.",
    ),
    cloup.option(
        "--quick",
        is_flag=True,
        help="Check within seconds that it works; says little about speed.",
    ),
    cloup.option(
        "--engine",
        type=click.Choice(["auto", "tensorrt", "onnxruntime", "onnxruntime-tensorrt"]),
        default="auto",
        show_default=True,
        help="Choose the inference engine, as in stzsar-run.",
    ),
    cloup.option(
        "--trust-engines",
        is_flag=True,
        help="Load TensorRT engines that others built for this bundle; an engine can run code.",
    ),
    cloup.option(
        "--threads",
        metavar="N",
        type=click.IntRange(0, 1024),
        default=0,
        show_default="one per core",
        help="Limit the engine to N CPU threads.",
    ),
)
@cloup.option_group(
    "Output",
    cloup.option(
        "--json",
        metavar="FILE|-",
        type=click.Path(path_type=Path, allow_dash=True),
        help="Write the whole record to FILE, or to stdout.",
    ),
    cloup.option(
        "--plot",
        metavar="FILE.png",
        type=click.Path(path_type=Path),
        help="Draw the picture (.png, .svg, .pdf).",
    ),
)
@cloup.option("--debug", is_flag=True, help="Show tracebacks.")
@click.version_option(package_name="stzsar")
@at_the_edge
def main(*, quick: bool, **typed: Any) -> None:
    """Measure what this device can do with a bundle."""
    from ...runtime.terminal.signals import StopSignals
    from .benchmark import run
    from .options import Options

    given = {name: value for name, value in typed.items() if value is not None}
    if quick:
        live = Options(source=given.get("source", Options.source)).address.live
        given = {"seconds": 0.5, "repeat": 1, "streams": 1 if live else 2, **given}
    options = Options(**given)
    command = typed_command(options.source, options.address.name)
    with StopSignals():
        run(replace(options, command=command))


def typed_command(source: str, shown: str) -> str:
    """Return the command line for a record; a camera's address may hold a password."""
    replaced = {source: shown, f"--source={source}": f"--source={shown}"}
    words = (replaced.get(word, word) for word in sys.argv[1:])
    return shlex.join([Path(sys.argv[0]).name, *words])


if __name__ == "__main__":
    main()
