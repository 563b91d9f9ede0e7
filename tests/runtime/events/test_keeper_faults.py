"""A keeper on a bad day: disks that hang, fill up or spoil, runs that end, kills."""

import logging
import sqlite3
import threading
import time

import numpy as np
import pytest

from stzsar.runtime.events.clip import Clip
from stzsar.runtime.events.store import EventStore
from stzsar.runtime.results import Duty, Recognition, Score
from stzsar.runtime.sources.frames import Frame

from .driven import Stream, level
from .kept import greys, stored


def test_a_disk_that_hangs_holds_up_no_live_stream(open_keeper, tmp_path, monkeypatch):
    keeper = open_keeper()
    stuck, release = threading.Event(), threading.Event()
    begin = EventStore.begin

    def hang(store, event):
        stuck.set()
        release.wait(30)
        begin(store, event)

    monkeypatch.setattr(EventStore, "begin", hang)
    stream = Stream(keeper, live=True)
    stream.show(4.0, label="waving")
    stream.start(2.0)
    assert stuck.wait(10)
    thread = threading.Thread(target=lambda: (stream.show(60.0), stream.end(5.0, 2.0)))
    thread.start()
    thread.join(20)
    assert not thread.is_alive()
    release.set()
    keeper.close(5)

    (event,) = stored(tmp_path / "events")
    assert event.state == "ended"


def test_what_the_writer_was_too_slow_for_is_counted(open_keeper, tmp_path, monkeypatch):
    keeper = open_keeper()
    stream = Stream(keeper, live=True)
    stream.show(3.0, label="waving")
    stream.start(2.0)
    advance, release = Clip.advance, threading.Event()
    monkeypatch.setattr(Clip, "advance", lambda clip: release.wait(30) and advance(clip))
    stream.show(20.0, label="waving")
    release.set()
    stream.show(22.0)
    stream.end(20.0, 2.0)
    stream.show(24.0)
    keeper.close(5)

    (event,) = stored(tmp_path / "events")
    assert event.left_out > 50
    assert keeper.counters.dropped == event.left_out


def test_a_run_that_ends_stores_all_rows_before_it_completes_clips(
    open_keeper, tmp_path, monkeypatch
):
    keeper = open_keeper()
    advance = Clip.advance

    def slow(clip):
        time.sleep(0.2)
        return advance(clip)

    monkeypatch.setattr(Clip, "advance", slow)
    stream = Stream(keeper, live=True)
    for number in range(20):
        start_s = number * 3.0 + 1.0
        stream.show(start_s + 1.0, label="waving")
        stream.start(start_s)
        stream.show(start_s + 2.0, label="waving")
        stream.end(start_s + 1.5, start_s)
    keeper.close(1.5)

    events = stored(tmp_path / "events")
    assert [one.state for one in events] == ["ended"] * 20
    assert [one.end_s for one in events] == [number * 3.0 + 2.5 for number in range(20)]


def test_a_store_that_is_full_is_tried_again(open_keeper, tmp_path, monkeypatch):
    keeper = open_keeper()
    failures = iter([True, True, False, False])
    begin = EventStore.begin

    def fail(store, event):
        if next(failures):
            raise sqlite3.OperationalError("database or disk is full")
        begin(store, event)

    monkeypatch.setattr(EventStore, "begin", fail)
    stream = Stream(keeper, live=True)
    stream.show(4.0, label="waving")
    stream.start(2.0)
    stream.end(3.0, 2.0)
    stream.show(6.0)
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline and not stored(tmp_path / "events"):
        time.sleep(0.05)
    keeper.close(5)

    assert [one.state for one in stored(tmp_path / "events")] == ["ended"]


def test_a_store_that_is_spoilt_meanwhile_is_said_and_ends_nothing(
    open_keeper, monkeypatch, caplog
):
    def fail(store, event):
        raise sqlite3.DatabaseError("database disk image is malformed")

    monkeypatch.setattr(EventStore, "begin", fail)
    keeper = open_keeper()
    stream = Stream(keeper, live=True)
    stream.show(4.0, label="waving")
    for start_s in (2.0, 3.0):
        stream.start(start_s)
        stream.end(start_s + 0.5, start_s)
    keeper.close(5)

    assert keeper.counters.failed == 2
    assert "DatabaseError: database disk image is malformed; the run goes on" in caplog.text


