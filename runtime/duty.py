"""Which streams make events now: people switch them off, schedules say when they are wanted.

One object for a run. An MQTT topic and a page call `arm`; the run's loop takes the news.
"""

import json
import logging
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from . import atomic
from .documents import MIB, DocumentError, from_json, read_file
from .results import Duty
from .schedule import Schedule

log = logging.getLogger(__name__)

# Schedules begin and end at minutes.
_LOOK_S = 1.0


class Duties:
    """Whether each stream is armed, and within its schedule.

    All methods may be called from any thread.
    """

    def __init__(
        self,
        schedules: Mapping[str, Schedule | None],
        *,
        kept: Path | None = None,
        wake: Callable[[], None] = lambda: None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Begin with what was kept; every stream is armed that nobody has switched off.

        Args:
            schedules: the streams that may be on or off, each with its schedule; None is always.
            kept: file that keeps which streams are switched off; written when that changes.
            wake: called when somebody has switched one.
            clock: tells the time in seconds since 1970.
        """
        self._schedules, self._kept, self._clock = schedules, kept, clock
        self._wake = wake
        self._lock = threading.Lock()
        # The run's loop does not wait for a disk.
        self._writing = threading.Lock()
        self._off = _read_off(kept) & set(schedules)
        self._told: dict[str, tuple[bool, bool]] = dict.fromkeys(schedules, (True, True))
        self._looked_s = -_LOOK_S

    @property
    def streams(self) -> tuple[str, ...]:
        """The streams that may be on or off."""
        return tuple(self._schedules)

    def arm(self, stream: str | None, *, armed: bool) -> bool:
        """Switch a stream, or with None all of them; False if there is no such stream."""
        if stream is not None and stream not in self._schedules:
            return False
        with self._lock:
            names = set(self._schedules) if stream is None else {stream}
            before = self._off
            self._off = before - names if armed else before | names
            has_changed = self._off != before
            self._looked_s = -_LOOK_S
        self._wake()
        if has_changed:
            with self._writing:
                self._write_off()
        return True

    def of(self, stream: str) -> Duty:
        """Return whether a stream makes events now."""
        now, schedule = self._clock(), self._schedules.get(stream)
        scheduled = schedule is None or schedule.covers(now)
        return Duty(stream, armed=stream not in self._off, scheduled=scheduled, time=now)

    def news(self) -> list[Duty]:
        """Return what has changed since this was asked last; at first, what is not on."""
        now_s = time.monotonic()
        with self._lock:
            if now_s - self._looked_s < _LOOK_S:
                return []
            self._looked_s = now_s
        changed = [
            duty
            for duty in map(self.of, self._schedules)
            if (duty.armed, duty.scheduled) != self._told[duty.source]
        ]
        self._told |= {duty.source: (duty.armed, duty.scheduled) for duty in changed}
        return changed

    def _write_off(self) -> None:
        if self._kept is None:
            return
        try:
            self._kept.parent.mkdir(parents=True, exist_ok=True)
            # What it says of streams that this run does not have stays in it.
            off = self._off | (_read_off(self._kept) - set(self._schedules))
            atomic.write_file(self._kept, json.dumps({"off": sorted(off)}) + "\n")
        except OSError as error:
            log.warning(
                "Which streams are switched off is lost at the next start, as %s cannot be "
                "written: %s.",
                self._kept,
                error.strerror,
            )


def why_off(duty: Duty) -> str:
    """Return why a stream makes no events, in a few words; "" if it does."""
    if not duty.armed:
        return "switched off"
    return "" if duty.scheduled else "outside its schedule"


def _read_off(path: Path | None) -> frozenset[str]:
    try:
        kept = from_json(read_file(path, MIB), dict[str, list[str]]) if path else {}
        return frozenset(kept.get("off", ()))
    except FileNotFoundError:
        return frozenset()
    except (OSError, DocumentError) as error:
        reason = getattr(error, "strerror", None) or error
        log.warning(
            "Which streams were switched off is lost, as %s cannot be read: %s.", path, reason
        )
        return frozenset()
