"""The loop over sources: when it gives up, and which source it blames."""

import threading
from contextlib import closing

import pytest

from stzsar.runtime.errors import SourceError
from stzsar.runtime.results import StreamState
from stzsar.runtime.sources.feed import FeedCounters
from stzsar.runtime.streams import loop
from stzsar.runtime.streams.loop import StreamLoop
from stzsar.runtime.streams.plan import StreamPlan
from stzsar.runtime.streams.stream import StreamOptions


class Feed:
    """A live feed that says what the test tells it to."""

    live, source_fps, frame_count, error, finished = True, None, None, None, False

    def __init__(self, name, options, rate_fps):
        self.name, self.options, self.rate_fps = name, options, rate_fps
        self.counters = FeedCounters()

    def tell(self, state, reason=""):
        self.options.on_state(StreamState(self.name, state, reason, 1e9))

    def take(self):
        return None

    def start(self): ...
    def hide(self, mask): ...
    def stop(self): ...
    def join(self, timeout_s):
        return True


class Sink:
    name, wants_frames = "memory", False

    def put(self, message): ...
    def show(self, source, frame, latest): ...
    def source_ended(self, source): ...
    def close(self, timeout_s): ...


@pytest.fixture
def feeds():
    return {}


@pytest.fixture
def run(recognizer, feeds, monkeypatch):
    """A loop over two live sources, whose time for a first picture is over at once."""
    monkeypatch.setattr(loop, "FIRST_PICTURE_S", -1.0)
    monkeypatch.setattr(loop, "TICK_S", 0.0)

    def plan(name):
        def open_feed(options, rate_fps):
            feeds[name] = Feed(name, options, rate_fps)
            return feeds[name]

        return StreamPlan(name=name, live=True, open=open_feed, options=StreamOptions())

    return StreamLoop(recognizer, Sink(), [plan("dead"), plan("slow")])


def test_a_run_goes_on_while_a_source_can_still_come(run, feeds):
    """The dead camera is listed first, and its silence holds up the other one."""
    with closing(run.steps()) as steps:
        next(steps)
        feeds["dead"].tell("lost", "it says nothing")
        for _ in range(3):
            next(steps)
        feeds["slow"].tell("live")
        next(steps)
        feeds["slow"].tell("lost", "it broke off")
        for _ in range(3):
            next(steps)


def test_a_run_ends_when_all_its_sources_are_lost_and_never_had_a_picture(run, feeds):
    with closing(run.steps()) as steps:
        next(steps)
        feeds["dead"].tell("lost", "it says nothing")
        feeds["slow"].tell("stalled", "it has not opened")
        with pytest.raises(SourceError, match=r"dead has given no picture.*it says nothing"):
            for _ in steps:
                pass


def test_an_end_that_another_thread_asks_for_ends_the_loop(run, recognizer, feeds):
    table = run._table
    threading.Thread(target=table.end).start()

    assert list(run.steps()) is not None
    assert table.over
