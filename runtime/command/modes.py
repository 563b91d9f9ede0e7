"""Which options of stzsar-run exclude each other: those that one kind of run has no use for."""

from collections.abc import Callable

import click
import cloup
from cloup.constraints import ConstraintViolated, If, IsSet, accept_none
from cloup.constraints.common import param_value_is_set


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


# A replay opens, decodes and encodes nothing; a calibration writes thresholds and nothing else, a
# search for labels to ignore a list of them.
MODES = (
    cloup.constraint(
        If("replay", then=accept_none).rephrased(
            error=_leave_out("--replay scores what was recorded")
        ),
        ["named", "sources", "camera", "streams", "footage", "per_day", "frame_rate", "seconds",
         "give_up_s", "rate_fps", "window_s", "whole", "motion_gate", "explain", "video", "show",
         "record", "record_features", "record_patches", "webhook", "webhook_secret",
         "webhook_results", "mqtt", "mqtt_ca", "metrics"],
    ),
    cloup.constraint(
        If("footage", then=accept_none).rephrased(
            error=_leave_out("--calibrate only looks for thresholds")
        ),
        ["named", "sources", "camera", "streams", "replay", "whole", "seen_bias", "threshold",
         "explain", "output", "json", "only_events", "video", "show", "record", "record_features",
         "record_patches", "webhook", "webhook_secret", "webhook_results", "mqtt", "mqtt_ca",
         "metrics"],
    ),
    cloup.constraint(
        If("ordinary", then=accept_none).rephrased(
            error=_leave_out("--suggest-ignore only lists labels")
        ),
        ["named", "sources", "camera", "streams", "replay", "footage", "calibration", "whole",
         "seen_bias", "threshold", "min_length_s", "cool_down_s", "explain", "json",
         "only_events", "video", "show", "record", "record_features", "record_patches", "webhook",
         "webhook_secret", "webhook_results", "mqtt", "mqtt_ca", "metrics"],
    ),
    cloup.constraint(
        If(~IsSet("footage"), then=accept_none).rephrased(
            error=_leave_out("it belongs to --calibrate")
        ),
        ["per_day"],
    ),
)  # fmt: skip
