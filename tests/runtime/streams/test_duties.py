"""Streams that are off: no events, with `idle` nothing encoded, and the others go on."""

import time
from collections import deque
from contextlib import closing

import pytest

from stzsar.runtime import duty as duty_module
from stzsar.runtime.decisions.policy import Policy
from stzsar.runtime.duty import Duties
from stzsar.runtime.results import ActionEvent, Duty, Recognition
from stzsar.runtime.schedule import read_schedules
from stzsar.runtime.sources.feed import Captured, FeedCounters
from stzsar.runtime.sources.frames import Frame
from stzsar.runtime.streams import loop
from stzsar.runtime.streams.loop import StreamLoop
from stzsar.runtime.streams.plan import StreamPlan
from stzsar.runtime.streams.stream import StreamOptions

from .memory import Sink

NIGHT = read_schedules([{"name": "n", "times": ["22:00-06:00"], "time_zone": "UTC"}], "f")["n"]
NOON, MIDNIGHT = 12 * 3600.0, 24 * 3600.0
QUICK = Policy(min_length_s=0.0, cool_down_s=0.5)


class Feed:
    """A live feed that gives what the test puts in."""

    live, source_fps, frame_count, error, finished = True, None, None, None, False

    def __init__(self, name, options, rate_fps):
        self.name, self.options, self.rate_fps = name, options, rate_fps
        self.counters = FeedCounters()
        self.waiting = deque()

    def take(self):
        return self.waiting.popleft() if self.waiting else None

    def start(self): ...
    def hide(self, mask): ...
    def stop(self): ...
    def join(self, timeout_s):
        return True


class Run:
    """A loop over live streams, a sampling period of all of them at a time."""

    def __init__(self, recognizer, picture, duties, *, idle, wants_frames=False):
        self.sink, self.feeds, self.picture, self.index = Sink(), {}, picture, 0
        self.sink.wants_frames = wants_frames
        plans = [self.plan(name) for name in duties.streams]
        self.loop = StreamLoop(recognizer, self.sink, plans, duties=duties, idle=idle)
        self.steps = self.loop.steps()

    def plan(self, name):
        def open_feed(options, rate_fps):
            self.feeds[name] = Feed(name, options, rate_fps)
            return self.feeds[name]

        return StreamPlan(
            name=name,
            live=True,
            open=open_feed,
            options=StreamOptions(),
            policy_for=lambda _labels: QUICK,
        )

    def show(self, colour, periods):
        """Return what is told while all streams show a colour."""
        before = len(self.sink.messages)
        if not self.feeds:
            next(self.steps)
        for _ in range(periods):
            for feed in self.feeds.values():
                frame = Frame(self.picture(colour), self.index / 4, self.index)
                feed.waiting.append(Captured(frame, True, time.monotonic(), time.time()))
            self.index += 1
            next(self.steps)
        next(self.steps)
        return self.sink.messages[before:]


def events(messages, source="hall"):
    return [
        (one.event, one.label)
        for one in messages
        if isinstance(one, ActionEvent) and one.source == source
    ]


def results(messages, source="hall"):
    return [one for one in messages if isinstance(one, Recognition) and one.source == source]


def duties_told(messages):
    return [(one.source, one.on) for one in messages if isinstance(one, Duty)]


@pytest.fixture
def open_run(recognizer, picture, monkeypatch):
    monkeypatch.setattr(loop, "TICK_S", 0.0)
    monkeypatch.setattr(duty_module, "_LOOK_S", 0.0)
    opened = []

    def start(duties, **options):
        opened.append(Run(recognizer, picture, duties, **options))
        return opened[-1]

    yield start
    for run in opened:
        with closing(run.steps):
            pass


def test_switched_off_it_has_results_and_no_events_until_it_is_armed(open_run):
    duties = Duties({"hall": None, "door": None})
    run = open_run(duties, idle=False)
    assert events(run.show("red", 8)) == [("start", "red")]
    duties.arm("hall", armed=False)
    off = run.show("red", 8)
    assert events(off) == [("end", "red")]
    assert duties_told(off) == [("hall", False)]
    assert [one.decision for one in results(off)] == ["red"] * 8
    off = run.show("green", 8)
    assert events(off) == []
    assert events(off, "door") == [("end", "red"), ("start", "green")]
    duties.arm("hall", armed=True)
    on = run.show("green", 8)
    assert events(on) == [("start", "green")]
    assert duties_told(on) == [("hall", True)]


def test_idle_encodes_nothing_of_it_and_begins_with_a_new_window(open_run, recognizer, monkeypatch):
    encoded = []
    encode = recognizer.scorer.encode
    monkeypatch.setattr(
        recognizer.scorer,
        "encode",
        lambda images, **more: (encoded.append(len(images)), encode(images, **more))[1],
    )
    duties = Duties({"hall": None, "door": None})
    run = open_run(duties, idle=True)
    run.show("red", 8)
    assert sum(encoded) == 16
    duties.arm("hall", armed=False)
    encoded.clear()
    off = run.show("green", 8)
    assert sum(encoded) == 8
    assert events(off) == [("end", "red")]
    assert results(off) == []
    assert len(results(off, "door")) == 8
    duties.arm("hall", armed=True)
    encoded.clear()
    on = run.show("green", 8)
    assert sum(encoded) == 16
    # Four frames fill a window; none of them is from before.
    assert len(results(on)) == 5
    assert results(on)[0].label == "green"
    assert results(on)[0].start_s == 16 / 4


def test_it_is_not_counted_as_load_and_still_shown(open_run):
    duties = Duties({"hall": None})
    run = open_run(duties, idle=True, wants_frames=True)
    run.show("red", 4)
    duties.arm("hall", armed=False)
    run.show("red", 4)
    assert [shown[:2] for shown in run.sink.shown] == [("hall", index / 4) for index in range(8)]
    (lane,) = run.loop.batcher.lanes
    assert lane.resting
    assert not lane.active


def test_a_schedule_ends_the_event_that_goes_on_and_lets_the_next_begin(open_run):
    clock = [MIDNIGHT]
    duties = Duties({"hall": NIGHT, "door": None}, clock=lambda: clock[0])
    run = open_run(duties, idle=False)
    assert events(run.show("red", 8)) == [("start", "red")]
    clock[0] = NOON + MIDNIGHT
    day = run.show("red", 8)
    assert events(day) == [("end", "red")]
    assert events(day, "door") == []
    clock[0] = 2 * MIDNIGHT
    assert events(run.show("red", 8)) == [("start", "red")]


def test_a_clock_that_is_set_back_an_hour_changes_nothing_but_the_schedule(open_run):
    clock = [MIDNIGHT - 1800.0]
    late = read_schedules([{"name": "n", "times": ["23:00-24:00"], "time_zone": "UTC"}], "f")["n"]
    duties = Duties({"hall": late, "door": None}, clock=lambda: clock[0])
    run = open_run(duties, idle=False)
    run.show("red", 8)
    clock[0] -= 3600.0
    back = run.show("red", 8)
    assert (events(back), events(back, "door")) == ([("end", "red")], [])
    clock[0] += 3600.0
    assert events(run.show("red", 8)) == [("start", "red")]


def test_a_stream_that_begins_off_says_so_first(open_run):
    duties = Duties({"hall": NIGHT}, clock=lambda: NOON)
    run = open_run(duties, idle=True)
    first = run.show("red", 8)
    assert first == [Duty("hall", armed=True, scheduled=False, time=NOON)]
