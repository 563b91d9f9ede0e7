"""Options of stzsar-run that say nothing together, or that need one another."""

from collections.abc import Mapping
from typing import Any

from ..errors import StzsarError

# What only makes sense where frames are looked at one after the other.
_OVER_TIME = ("seconds", "rate_fps", "window_s", "motion_gate", "record", "show", "explain")
_EVENTS = ("threshold", "min_length_s", "cool_down_s", "calibration", "events_only")
# What a replay has no part in: nothing is opened, decoded or encoded.
_NOT_IN_REPLAY = (
    *("sources", "streams", "seconds", "give_up_s", "rate_fps", "window_s", "whole"),
    *("motion_gate", "footage", "video", "show", "record", "explain", "webhook", "mqtt", "metrics"),
    *("webhook_secret", "webhook_results", "mqtt_ca", "per_day", "record_features"),
)
_NOT_WITH_FOOTAGE = (
    *("sources", "streams", "whole", "replay", "video", "show", "record", "output", "events_only"),
    *("webhook", "mqtt", "metrics", "explain", "threshold", "webhook_secret", "webhook_results"),
    *("mqtt_ca", "record_features"),
)
_SPELLED = {
    "sources": "--source",
    "rate_fps": "--rate",
    "window_s": "--window",
    "give_up_s": "--give-up",
    "min_length_s": "--min-length",
    "cool_down_s": "--cool-down",
    "footage": "--calibrate",
    "per_day": "--false-alarms",
}


def check_together(options: Mapping[str, Any]) -> None:
    """Refuse options that would do nothing.

    Raises:
        StzsarError: one has no effect beside another, or without one that is missing.
    """
    if options["replay"]:
        _refuse(options, _NOT_IN_REPLAY, "--replay scores what was recorded")
    if options["camera"] is not None and (options["replay"] or options["footage"]):
        raise StzsarError("--camera is of no use with --replay or --calibrate: leave it out.")
    if options["footage"]:
        _refuse(options, _NOT_WITH_FOOTAGE, "--calibrate only looks for thresholds")
    elif options["per_day"] is not None:
        raise StzsarError("--false-alarms is for --calibrate: name footage, or leave it out.")
    if options["whole"]:
        _refuse(options, (*_OVER_TIME, "video", *_EVENTS), "--whole gives one result a file")
    if options["record_features"] and not options["record"]:
        raise StzsarError("--record-features needs --record FILE.")
    if options["no_attributes"] and not (options["labels"] or options["streams"]):
        raise StzsarError("--no-attributes is for --labels FILE: give that too.")
    if options["record_patches"] and not options["record_features"]:
        raise StzsarError("--record-patches is of --record-features: give that too.")


def spelled(name: str) -> str:
    """Return an option as it is typed."""
    return _SPELLED.get(name, "--" + name.removesuffix("_s").replace("_", "-"))


def _refuse(options: Mapping[str, Any], names: tuple[str, ...], why: str) -> None:
    for name in names:
        if options[name] not in (None, False, ()):
            raise StzsarError(
                f"{why}, so {spelled(name)} does nothing there: leave one of them out."
            )
