"""What a filter lets through, and when: the same for every sink."""

from typing import Any

import pytest

from stzsar.runtime.errors import StzsarError
from stzsar.runtime.receivers.filters import Filter, Filtered
from stzsar.runtime.results import ActionEvent, Duty, Overload, Recognition, Score, StreamState
from stzsar.runtime.schedule import read_schedules
from stzsar.runtime.sinks.sink import Sink

NIGHT = read_schedules([{"name": "n", "times": ["22:00-06:00"], "time_zone": "UTC"}], "f")["n"]
NOON, MIDNIGHT = 12 * 3600.0, 0.0


class Memory(Sink):
    name = "memory"

    def __init__(self):
        self.got = []

    def put(self, message):
        self.got.append(message)

    def close(self, timeout_s): ...


def event(kind: Any, label="waving", peak=0.7, *, source="hall", region=None, priority=None):
    return ActionEvent(kind, source, label, 1.0, None, peak, 1.0, region=region, priority=priority)


def result(score, decision: str | None = "waving", *, source="hall", region=None):
    top = (Score("waving", score, 0.3),)
    return Recognition(source, 0.0, 1.0, 4, top, decision, region=region)


def passed(wanted, *messages, now=NOON):
    memory = Memory()
    clock: list[Any] = [now]
    sink = Filtered(memory, wanted, clock=lambda: clock[0])
    for message in messages:
        if callable(message):
            clock[0] = message()
        else:
            sink.put(message)
    return memory.got


ACTION = (event("start"), event("repeat"), event("end"))
STATES = (StreamState("hall", "lost", "", 1e9), Duty("hall", True, False, 1e9), Overload(0.5, 1e9))


def test_an_empty_filter_lets_everything_through():
    everything = (*ACTION, *STATES, result(0.2, None))
    assert passed(Filter(), *everything) == list(everything)


def test_kinds_of_messages_are_chosen():
    everything = (*ACTION, *STATES, result(0.9))
    kinds = ("start", "repeat", "end")
    for kind, message in zip(kinds, ACTION, strict=True):
        assert passed(Filter(send=(kind,)), *everything) == [message]
    assert passed(Filter(send=("states",)), *everything) == list(STATES)
    assert passed(Filter(send=("results",)), *everything) == [result(0.9)]


def test_streams_regions_and_labels_are_chosen():
    door = (event("start", region="door"), event("end", region="door"))
    other = (event("start", source="yard"), event("end", source="yard"))
    archery = (event("start", "archery"), event("end", "archery"))
    shown = (*ACTION, *door, *other, *archery)
    assert passed(Filter(streams=("yard",)), *shown, *STATES) == [*other, STATES[2]]
    assert passed(Filter(regions=("door",)), *shown) == list(door)
    assert passed(Filter(labels=("archery",)), *shown) == list(archery)
    results = (result(0.9), result(0.9, None), result(0.9, source="yard"))
    assert passed(Filter(labels=("waving",), streams=("hall",)), *results) == [result(0.9)]


def test_what_is_not_urgent_enough_is_left_out():
    told = [event(kind, priority="urgent") for kind in ("start", "end")]
    quiet = [event(kind, priority="low", source="yard") for kind in ("start", "end")]
    shown = (*ACTION, *told, *quiet)
    assert passed(Filter(min_priority="high"), *shown) == told
    assert passed(Filter(min_priority="normal"), *shown) == [*ACTION, *told]


def test_a_start_is_told_once_its_score_is_high_enough():
    lifted = event("start", peak=0.9)
    end = event("end", peak=0.95)
    shown = (event("start"), result(0.75), result(0.85, None), result(0.9), result(0.95), end)
    assert passed(Filter(min_peak=0.9, send=("start", "end")), *shown) == [lifted, end]
    # One that never gets there is not told, nor is its end.
    assert passed(Filter(min_peak=0.9), event("start"), result(0.8), event("end", peak=0.8)) == []
    # Nor does a later score of the label lift a start that is over.
    shown = (event("start"), event("end"), result(0.99))
    assert passed(Filter(min_peak=0.9, send=("start",)), *shown) == []


def test_the_peak_of_one_region_is_not_that_of_another():
    shown = (event("start", region="door"), result(0.95, region="till"), result(0.95))
    assert passed(Filter(min_peak=0.9, send=("start",)), *shown) == []


def test_outside_its_schedule_a_sink_gets_no_starts_but_the_end_of_what_it_has():
    wanted = Filter(schedule=NIGHT)
    start, repeat, end = ACTION
    assert passed(wanted, *ACTION, result(0.9), now=NOON) == []
    assert passed(wanted, *ACTION, result(0.9), now=MIDNIGHT) == [*ACTION, result(0.9)]
    assert passed(wanted, start, lambda: NOON, repeat, end, now=MIDNIGHT) == [start, end]
    assert passed(wanted, start, lambda: MIDNIGHT, repeat, end, now=NOON) == []


def test_two_streams_and_two_actions_are_kept_apart():
    first, second = event("start", "archery"), event("start")
    other_end = event("end", source="yard")
    shown = (first, other_end, event("end", "archery"), second, event("end", "archery"))
    assert passed(Filter(min_peak=0.1), *shown) == [first, shown[2], second]


def test_a_filter_that_lets_nothing_through_is_refused():
    with pytest.raises(StzsarError, match="send nothing"):
        Filter(send=())
    with pytest.raises(StzsarError, match="min_peak is 2"):
        Filter(min_peak=2)


def test_a_filtered_sink_counts_and_closes_as_the_one_behind_it():
    memory = Memory()
    memory.counters = closed = object()  # pyright: ignore[reportAttributeAccessIssue]
    sink = Filtered(memory, Filter())
    assert sink.counters is closed
    assert sink.name == "memory"