def test_an_event_that_a_kill_left_open_is_closed_by_the_next_run_which_says_so(
    open_keeper, tmp_path, caplog
):
    keeper = open_keeper()
    stream = Stream(keeper)
    stream.show(4.0, label="waving")
    stream.start(2.0)
    keeper.close(5)  # without an end: what a kill leaves
    caplog.set_level(logging.WARNING)

    open_keeper()

    assert "was killed while one event was open" in caplog.text
    (event,) = stored(tmp_path / "events")
    assert event.state == "cut"
    assert event.end_s >= 3.5


def test_two_events_close_together_have_a_clip_each(open_keeper, tmp_path):
    stream = Stream(open_keeper())
    for start_s in (2.0, 4.0):
        stream.show(start_s + 1.0, label="waving")
        stream.start(start_s)
        stream.show(start_s + 1.5)
        stream.end(start_s + 1.0, start_s)
    stream.show(9.0)
    stream.keeper.close(5)

    events = stored(tmp_path / "events")
    for event, start_s in zip(events, (2.0, 4.0), strict=True):
        shown = greys(tmp_path / "events" / event.clip)
        assert abs(shown[0] - level(start_s - 1)) <= 4
        assert abs(len(shown) - 31) <= 1


def test_a_disk_that_runs_full_loses_the_oldest_clips_and_the_run_goes_on(
    open_keeper, small_disk, caplog
):
    pytest.importorskip("av", reason="the disk is small for clips of H.264")
    noise = np.random.default_rng(0)
    keeper = open_keeper(path=small_disk / "events")

    class Noisy(Stream):
        def show(self, until_s, *, label=None, best_s=-1.0):
            while self.now_s < until_s:
                image = noise.integers(0, 255, (240, 320, 3), np.uint8)
                self.keeper.wants("hall", self.now_s)
                self.keeper.take("hall", Frame(image, self.now_s, self.index), live=False)
                self.index += 1
                shown = Score("waving", 0.9, 0.3)
                middle_s = self.now_s - 0.5
                self.keeper.put(
                    Recognition("hall", middle_s - 0.5, self.now_s, 4, (shown,), "waving")
                )

    stream = Noisy(keeper)
    for number in range(20):
        start_s = number * 4.0 + 1.0
        stream.show(start_s + 1.0)
        stream.start(start_s)
        stream.end(start_s + 1.0, start_s)
        stream.show(start_s + 3.0)
    keeper.close(10)

    events = stored(small_disk / "events")
    assert [one.id for one in events] == list(range(1, 21))
    assert {one.state for one in events} == {"ended"}
    with_clip = [one.id for one in events if one.clip]
    assert 2 <= len(with_clip) < 19
    assert max(with_clip) >= 19
    assert caplog.text.count("is nearly full") == 1
    for event in events:
        if event.clip:
            assert greys(small_disk / "events" / event.clip)


@pytest.mark.parametrize("idle", [False, True])
def test_of_a_stream_that_is_off_an_idle_run_holds_no_pictures(open_keeper, tmp_path, idle):
    keeper = open_keeper(idle=idle)
    stream = Stream(keeper)
    stream.show(4.0, label="waving")
    stream.start(2.0)
    stream.end(4.0, 2.0)
    keeper.put(Duty("hall", armed=False, scheduled=True, time=1e9))
    stream.show(8.0)  # the clip goes on until 5 s
    assert keeper.wants("hall", 9.0) is not idle
    keeper.put(Duty("hall", armed=True, scheduled=True, time=1e9))
    assert keeper.wants("hall", 10.0)
    stream.show(11.0, label="waving")
    stream.start(8.5)
    stream.end(10.0, 8.5)
    stream.show(13.0)
    keeper.close(5)

    first, second = stored(tmp_path / "events")
    assert abs(len(greys(tmp_path / "events" / first.clip)) - 41) <= 1  # from 1 s to 5 s
    shown = greys(tmp_path / "events" / second.clip)
    # Of the second before it there is nothing but what came since it is on.
    assert abs(shown[0] - level(8.0 if idle else 7.5)) <= 4
