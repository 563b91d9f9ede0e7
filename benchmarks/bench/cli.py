"""stzsar-bench: what a device can do with a bundle, as a table, a record and a picture."""

import os
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import cloup

from ...runtime.bundle.manifest import MAX_FRAMES, MAX_RATE_FPS
from ...runtime.errors import StzsarError
from ...runtime.labels.labels import MAX_LABELS
from ...runtime.terminal.commandline import Output, at_the_edge, console, say
from ...runtime.terminal.subcommand import with_subcommand

if TYPE_CHECKING:
    from ...runtime.bundle.bundle import Bundle
    from .request import Request

_EXAMPLE = """\b
Examples:
  stzsar-bench
      measures the newest bundle, or the one that ships, on the sample clip; about a minute
  stzsar-bench runs/ViT-B-32-openai/bundle-fp32 --labels 400 --json a.json --plot a.png
      with 400 labels; keeps the record, and draws it
  stzsar-bench --source rtsp://hall.example/stream --streams 8 --seconds 600 --repeat 1
      half an hour, of which ten minutes watch a camera eight times: does memory grow?
  stzsar-bench compare a.json b.json
      says what b has against a, and what differs between the two set-ups
"""
# (as usual, --quick)
_SECONDS, _REPEAT, _STREAMS = (5.0, 0.5), (3, 1), (4, 2)


def _compare() -> click.Command:
    from .compare import compare

    return compare


@cloup.command(cls=with_subcommand("compare", _compare), epilog=_EXAMPLE)
@cloup.argument(
    "bundle",
    required=False,
    type=click.Path(path_type=Path),
    help="What stzsar-export wrote (default: the newest under runs/, else the one shipped).",
)
@cloup.option_group(
    "What is measured",
    cloup.option(
        "--source",
        metavar="FILE|URI",
        help="A video file, or one of stzsar-run's live sources (default: the sample clip). A "
        "file is read again and again, and shown in real time for the live streams.",
    ),
    cloup.option(
        "--labels",
        metavar="N",
        type=click.IntRange(1, MAX_LABELS),
        help="How many labels: the bundle's own, and random ones beyond them (default: its own).",
    ),
    cloup.option(
        "--streams",
        metavar="N",
        type=click.IntRange(1, 1024),
        help=f"Live streams that are watched together (default: {_STREAMS[0]}; 1 of a live "
        "source).",
    ),
    cloup.option(
        "--rate",
        "rate_fps",
        metavar="FPS",
        type=click.FloatRange(0, MAX_RATE_FPS, min_open=True),
        help="Frames looked at per second (default: the bundle's).",
    ),
    cloup.option(
        "--frames",
        metavar="T",
        type=click.IntRange(1, MAX_FRAMES),
        help="Frames of a window (default: the bundle's).",
    ),
    cloup.option(
        "--data",
        metavar="FOLDER|CSV",
        type=click.Path(path_type=Path),
        help="Labelled clips, class/clip.mp4 or a CSV of path,label: top-1 and top-5 are "
        "measured too.",
    ),
)
@cloup.option_group(
    "How it is measured",
    cloup.option(
        "--seconds",
        metavar="S",
        type=click.FloatRange(0.05, 86_400),
        help=f"How long each mode is timed in each turn (default: {_SECONDS[0]:g}).",
    ),
    cloup.option(
        "--repeat",
        metavar="N",
        type=click.IntRange(1, 1000),
        help=f"Turns; the modes take turns, so that a busy moment of the machine meets all of "
        f"them (default: {_REPEAT[0]}).",
    ),
    cloup.option(
        "--quick",
        is_flag=True,
        help="A few seconds altogether, to see that it works; says little of the speed.",
    ),
    cloup.option(
        "--engine",
        type=click.Choice(["auto", "tensorrt", "onnxruntime", "onnxruntime-tensorrt"]),
        default="auto",
        show_default=True,
        help="What computes, as in stzsar-run.",
    ),
    cloup.option(
        "--trust-engines",
        is_flag=True,
        help="Take TensorRT engines that others made for this bundle; an engine can run code.",
    ),
    cloup.option(
        "--threads",
        metavar="N",
        type=click.IntRange(0, 1024),
        default=0,
        help="CPU threads (default: as many as there are cores).",
    ),
)
@cloup.option_group(
    "Output",
    cloup.option(
        "--json",
        "record_file",
        metavar="FILE|-",
        type=click.Path(path_type=Path, allow_dash=True),
        help="The whole record goes there; to stdout if it is -.",
    ),
    cloup.option(
        "--plot",
        metavar="FILE.png",
        type=click.Path(path_type=Path),
        help="The picture goes there, as PNG, SVG or PDF.",
    ),
)
@cloup.option("--debug", is_flag=True, help="Show tracebacks.")
@click.version_option(package_name="stzsar")
@at_the_edge
def main(bundle: Path | None, record_file: Path | None, plot: Path | None, **options: Any) -> None:
    """Measure what this device can do with a bundle."""
    _check_installed()
    from ...runtime.command.loading import open_bundle
    from ...runtime.command.options import ModelOptions
    from .benchmark import measure
    from .plot import check_plot, draw
    from .report import show

    to_stdout = record_file == Path("-")
    if plot:
        check_plot(plot)
    opened = open_bundle(ModelOptions(bundle=bundle))
    request = _request(opened, options)
    written = [path for path in (None if to_stdout else record_file, plot) if path]
    _check_written(written, request)
    record, ages_ms = measure(request)
    if to_stdout:
        click.echo(record.to_json(), nl=False)
    elif record_file:
        _write(record_file, record.to_json())
    if plot:
        draw(record, ages_ms, plot)
    show(record, console if to_stdout else Output())
    for path in written:
        say(f"{path} is written.")


