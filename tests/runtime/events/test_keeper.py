"""The keeper: clips and stills show the moment, memory is bounded, and nothing is held up."""

import logging
import sqlite3
import threading
import time

import cv2
import numpy as np
import pytest

from stzsar.runtime.events.clip import Clip
from stzsar.runtime.events.keeper import EventKeeper
from stzsar.runtime.events.options import ClipPlan
from stzsar.runtime.events.store import EventStore
from stzsar.runtime.results import ActionEvent, Duty, Recognition, Score, StreamState
from stzsar.runtime.sources.frames import Frame
from stzsar.runtime.video import pyav

FPS = 10.0
PLAN = ClipPlan(before_s=1.0, after_s=1.0, rate_fps=FPS, late_s=2.0)


def level(time_s: float) -> int:
    """The grey of the picture at a time: it tells the time."""
    return min(250, round(20 + 10 * time_s))


class Stream:
    """Drives a keeper as a run does, in fast time."""

    def __init__(self, keeper, *, live=False, size_hw=(64, 96)):
        self.keeper, self.live, self.size_hw = keeper, live, size_hw
        self.index = 0

    @property
    def now_s(self) -> float:
        return self.index / FPS

    def show(self, until_s: float, *, label: str | None = None, best_s: float = -1.0) -> None:
        """Pictures, and a result of the last second for every fourth of a second."""
        while self.now_s < until_s:
            time_s = self.now_s
            if self.keeper.wants("hall", time_s):
                image = np.full((*self.size_hw, 3), level(time_s), np.uint8)
                self.keeper.take("hall", Frame(image, time_s, self.index), live=self.live)
            self.index += 1
            if self.index % 3 == 0 and time_s >= 1:
                middle_s = time_s - 0.5
                score = 0.9 if abs(middle_s - best_s) < 0.2 else 0.7
                shown = Score("waving", score if label else 0.1, 0.3)
                self.keeper.put(
                    Recognition("hall", time_s - 1, time_s, 4, (shown,), label, rate_fps=4.0)
                )

    def start(self, time_s: float) -> None:
        self.keeper.put(
            ActionEvent("start", "hall", "waving", time_s, None, 0.7, self.now_s - time_s)
        )

    def end(self, time_s: float, start_s: float) -> None:
        self.keeper.put(ActionEvent("end", "hall", "waving", time_s, None, 0.9, time_s - start_s))


@pytest.fixture
def open_keeper(tmp_path):
    keepers = []

    def opened(plan=PLAN, path=tmp_path / "events", **more):
        keepers.append(EventKeeper(path, addresses={"hall": "0"}, bundle="b", plan=plan, **more))
        return keepers[-1]

    yield opened
    for keeper in keepers:
        keeper.close(5)


def stored(folder):
    with EventStore(folder / "events.sqlite") as store:
        return store.find()


