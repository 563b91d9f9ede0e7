"""The options of stzsar-run, in groups; what they do is in `cli`."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import cloup


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
_SHARE = click.FloatRange(0, 1, min_open=True)
_SECONDS = click.FloatRange(0, 86_400)

_INPUT = cloup.option_group(
    "Input",
    cloup.option(
        "--source",
        "sources",
        metavar="PATH|URI",
        multiple=True,
        help="Video file, folder (its videos, also in subfolders), pattern, camera number, "
        "v4l2:///dev/video0, csi://0, rtsp://…, http://…, gst:PIPELINE, or test://moving-shapes. "
        "May be given several times: live ones are watched together, files are read in order.",
    ),
    cloup.option(
        "--camera",
        metavar="N",
        type=click.IntRange(0, 99),
        help="Camera number; 0 where no source is given at all.",
    ),
    cloup.option(
        "--streams",
        metavar="FILE.toml",
        type=_PATH,
        help="Named streams with labels and thresholds of their own; README shows one.",
    ),
    cloup.option(
        "--replay",
        metavar="FILE",
        type=_PATH,
        help="Score what --record kept, also with other --labels, without decoding or encoding.",
    ),
    cloup.option(
        "--seconds", metavar="S", type=_Positive(), help="Stop after S seconds of each source."
    ),
    cloup.option(
        "--stalled",
        "stalled_s",
        metavar="S",
        type=_Positive(),
        default=10.0,
        show_default=True,
        help="A live source without a new picture for S seconds is stalled.",
    ),
    cloup.option(
        "--give-up",
        "give_up_s",
        metavar="S",
        type=_Positive(),
        help="Give a stream up that has been lost for S seconds (default: never).",
    ),
)

_RECOGNITION = cloup.option_group(
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
        "--no-attributes",
        is_flag=True,
        help="Embed labels as they stand, without the attributes that ship for actions of "
        "Kinetics, UCF-101 and HMDB-51.",
    ),
    cloup.option(
        "--rate",
        "rate_fps",
        metavar="FPS",
        type=_Positive(),
        help="Frames looked at per second (default: the bundle's).",
    ),
    cloup.option(
        "--window",
        "window_s",
        metavar="S",
        type=_Positive(),
        help="Length of a window (default: the bundle's frames at that rate).",
    ),
    cloup.option(
        "--whole",
        is_flag=True,
        help="One result for each file, from frames spread over all of it, not over time.",
    ),
    cloup.option(
        "--motion-gate",
        metavar="LEVEL",
        type=click.FloatRange(0, 255, min_open=True, max_open=True),
        help="Encode only frames in which something changed by LEVEL of 255; 8 is above the noise "
        "of most cameras (default: encode all).",
    ),
    cloup.option(
        "--batch-wait",
        "batch_wait_ms",
        metavar="MS",
        type=click.FloatRange(0, 1000),
        default=10.0,
        show_default=True,
        help="How long a frame waits for those of other streams, to be encoded together.",
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

_DECISIONS = cloup.option_group(
    "Decisions",
    cloup.option(
        "--threshold",
        metavar="SCORE",
        type=_SHARE,
        help="The score from which a label is decided on (default: 0.5); else none of these.",
    ),
    cloup.option(
        "--min-length",
        "min_length_s",
        metavar="S",
        type=_SECONDS,
        help="An action that is seen for less is no event (default: 0.5).",
    ),
    cloup.option(
        "--cool-down",
        "cool_down_s",
        metavar="S",
        type=_SECONDS,
        help="An action that pauses for less goes on, and none starts again so soon (default: 2).",
    ),
    cloup.option(
        "--calibrate",
        "footage",
        metavar="PATH",
        multiple=True,
        help="Look at footage in which none of the actions is seen, and write to --calibration "
        "from which similarity on each label is to be believed. May be given several times.",
    ),
    cloup.option(
        "--false-alarms",
        "per_day",
        metavar="N",
        type=_Positive(),
        help="With --calibrate: how many false events a day are tolerable (default: 1).",
    ),
    cloup.option(
        "--calibration",
        metavar="FILE",
        type=_PATH,
        help="Thresholds that --calibrate wrote; it writes to calibration.json by default.",
    ),
    cloup.option(
        "--explain",
        is_flag=True,
        help="Say which frames, which patches and which attributes spoke for each result, and "
        "draw them.",
    ),
)

_OUTPUT = cloup.option_group(
    "Output",
    cloup.option(
        "--output", metavar="FILE", type=_PATH, help="JSON lines go there (default: stdout)."
    ),
    cloup.option(
        "--events-only",
        is_flag=True,
        help="Write starts and ends of actions and states of streams, not every result.",
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
    cloup.option("--show", is_flag=True, help="Show the pictures with their results in a window."),
    cloup.option(
        "--record",
        metavar="FILE",
        type=_PATH,
        help="Keep what --replay needs: the states of all frames.",
    ),
    cloup.option(
        "--record-features",
        is_flag=True,
        help="Keep embeddings of frames and patches too, for labels that are not known yet.",
    ),
    cloup.option(
        "--record-patches",
        metavar="N",
        type=click.IntRange(min=1),
        help="Patches of a frame that --record-features keeps, the most different ones (default: "
        "16).",
    ),
    cloup.option(
        "--webhook",
        metavar="URL",
        help="POST events and states there, signed if there is a secret; they wait in a bounded "
        "queue while nobody answers.",
    ),
    cloup.option(
        "--webhook-secret",
        metavar="FILE",
        type=_PATH,
        help="Holds the secret that posts are signed with (default: STZSAR_WEBHOOK_SECRET of the "
        "environment).",
    ),
    cloup.option("--webhook-results", is_flag=True, help="Post every result too."),
    cloup.option(
        "--mqtt",
        metavar="URL",
        help="Publish to mqtt[s]://[user@]host[:port]/topic; the password may be in "
        "STZSAR_MQTT_PASSWORD.",
    ),
    cloup.option(
        "--mqtt-ca",
        metavar="FILE",
        type=_PATH,
        help="Authorities that the broker's certificate is checked with (default: the system's).",
    ),
    cloup.option(
        "--metrics",
        metavar="[HOST:]PORT",
        help="Serve Prometheus' metrics and /healthz there; on this machine only if no host is "
        "given.",
    ),
    cloup.option(
        "--quiet", is_flag=True, help="No progress bar, no summary; warnings and errors only."
    ),
)


def run_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add all options of stzsar-run to a command."""
    for group in (_OUTPUT, _DECISIONS, _RECOGNITION, _INPUT):
        command = group(command)
    return command
