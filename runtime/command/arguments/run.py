"""The command-line options of stzsar-run, in groups."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import cloup

from ...bundle.manifest import MAX_SEEN_BIAS
from .archive import ARCHIVE
from .events import EVENTS, VERIFY
from .modes import MODES
from .page import PAGE
from .receivers import RECEIVERS
from .shared import (
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

_INPUT = cloup.option_group(
    "Input",
    cloup.option(
        "--source",
        "sources",
        metavar="PATH|URI",
        multiple=True,
        help="Read a video file, a folder of videos (with its subfolders) or of the pictures of a "
        "clip, a pattern, a camera number, v4l2:///dev/video0, csi://0, rtsp://…, http://…, "
        "gst:PIPELINE or test://moving-shapes; like SOURCE. Repeat it for more: live sources run "
        "side by side, files in order",
    ),
    cloup.option(
        "--camera",
        metavar="N",
        type=click.IntRange(0, 99),
        show_default="0, if no source is given",
        help="Read camera N",
    ),
    cloup.option(
        "--streams",
        metavar="FILE.toml",
        type=_PATH,
        help="Read streams with names, labels and thresholds of their own from a file",
    ),
    cloup.option(
        "--idle",
        is_flag=True,
        help="Encode nothing of a stream that is switched off or outside its schedule",
    ),
    cloup.option(
        "--regions",
        type=click.Choice(["auto"]),
        help="Propose regions from where things move: watch each source for --seconds (60; a file "
        "to its end), write them into --output (regions.toml) with a picture, and end",
    ),
    cloup.option(
        "--show-regions",
        metavar="FILE.png",
        type=_PATH,
        help="Draw the first picture of each source with its regions and masks, and end; a "
        "folder takes one for each source",
    ),
    cloup.option(
        "--replay",
        metavar="FILE",
        type=_PATH,
        help="Score a file that --record wrote, with the same or other --labels; decodes and "
        "encodes nothing",
    ),
    FRAME_RATE,
    SECONDS,
    STALLED,
    GIVE_UP,
)

_RECOGNITION = cloup.option_group(
    "Recognition",
    cloup.option(
        "--bundle",
        metavar="FOLDER",
        type=_PATH,
        show_default="the recording's with --replay; else the newest under runs/, else the one "
        "shipped",
        help="Use a bundle that stzsar-export wrote, or the newest in a folder of them",
    ),
    cloup.option(
        "--labels",
        metavar="FILE|A,B",
        show_default="all labels of the bundle",
        help="Recognise these labels: words with commas between them, or a text file with one "
        "label a line, a CSV, TSV, YAML or JSON, which may have attributes. Edits of a file take "
        "effect while a camera runs",
    ),
    cloup.option(
        "--ignore",
        metavar="FILE|A,B",
        help="Take these labels for what is ordinary here: they compete with --labels and are "
        "never reported; a window that one of them explains best is none of these. Edits take "
        "effect like those of --labels",
    ),
    NO_ATTRIBUTES,
    cloup.option(
        "--seen-bias",
        metavar="LOGITS",
        type=click.FloatRange(0, MAX_SEEN_BIAS),
        show_default="what training measured",
        help="Subtract this from the logits of labels of the training, which the network prefers; "
        "0 subtracts nothing",
    ),
    RATE,
    WINDOW,
    cloup.option(
        "--whole",
        is_flag=True,
        help="Give one result for each file, from frames spread over all of it",
    ),
    MOTION_GATE,
    cloup.option(
        "--batch-wait",
        "batch_wait_ms",
        metavar="MS",
        type=click.FloatRange(0, 1000),
        default=10.0,
        show_default=True,
        help="Let a frame wait MS milliseconds for other streams, to encode them together",
    ),
    ENGINE,
    TRUST_ENGINES,
    THREADS,
)

_DECISIONS = cloup.option_group(
    "Decisions",
    cloup.option(
        "--threshold",
        metavar="SCORE",
        type=click.FloatRange(0, 1, min_open=True),
        show_default="0.5",
        help="Decide on a label from this score; below it the decision is none of these",
    ),
    MIN_LENGTH,
    COOL_DOWN,
    cloup.option(
        "--calibrate",
        "footage",
        metavar="PATH",
        multiple=True,
        help="Find the thresholds from which to believe each label, in footage that shows none of "
        "the actions, and write them to --calibration. Repeat it for more footage",
    ),
    cloup.option(
        "--suggest-ignore",
        "ordinary",
        metavar="PATH",
        multiple=True,
        help="List the class names that describe ordinary footage, by how many events each would "
        "make, as a label file to edit for --ignore. Repeat it for more footage",
    ),
    cloup.option(
        "--false-alarms",
        "per_day",
        metavar="N",
        type=Positive(),
        show_default="1",
        help="With --calibrate, accept N false events a day",
    ),
    cloup.option(
        "--calibration",
        metavar="FILE",
        type=_PATH,
        show_default="calibration.json, to write only",
        help="Use thresholds that --calibrate wrote; with --calibrate, write them there",
    ),
    cloup.option(
        "--explain",
        is_flag=True,
        help="Say which frames, patches and attributes led to each result, and draw them",
    ),
)

_OUTPUT = cloup.option_group(
    "Output",
    cloup.option(
        "--output",
        metavar="FILE",
        type=_PATH,
        show_default="stdout, or a terminal's live lines",
        help="Write the JSON lines to a file",
    ),
    cloup.option(
        "--json",
        is_flag=True,
        help="Write JSON lines to stdout also where that is a terminal, which otherwise shows a "
        "live line for each stream",
    ),
    cloup.option(
        "--events-only",
        "only_events",
        is_flag=True,
        help="Write or show starts and ends of actions and states of streams, and no results",
    ),
    cloup.option(
        "--top",
        metavar="N",
        type=click.IntRange(min=1),
        default=5,
        show_default=True,
        help="Write the N best labels of a result; a terminal shows as many as fit",
    ),
    cloup.option(
        "--video",
        metavar="FILE.mp4",
        type=_PATH,
        help="Write the video with the results drawn on it; with several sources, name a folder. "
        "The video of a file is replaced, that of a camera gets a new name",
    ),
    cloup.option("--show", is_flag=True, help="Show the pictures and their results in a window"),
    cloup.option(
        "--record", metavar="FILE", type=_PATH, help="Record the frame states for --replay"
    ),
    cloup.option(
        "--record-features",
        is_flag=True,
        help="Record embeddings of frames and patches too, so that --replay can score new labels",
    ),
    cloup.option(
        "--record-patches",
        metavar="N",
        type=click.IntRange(min=1),
        show_default="16",
        help="With --record-features, keep the N most different patches of a frame",
    ),
    cloup.option(
        "--metrics",
        metavar="[HOST:]PORT",
        help="Serve Prometheus metrics and /healthz; only to this machine unless HOST is given",
    ),
    cloup.option(
        "--quiet", is_flag=True, help="Show warnings and errors only, no progress and no summary"
    ),
)


def run_arguments(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add all options of stzsar-run to a command."""
    source = cloup.argument(
        "named",
        metavar="[SOURCE]...",
        nargs=-1,
        help="What to watch: as for --source",
    )
    for add in (
        *MODES,
        RECEIVERS,
        VERIFY,
        EVENTS,
        ARCHIVE,
        PAGE,
        _OUTPUT,
        _DECISIONS,
        _RECOGNITION,
        _INPUT,
        source,
    ):
        command = add(command)
    return command
