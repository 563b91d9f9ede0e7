"""stzsar-run: recognise actions in video, from a camera, a stream or files."""

import logging
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import cloup

from .commandline import at_the_edge, console, log, say

if TYPE_CHECKING:
    from .bundle import Bundle
    from .recognizer import Recognizer

# What needs numpy, OpenCV or an engine is imported inside the functions: --help must not wait.

_EXAMPLE = """\b
Examples:
  stzsar-run --camera 0 --labels labels.txt
      says what the camera sees, as JSON lines, until Ctrl-C
  stzsar-run --source clip.mp4 --video annotated.mp4 > results.jsonl
      recognises over time, and draws the results onto the video
  stzsar-run --source clips/ --whole --output results.jsonl
      gives one result for each file of a folder

Results go to stdout or --output, everything else to stderr. The exit code is 0, 2 if something
could not be used (also one of several sources), 130 after Ctrl-C, or 143 after SIGTERM.
"""


class _Positive(click.ParamType):
    """A number above zero, and not one of the infinite or undefined ones."""

    name = "number"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """Return the number, or make click refuse it."""
        number = click.FLOAT.convert(value, param, ctx)
        if not 0 < number < float("inf"):
            self.fail(f"{value} is not a positive number.", param, ctx)
        return number


_PATH = click.Path(path_type=Path)


@cloup.command(epilog=_EXAMPLE)
@cloup.option_group(
    "Input",
    cloup.option(
        "--source",
        "sources",
        metavar="PATH|URL",
        multiple=True,
        help="Video file, folder (its videos, also in subfolders), pattern, camera number, or "
        "address (rtsp://…, http://…). May be given several times.",
    ),
    cloup.option(
        "--camera",
        metavar="N",
        type=click.IntRange(0, 99),
        help="Camera number; 0 where no source is given at all.",
    ),
    cloup.option(
        "--seconds", metavar="S", type=_Positive(), help="Stop after S seconds of each source."
    ),
)
@cloup.option_group(
    "Recognition",
    cloup.option(
        "--bundle",
        metavar="FOLDER",
        type=_PATH,
        help="What stzsar-export wrote (default: the newest under runs/, else the one shipped).",
    ),
    cloup.option(
        "--labels",
        metavar="FILE",
        type=_PATH,
        help="What to recognise: text with one label a line, or a JSON list of "
        '{"label": …, "attributes": […]} (default: all labels of the bundle). Edit it while a '
        "camera runs: what is saved is taken up.",
    ),
    cloup.option(
        "--rate",
        "rate_fps",
        metavar="FPS",
        type=_Positive(),
        help="Frames looked at per second (default: the bundle's).",
    ),
    cloup.option(
        "--whole",
        is_flag=True,
        help="One result for each file, from frames spread over all of it, not over time.",
    ),
    cloup.option(
        "--engine",
        type=click.Choice(["auto", "tensorrt", "onnxruntime", "onnxruntime-tensorrt"]),
        default="auto",
        show_default=True,
        help="What computes; auto is TensorRT where it works, else ONNX Runtime. TensorRT "
        "builds its engines in the first run, which takes minutes.",
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
        "--output", metavar="FILE", type=_PATH, help="JSON lines go there (default: stdout)."
    ),
    cloup.option(
        "--top",
        metavar="N",
        type=click.IntRange(min=1),
        default=5,
        show_default=True,
        help="Labels in a result.",
    ),
    cloup.option(
        "--video",
        metavar="FILE.mp4",
        type=_PATH,
        help="Write the video with the results drawn on it; with several sources a folder, "
        "which gets one video for each.",
    ),
    cloup.option(
        "--quiet", is_flag=True, help="No progress bar, no summary; warnings and errors only."
    ),
)
@cloup.option("--debug", is_flag=True, help="Show tracebacks.")
@click.version_option(package_name="stzsar")
@at_the_edge
def main(
    *,
    sources: tuple[str, ...],
    camera: int | None,
    bundle: Path | None,
    labels: Path | None,
    output: Path | None,
    quiet: bool,
    **options: Any,
) -> None:
    """Recognise actions in a camera's picture, a network stream or video files."""
    from .label_watch import LabelWatch, file_state
    from .session import SessionOptions, check_outputs, check_sources
    from .sources.uri import expand_sources, is_live

    if quiet:
        log.setLevel(logging.WARNING)
    if camera is None and not sources:
        camera = 0
        if not quiet:
            say("No --source is given: looking at camera 0.")
    uris = expand_sources([*sources, *([] if camera is None else [str(camera)])])
    settings = SessionOptions(
        **{name: options.pop(name) for name in ("rate_fps", "whole", "seconds", "video")}
    )
    check_sources(uris, settings)
    opened = _open_bundle(bundle, quiet=quiet)
    check_outputs(uris, settings, output=output, labels=labels, bundle=opened.path)
    seen = file_state(labels) if labels else None
    recognizer = _load(opened, labels, quiet=quiet, **options)
    with ExitStack() as stack:
        if labels and any(map(is_live, uris)):
            stack.enter_context(LabelWatch(recognizer, labels, seen=seen))
        _run(recognizer, uris, settings, output, quiet=quiet)


def _open_bundle(folder: Path | None, *, quiet: bool) -> "Bundle":
    from .bundle import Bundle, open_default_bundle, shipped_bundle

    if folder:
        return Bundle.open(folder)
    bundle = open_default_bundle()
    # The shipped one warns of itself, in a quiet run too.
    if not quiet and bundle.path != shipped_bundle():
        knows = bundle.manifest.weights.knows
        say(f"No --bundle is given: taking the newest under runs/; it knows {knows}.")
    return bundle


def _load(
    bundle: "Bundle", labels: Path | None, *, top: int, quiet: bool, **options: Any
) -> "Recognizer":
    """Load the bundle with the labels, and say what is loaded."""
    from .labels import read_labels
    from .progress import loading_progress
    from .recognizer import Recognizer

    wanted = read_labels(labels) if labels else None
    with loading_progress(shown=not quiet) as (progress, on_build):
        recognizer = Recognizer.load(
            bundle,
            wanted,
            top_k=top,
            progress=progress,
            on_build=on_build,
            **options,
        )
    if not quiet:
        say(f"Bundle {bundle.path}. {len(recognizer.labels)} labels, on {recognizer.device}.")
    return recognizer


def _run(
    recognizer: "Recognizer", uris: list[str], settings: Any, output: Path | None, *, quiet: bool
) -> None:
    """Read the sources, and sum up what was recognised however the run ends."""
    from .progress import SourceProgress
    from .session import Session
    from .signals import StopSignals
    from .sinks.jsonl import JsonLines
    from .summary import summary_table

    # After a signal, what is open is closed and completed.
    with StopSignals() as signals, JsonLines(output) as results:
        # On a terminal the results themselves show how far it is; a bar would be torn by them.
        results_hide_bar = output is None and sys.stdout.isatty()
        progress = SourceProgress(len(uris), shown=not quiet and not results_hide_bar)
        session = Session(recognizer, settings, results, progress, check=signals.check)
        try:
            with progress:
                session.run(uris)
        finally:
            if any(session.summaries) and not quiet:
                console.print(summary_table(session.summaries))
