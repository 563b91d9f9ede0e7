"""The command-line options that stzsar-run and stzsar-teach share."""

from typing import Any

import click
import cloup


class Positive(click.ParamType):
    """A finite number above zero."""

    name = "number"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """Return the number, or make click refuse it."""
        number = click.FLOAT.convert(value, param, ctx)
        if not 0 < number < float("inf"):
            self.fail(f"{value} is not a positive number.", param, ctx)
        return number


_SECONDS = click.FloatRange(0, 86_400)

FRAME_RATE = cloup.option(
    "--frame-rate",
    "frame_rate",
    metavar="FPS",
    type=Positive(),
    show_default="25",
    help="Take FPS pictures of a folder or pattern of pictures for a second",
)
SECONDS = cloup.option(
    "--seconds", metavar="S", type=Positive(), help="Stop each source after S seconds"
)
STALLED = cloup.option(
    "--stalled",
    "stalled_s",
    metavar="S",
    type=Positive(),
    default=10.0,
    show_default=True,
    help="Report a live source as stalled after S seconds without a new picture",
)
GIVE_UP = cloup.option(
    "--give-up",
    "give_up_s",
    metavar="S",
    type=Positive(),
    show_default="never",
    help="End a live source that has been lost for S seconds",
)
NO_ATTRIBUTES = cloup.option(
    "--no-attributes",
    is_flag=True,
    help="Embed labels as they are, without the bundle's attributes for their names and "
    "without those that ship for actions of Kinetics, UCF-101 and HMDB-51",
)
RATE = cloup.option(
    "--rate",
    "rate_fps",
    metavar="FPS",
    type=Positive(),
    show_default="the bundle's",
    help="Sample FPS frames per second",
)
WINDOW = cloup.option(
    "--window",
    "window_s",
    metavar="S",
    type=Positive(),
    show_default="the bundle's frames at that rate",
    help="Make windows S seconds long",
)
MOTION_GATE = cloup.option(
    "--motion-gate",
    metavar="LEVEL",
    type=click.FloatRange(0, 255, min_open=True, max_open=True),
    show_default="encode all",
    help="Encode only frames that changed by LEVEL of 255; 8 is above the noise of most cameras",
)
ENGINE = cloup.option(
    "--engine",
    type=click.Choice(["auto", "tensorrt", "onnxruntime", "onnxruntime-tensorrt"]),
    default="auto",
    show_default=True,
    help="Choose the inference engine; auto takes TensorRT where it works, else ONNX Runtime. "
    "TensorRT builds its engines in the first run, which takes minutes",
)
TRUST_ENGINES = cloup.option(
    "--trust-engines",
    is_flag=True,
    help="Load TensorRT engines that others built for this bundle; an engine can run code",
)
THREADS = cloup.option(
    "--threads",
    metavar="N",
    type=click.IntRange(0, 1024),
    default=0,
    show_default="one for each core, within the container's quota",
    help="Use N CPU threads",
)
MIN_LENGTH = cloup.option(
    "--min-length",
    "min_length_s",
    metavar="S",
    type=_SECONDS,
    show_default="0.5",
    help="Ignore actions that are shorter than S seconds",
)
COOL_DOWN = cloup.option(
    "--cool-down",
    "cool_down_s",
    metavar="S",
    type=_SECONDS,
    show_default="2",
    help="Continue an action through pauses shorter than S seconds, and start no new one of "
    "the same label within them",
)