def greys(path) -> list[int]:
    """The grey in the middle of each picture of a video."""
    capture, found = cv2.VideoCapture(str(path)), []
    while True:
        there, image = capture.read()
        if not there:
            return found
        height, width = image.shape[:2]
        found.append(int(image[height // 2, width // 2].mean()))


@pytest.mark.usefixtures("decoder")
def test_a_clip_shows_what_was_before_the_event_the_event_and_what_was_after(open_keeper, tmp_path):
    keeper = open_keeper()
    stream = Stream(keeper)
    stream.show(4.0)
    stream.show(7.0, label="waving", best_s=5.0)
    stream.start(4.0)
    stream.show(8.0, label="waving")
    stream.show(10.0)
    stream.end(8.0, 4.0)
    stream.show(12.0)
    keeper.close(5)

    (event,) = stored(tmp_path / "events")
    assert (event.start_s, event.end_s, event.state, event.left_out) == (4.0, 8.0, "ended", 0)
    shown = greys(tmp_path / "events" / event.clip)
    assert abs(len(shown) - 61) <= 1  # from 3 s to 9 s
    for number, grey in enumerate(shown):
        assert abs(grey - level(3.0 + number / FPS)) <= 4, number
    still = cv2.imread(str(tmp_path / "events" / event.still))
    annotated = cv2.imread(str(tmp_path / "events" / event.annotated))
    assert still is not None
    assert annotated is not None
    assert abs(int(still[5, 90].mean()) - level(5.0)) <= 3
    assert annotated.shape == still.shape
    assert (annotated != still).mean() > 0.05
    assert max(event.scores, key=lambda one: one[1])[1] == pytest.approx(0.9)
    assert max(event.scores, key=lambda one: one[1])[0] == pytest.approx(1.0, abs=0.3)


@pytest.mark.skipif(pyav.load_av() is None, reason="no PyAV: pip install '.[av]'")
def test_a_clip_is_h264_that_plays_from_its_first_byte(open_keeper, tmp_path):
    av = pyav.load_av()
    assert av
    stream = Stream(open_keeper(), size_hw=(65, 97))  # odd sides
    stream.show(4.0, label="waving")
    stream.start(2.0)
    stream.end(3.0, 2.0)
    stream.show(6.0)
    stream.keeper.close(5)

    (event,) = stored(tmp_path / "events")
    path = tmp_path / "events" / event.clip
    with av.open(str(path)) as container:
        context = container.streams.video[0].codec_context
        assert (context.name, context.pix_fmt) == ("h264", "yuv420p")
        assert (context.width, context.height) == (96, 64)
    data = path.read_bytes()
    assert -1 < data.index(b"moov") < data.index(b"mdat")
    assert b"moof" not in data


def test_an_event_that_lasts_long_needs_no_more_memory_and_its_clip_ends(
    open_keeper, tmp_path, monkeypatch
):
    monkeypatch.setattr("stzsar.runtime.events.clip.LONGEST_CLIP_S", 10.0)
    keeper = open_keeper()
    stream = Stream(keeper)
    stream.show(3.0, label="waving")
    stream.start(1.0)
    sizes = []
    for second in range(4, 40):
        stream.show(float(second), label="waving")
        sizes.append(keeper._pictures["hall"].ring.size_bytes)
    stream.end(39.0, 1.0)
    keeper.close(5)

    (event,) = stored(tmp_path / "events")
    assert event.end_s == 39.0
    assert abs(len(greys(tmp_path / "events" / event.clip)) - 101) <= 1
    assert sizes[-1] < 1.3 * sizes[3]


def test_the_memory_has_a_bound_and_a_clip_that_begins_late_says_so(open_keeper, tmp_path, caplog):
    picture = len(cv2.imencode(".jpg", np.full((64, 96, 3), 60, np.uint8))[1])
    keeper = open_keeper(ClipPlan(before_s=4.0, after_s=1.0, memory_bytes=8 * picture, late_s=2.0))
    stream = Stream(keeper)
    stream.show(7.0, label="waving")
    stream.start(5.0)
    assert keeper._pictures["hall"].ring.size_bytes <= 9 * picture
    stream.end(7.0, 5.0)
    stream.show(9.0)
    keeper.close(5)

    assert caplog.text.count("raise --clip-memory") == 1
    (event,) = stored(tmp_path / "events")
    shown = greys(tmp_path / "events" / event.clip)
    assert level(5.5) <= shown[0] <= level(6.5)
    assert 45 <= event.left_out <= 55


def test_a_stream_that_is_lost_ends_its_clip(open_keeper, tmp_path):
    keeper = open_keeper()
    stream = Stream(keeper, live=True)
    stream.show(4.0, label="waving")
    stream.start(2.0)
    keeper.put(StreamState("hall", "lost", "", 1.0))
    stream.end(4.0, 2.0)
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline and not any(one.clip for one in stored(tmp_path / "events")):
        time.sleep(0.02)

    (event,) = stored(tmp_path / "events")
    assert event.clip


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