def _request(opened: "Bundle", options: dict[str, Any]) -> "Request":
    """Return what is asked for, with what was left out.

    Raises:
        StzsarError: the source is of no kind that is read, or cannot be opened so often.
    """
    from ...runtime.sources.address import parse_address
    from .request import Request
    from .sources import SHIPPED_CLIP

    quick = options.pop("quick")
    source = options["source"] = options["source"] or str(SHIPPED_CLIP)
    address = parse_address(source)
    once = address.kind in ("camera", "csi", "gst")
    if once and (options["streams"] or 1) > 1:
        raise StzsarError(f"{address.name} can be opened once only: leave --streams out.")
    streams = (1, 1) if address.live else _STREAMS
    for name, of_both in (("seconds", _SECONDS), ("repeat", _REPEAT), ("streams", streams)):
        if options[name] is None:
            options[name] = of_both[quick]
    # The address of a camera may hold a password, which is nothing for a record.
    shown = {source: address.name, f"--source={source}": f"--source={address.name}"}
    typed = [Path(sys.argv[0]).name, *(shown.get(word, word) for word in sys.argv[1:])]
    return Request(bundle=opened, command=shlex.join(typed), **options)


def _check_installed() -> None:
    try:
        import psutil  # noqa: F401 (only whether it is there)
    except ImportError as error:
        raise StzsarError(
            "stzsar-bench needs psutil: run pip install '.[cpu,bench]' in stzsar's folder."
        ) from error


def _check_written(written: list[Path], request: "Request") -> None:
    """Refuse now what could not be written after a long run."""
    from ...runtime.sources.uri import is_live
    from ...runtime.terminal.outputs import check_outputs, check_writable

    read = {request.data: "the data"} if request.data else {}
    if not is_live(request.source):
        read[Path(request.source)] = "a source"
    check_outputs(written=written, read=read, bundle=request.bundle.path)
    for path in written:
        check_writable(path)


def _write(path: Path, text: str) -> None:
    """Write a file whole or not at all."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        draft.write_text(text, encoding="utf-8")
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)


if __name__ == "__main__":
    main()
