"""Which options of stzsar-run exclude each other: those that one kind of run has no use for."""

from collections.abc import Callable
from typing import Any

import click
import cloup
from cloup.constraints import ConstraintViolated, If, IsSet, accept_none
from cloup.constraints.common import param_value_is_set

from .archive import OF_ARCHIVE
from .events import OF_EVENTS
from .page import OF_PAGE
from .receivers import OF_RECEIVERS


def _leave_out(why: str) -> Callable[[ConstraintViolated], str]:
    """Return what says which of the options that were given have no effect, and why."""

    def sentence(error: ConstraintViolated) -> str:
        values = error.ctx.params if error.ctx else {}
        given = [
            p.opts[0] if isinstance(p, click.Option) else "SOURCE"
            for p in error.params
            if param_value_is_set(p, values[p.name or ""])
        ]
        verb = "has" if len(given) == 1 else "have"
        return f"{', '.join(given)} {verb} no effect: {why}. Leave one of them out."

    return sentence


_SOURCES = ("named", "sources", "camera", "streams")
_PACE = ("rate_fps", "window_s", "motion_gate")
_DECIDING = ("threshold", "min_length_s", "cool_down_s", "calibration")
_SINKS = (
    "explain", "video", "show", "record", "record_features", "record_patches", "metrics", "idle",
    *OF_RECEIVERS, *OF_EVENTS, *OF_ARCHIVE, *OF_PAGE,
)  # fmt: skip
_LINES = ("json", "only_events")


def _alone(mode: str, why: str, *idle: str) -> Callable[..., Any]:
    """Refuse options that have no effect in one kind of run."""
    return cloup.constraint(If(mode, then=accept_none).rephrased(error=_leave_out(why)), idle)


# A replay opens, decodes and encodes nothing; a calibration writes thresholds and nothing else, a
# search for labels to ignore a list of them, a drawing of regions pictures.
MODES = (
    _alone(
        "replay", "--replay scores what was recorded",
        *_SOURCES, "show_regions", "regions", "footage", "per_day", "frame_rate", "seconds",
        "give_up_s", *_PACE, "whole", *_SINKS,
    ),
    _alone(
        "footage", "--calibrate only looks for thresholds",
        *_SOURCES, "show_regions", "regions", "replay", "whole", "seen_bias", "threshold", "output",
        *_LINES, *_SINKS,
    ),
    _alone(
        "ordinary", "--suggest-ignore only lists labels",
        *_SOURCES, "show_regions", "regions", "replay", "footage", "whole", "seen_bias", *_DECIDING,
        *_LINES, *_SINKS,
    ),
    _alone(
        "show_regions", "--show-regions recognises nothing",
        "regions", "bundle", "labels", "ignore", "seen_bias", *_PACE, "whole", *_DECIDING,
        "output", *_LINES, *_SINKS,
    ),
    _alone(
        "regions", "--regions auto recognises nothing",
        "bundle", "labels", "ignore", "seen_bias", *_PACE, "whole", *_DECIDING, *_LINES, *_SINKS,
    ),
    cloup.constraint(
        If(~IsSet("footage"), then=accept_none).rephrased(
            error=_leave_out("it belongs to --calibrate")
        ),
        ["per_day"],
    ),
)  # fmt: skip
