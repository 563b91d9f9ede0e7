"""Schedules: the days and times at which something is wanted.

    [[schedule]]                      # in streams.toml
    name = "night"
    days = ["mon", "tue", "wed", "thu", "fri"]   # every day, if left out
    times = ["22:00-06:00", "12:00-13:00"]       # all day, if left out
    time_zone = "Europe/Vienna"                  # the machine's, if left out

Several of one name add up. Times are those on the wall: where clocks go forward, an hour that the
day does not have is missing, and where they go back, one that it has twice counts twice. A time
that ends at or before its start ends on the next day.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import Annotated, Literal, get_args
from zoneinfo import ZoneInfo

from msgspec import Meta, Struct

from .documents import DocumentError, convert_table
from .errors import StzsarError

Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
DAYS: tuple[Day, ...] = get_args(Day)
_DAY_S = 86_400
_TIMES = re.compile(r"(\d\d):([0-5]\d)-(\d\d):([0-5]\d)")
_Name = Annotated[str, Meta(min_length=1, max_length=100)]


@dataclass(frozen=True)
class Hours:
    """A piece of a schedule.

    Attributes:
        days: on which days it begins, 0 is Monday.
        start_s: when it begins, in seconds of the day.
        end_s: when it ends, in seconds from the same midnight; more than a day is the next one.
        zone: whose days and times these are; None is the machine's.
    """

    days: frozenset[int]
    start_s: int = 0
    end_s: int = _DAY_S
    zone: tzinfo | None = None

    def cover(self, time: float) -> bool:
        """Say whether a moment, in seconds since 1970, is within it."""
        here = datetime.fromtimestamp(time, self.zone)
        second, day = here.hour * 3600 + here.minute * 60 + here.second, here.weekday()
        today = day in self.days and self.start_s <= second < self.end_s
        return today or ((day - 1) % 7 in self.days and second + _DAY_S < self.end_s)


@dataclass(frozen=True)
class Schedule:
    """When something is wanted.

    Attributes:
        name: what it is called.
        hours: it is wanted in any of these.
    """

    name: str
    hours: tuple[Hours, ...]

    def covers(self, time: float) -> bool:
        """Say whether it is wanted at a moment, in seconds since 1970."""
        return any(hours.cover(time) for hours in self.hours)


class _Table(Struct, frozen=True, forbid_unknown_fields=True):
    """One [[schedule]]."""

    name: _Name
    days: Annotated[tuple[Day, ...], Meta(min_length=1, max_length=7)] = DAYS
    times: Annotated[tuple[str, ...], Meta(min_length=1, max_length=100)] = ("00:00-24:00",)
    time_zone: _Name | None = None

    @property
    def hours(self) -> tuple[Hours, ...]:
        """Return its pieces; raise DocumentError for a time or a zone that there is not."""
        zone = None if self.time_zone is None else _zone(self.time_zone)
        days = frozenset(map(DAYS.index, self.days))
        return tuple(Hours(days, *_times(times), zone) for times in self.times)


def read_schedules(tables: Iterable[object], file: str) -> dict[str, Schedule]:
    """Return the schedules of a file by their names.

    Args:
        tables: its tables `[[schedule]]`.
        file: what messages call it.

    Raises:
        StzsarError: one is not as it should be; the sentence says which.
    """
    found: dict[str, Schedule] = {}
    for number, table in enumerate(tables, start=1):
        try:
            read = convert_table(table, _Table, "schedule")
            before = found[read.name].hours if read.name in found else ()
            found[read.name] = Schedule(read.name, (*before, *read.hours))
        except DocumentError as error:
            raise StzsarError(f"Cannot use schedule {number} of {file}: {error}.") from None
    return found


def named_schedule(name: str, schedules: Mapping[str, Schedule], place: str) -> Schedule:
    """Return the schedule that a place of a file names.

    Raises:
        StzsarError: there is none of this name.
    """
    if name not in schedules:
        there = ", ".join(f"{known!r:.80}" for known in schedules) or "none"
        raise StzsarError(
            f"{place} names the schedule {name!r:.80}, which is no [[schedule]] of its file: there "
            f"is {there}."
        )
    return schedules[name]


def _times(text: str) -> tuple[int, int]:
    match = _TIMES.fullmatch(text)
    if not match:
        raise DocumentError(f'times: {text!r:.40} is not a time such as "22:00-06:00"')
    start_s, end_s = (
        int(match[hour]) * 3600 + int(match[minute]) * 60 for hour, minute in ((1, 2), (3, 4))
    )
    if start_s >= _DAY_S or end_s > _DAY_S:
        raise DocumentError(f"times: {text!r:.40} is beyond 24:00")
    if start_s == end_s:
        raise DocumentError(f"times: {text!r:.40} begins when it ends; 00:00-24:00 is all day")
    return start_s, end_s if end_s > start_s else end_s + _DAY_S


def _zone(name: str) -> tzinfo:
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise DocumentError(
            f"time_zone: {name!r:.80} is not a zone that this machine knows, such as "
            "Europe/Vienna; its package tzdata has them"
        ) from None
