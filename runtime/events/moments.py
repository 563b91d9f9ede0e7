"""Moments as people type them and as tables show them, in the time of this machine."""

import datetime
import re
import time

from ..errors import StzsarError

_AGO = re.compile(r"(\d+(?:\.\d+)?)(m|h|d)")
_SECONDS = {"m": 60.0, "h": 3600.0, "d": 86_400.0}


def parse_moment(option: str, text: str, *, now: float | None = None) -> float:
    """Return `2026-11-30`, `2026-11-30 14:00`, or `2h` ago, in seconds since 1970.

    Raises:
        StzsarError: it is none of these.
    """
    if ago := _AGO.fullmatch(text):
        return (time.time() if now is None else now) - float(ago[1]) * _SECONDS[ago[2]]
    try:
        return datetime.datetime.fromisoformat(text).timestamp()
    except (ValueError, OverflowError, OSError):
        raise StzsarError(
            f"{option} takes a day, a day and a time, or a time ago, such as 2026-11-30, "
            f"'2026-11-30 14:00' or 2h, not {text!r:.80}."
        ) from None


def shown_moment(seconds: float) -> str:
    """Return a moment as `2026-11-30 14:02:11`."""
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(seconds))
