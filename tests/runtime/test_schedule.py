"""Schedules: which moments they cover, also where clocks change, and what is refused."""

from datetime import datetime, timezone

import pytest

from stzsar.runtime.errors import StzsarError
from stzsar.runtime.schedule import named_schedule, read_schedules


def schedule(*tables, **table):
    read = read_schedules([{"name": "s", **one} for one in tables or (table,)], "streams.toml")
    return read["s"]


def utc(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=timezone.utc).timestamp()


def covered(own, *moments: str) -> list[bool]:
    return [own.covers(utc(moment)) for moment in moments]


def test_a_schedule_without_days_or_times_is_always():
    own = schedule()
    assert covered(own, "2026-11-30T00:00:00", "2026-12-06T23:59:59") == [True, True]


def test_a_night_belongs_to_the_day_on_which_it_begins():
    own = schedule(days=["fri"], times=["22:00-06:00"], time_zone="UTC")
    friday, saturday = "2026-12-04", "2026-12-05"
    assert covered(own, f"{friday}T21:59:59", f"{friday}T22:00:00") == [False, True]
    assert covered(own, f"{saturday}T05:59:59", f"{saturday}T06:00:00") == [True, False]
    # Neither the morning of Friday nor the evening of Saturday.
    assert covered(own, f"{friday}T03:00:00", f"{saturday}T23:00:00") == [False, False]


def test_a_night_of_sunday_ends_on_monday():
    own = schedule(days=["sun"], times=["22:00-06:00"], time_zone="UTC")
    assert covered(own, "2026-12-07T05:00:00", "2026-12-06T05:00:00") == [True, False]


def test_tables_of_one_name_and_times_of_one_table_add_up():
    own = schedule(
        {"days": ["mon"], "times": ["06:00-07:00", "12:00-24:00"], "time_zone": "UTC"},
        {"days": ["sat", "sun"], "time_zone": "UTC"},
    )
    monday = "2026-11-30"
    assert covered(own, *(f"{monday}T{time}:00" for time in ("06:30", "07:00", "23:59"))) == [
        *(True, False, True)
    ]
    assert covered(own, "2026-12-01T06:30:00", "2026-12-05T06:30:00") == [False, True]


def test_days_and_times_are_those_of_the_zone():
    own = schedule(days=["mon"], times=["00:00-01:00"], time_zone="Asia/Tokyo")
    assert covered(own, "2026-11-29T15:30:00", "2026-11-30T00:30:00") == [True, False]


def test_without_a_zone_the_machines_counts(monkeypatch):
    import time

    monkeypatch.setenv("TZ", "America/New_York")
    time.tzset()
    try:
        assert schedule(times=["08:00-09:00"]).covers(utc("2026-11-30T13:30:00"))
        assert not schedule(times=["08:00-09:00"]).covers(utc("2026-11-30T08:30:00"))
    finally:
        monkeypatch.undo()
        time.tzset()


def test_where_clocks_go_forward_the_night_is_an_hour_shorter():
    """In Vienna, 2026-03-29 has no time between 2:00 and 3:00."""
    night = schedule(times=["22:00-06:00"], time_zone="Europe/Vienna")
    assert covered(night, "2026-03-28T21:00:00", "2026-03-29T03:59:59") == [True, True]
    assert covered(night, "2026-03-28T20:59:59", "2026-03-29T04:00:00") == [False, False]
    missing = schedule(times=["02:15-02:45"], time_zone="Europe/Vienna")
    day = range(0, 24 * 3600, 600)
    assert not any(missing.covers(utc("2026-03-28T23:00:00") + second) for second in day)
    assert any(missing.covers(utc("2026-03-29T23:00:00") + second) for second in day)


def test_where_clocks_go_back_an_hour_that_comes_twice_counts_twice():
    """In Vienna, 2026-10-25 has the time from 2:00 to 3:00 twice."""
    own = schedule(times=["02:00-03:00"], time_zone="Europe/Vienna")
    halves = [f"2026-10-25T{time}:00" for time in ("00:30", "01:30", "02:30", "23:30")]
    assert covered(own, *halves) == [True, True, False, False]


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({"days": ["friday"]}, "schedule 1 of streams.toml: days"),
        ({"days": []}, "schedule 1 of .*: days"),
        ({"times": ["10-12"]}, 'not a time such as "22:00-06:00"'),
        ({"times": ["24:00-25:00"]}, "beyond 24:00"),
        ({"times": ["23:00-24:30"]}, "beyond 24:00"),
        ({"times": ["10:60-11:00"]}, "not a time"),
        ({"times": ["10:00-10:00"]}, "begins when it ends"),
        ({"time_zone": "Vienna"}, "not a zone that this machine knows"),
        ({"time_zone": "../../etc/passwd"}, "not a zone that this machine knows"),
        ({"time_zone": "Europe"}, "not a zone that this machine knows"),
        ({"hours": "10"}, "unknown field hours; a .* takes name, days, times, time_zone"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(table, message):
    with pytest.raises(StzsarError, match=message):
        schedule(**table)


def test_a_name_that_no_schedule_has_is_refused_with_those_that_there_are():
    schedules = read_schedules([{"name": "night"}, {"name": "day"}], "streams.toml")
    with pytest.raises(StzsarError, match=r"Stream 1 names .*'nigth'.* there is 'night', 'day'"):
        named_schedule("nigth", schedules, "Stream 1")
