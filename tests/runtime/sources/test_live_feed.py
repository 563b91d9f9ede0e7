"""Live feeds whose source is a stand-in, so that it may do what no server does when asked."""

import itertools
import threading
import time
from typing import Any

import numpy as np
import pytest

from stzsar.runtime.backoff import Backoff
from stzsar.runtime.errors import SourceError
from stzsar.runtime.sources import live_feed
from stzsar.runtime.sources.areas import Mask, area_of
from stzsar.runtime.sources.live_feed import LiveFeed
from stzsar.runtime.sources.pacing import Backlog, Playback
from stzsar.runtime.video.capture import Capture


class Camera:
    """Gives `frames` pictures 100 times a second, each another, then hangs, breaks or ends."""

    name, codec = "cam", "none"
    fps: float | None = 100.0
    frame_count: int | None = None
    lost = 0
    size_wh: tuple[int, int] = (64, 48)
    position_s = 0.0

    def __init__(self, frames=10**9, *, then="break", same=False, broken_picture=False):
        self.exhausted = False
        self.released = False
        self.left, self.then, self.same = frames, then, same
        self.broken_picture = broken_picture
        self.unhang = threading.Event()

    def grab(self):
        time.sleep(0.01)
        self.left -= 1
        if self.left < 0 and self.then == "hang":
            self.unhang.wait()
        self.exhausted = self.left < 0 and self.then == "end"
        return self.left >= 0

    def retrieve(self) -> Any:
        if self.broken_picture:
            return None
        return np.full((48, 64, 3), 0 if self.same else self.left * 16 % 256, np.uint8)

    def release(self):
        self.released = True


@pytest.fixture
def run_cameras(run_feed, monkeypatch):
    """Run a live feed that connects to one stand-in after the other; the last one stays."""
    monkeypatch.setattr(live_feed, "BACKOFF", Backoff(first_s=0.02, longest_s=0.02))

    def run(*cameras, patient=True, **options):
        left = list(cameras)

        def connect():
            camera = left.pop(0) if len(left) > 1 else left[0]
            if isinstance(camera, SourceError):
                raise camera
            return camera

        def make(given, rate_fps):
            return LiveFeed("cam", connect, given, rate_fps, patient=patient)

        return run_feed(make, **options)

    return run


def test_a_source_that_ends_properly_is_not_opened_again(run_cameras):
    camera = Camera(30, then="end")
    run = run_cameras(camera, Camera(), rate_fps=1000)

    run.take_all()

    assert run.conditions == ["connecting", "live", "ended"]
    assert run.feed.error is None
    assert camera.released
    assert run.feed.counters.connections == 1


def test_each_attempt_has_a_capture_of_its_own_and_time_goes_on(run_cameras):
    cameras = [Camera(10), Camera(10), Camera(10, then="end")]
    run = run_cameras(*cameras, rate_fps=1000)

    frames = [captured.frame for captured in run.take_all()]

    assert run.conditions == ["connecting", "live", "lost", "live", "lost", "live", "ended"]
    assert all(camera.released for camera in cameras)
    assert all(b.time_s > a.time_s for a, b in itertools.pairwise(frames))
    assert all(b.index > a.index for a, b in itertools.pairwise(frames))


def test_attempts_that_fail_are_one_state(run_cameras):
    away = SourceError("No answer.")
    run = run_cameras(away, away, away, Camera())

    run.more(1)

    assert run.conditions == ["connecting", "lost", "live"]
    assert run.states[1].reason == "No answer."


@pytest.mark.parametrize(
    ("camera", "proven_s", "counted"),
    [
        (lambda: SourceError("No answer."), 2.0, [1, 2, 3, 4, 5, 6]),
        (lambda: Camera(0), 2.0, [1, 2, 3, 4, 5, 6]),  # it takes connections, and shows nothing
        (lambda: Camera(broken_picture=True), 2.0, [1, 2, 3, 4, 5, 6]),
        (lambda: Camera(3), 2.0, [1, 2, 3, 3, 3, 3]),
        (lambda: Camera(30), 0.1, [1, 1, 1, 1, 1, 1]),
    ],
)
def test_waits_grow_for_what_shows_nothing_little_for_what_shows_little_and_never_beyond(
    run_cameras, monkeypatch, camera, proven_s, counted
):
    counts = []

    class Noted(Backoff):
        def wait_s(self, failures, asked_s=None):
            counts.append(failures)
            return 0.01

    monkeypatch.setattr(live_feed, "BACKOFF", Noted())
    monkeypatch.setattr(live_feed, "PROVEN_S", proven_s)
    run = run_cameras(*(camera() for _ in counted), Camera(), rate_fps=1000)
    run.take_until(lambda: len(counts) >= len(counted))

    assert counts[: len(counted)] == counted


def test_a_device_that_is_not_there_at_first_ends_at_once(run_cameras):
    run = run_cameras(SourceError("There is no camera."), Camera(), patient=False)

    run.take_all()

    assert str(run.feed.error) == "There is no camera."
    assert run.conditions == ["connecting", "ended"]


def test_a_camera_whose_number_is_not_there_ends_with_a_sentence(run_feed):
    run = run_feed("97")

    run.take_all()

    assert "There is no camera 97" in str(run.feed.error)
    assert run.conditions == ["connecting", "ended"]


def test_a_device_that_was_unplugged_is_waited_for(run_cameras):
    run = run_cameras(Camera(5), SourceError("It is gone."), Camera(), patient=False)

    run.wait_for("live", "lost", "live")


def test_a_source_that_stays_away_is_given_up(run_cameras):
    run = run_cameras(Camera(5), SourceError("It is gone."), give_up_s=0.2)

    run.take_all()

    assert "cam was away for 0.2 s: It is gone." in str(run.feed.error)
    assert run.states[-1].state == "ended"


def test_stopping_does_not_wait_for_the_back_off(run_feed, monkeypatch):
    monkeypatch.setattr(live_feed, "BACKOFF", Backoff(first_s=1e6, longest_s=1e6))

    def make(given, rate_fps):
        return LiveFeed("cam", away, given, rate_fps)

    def away() -> Capture:
        raise SourceError("It is away.")

    run = run_feed(make)
    run.wait_for("connecting", "lost")
    run.feed.stop()

    assert run.feed.finished
    assert run.feed.join(30)
    assert run.feed.error is None


def test_a_grab_that_never_returns_is_a_stall_and_keeps_nobody(run_cameras):
    hanging = Camera(5, then="hang")
    run, other = run_cameras(hanging, stalled_s=0.3), run_cameras(Camera(), stalled_s=0.3)
    run.wait_for("live", "stalled")
    run.feed.stop()

    assert run.feed.finished
    assert not run.feed.join(0.05)
    run.wait_for("stalled", "ended")
    other.more(3)
    assert other.conditions == ["connecting", "live"]
    hanging.unhang.set()


def test_a_source_that_never_opens_is_a_stall(run_feed, monkeypatch):
    monkeypatch.setattr(live_feed, "OPENING_S", 0.1)
    opened = threading.Event()

    def connect():
        opened.wait()
        return Camera()

    def make(given, rate_fps):
        return LiveFeed("cam", connect, given, rate_fps)

    run = run_feed(make, stalled_s=0.1)
    run.wait_for("connecting", "stalled")
    assert "it has not opened" in run.states[-1].reason
    opened.set()
    run.wait_for("stalled", "live")


def test_a_frozen_picture_is_a_stall_until_it_changes(run_cameras):
    camera = Camera(same=True)
    run = run_cameras(camera, stalled_s=0.3)
    run.wait_for("live", "stalled")
    read = run.feed.counters.read
    run.take_until(lambda: run.feed.counters.read > read + 50)
    given = len(run.frames)
    assert run.conditions == ["connecting", "live", "stalled"]

    camera.same = False
    run.wait_for("stalled", "live")
    run.more(2)

    times = [captured.frame.time_s for captured in run.frames]
    assert times[given] - times[given - 1] > 0.3  # the gap is seen


def test_the_newest_due_frame_waits_and_the_others_are_counted(run_cameras):
    run = run_cameras(Camera(100, then="end"), rate_fps=1000)
    while not run.feed.mailbox._closed:
        run.options.wake.wait(0.05)

    last = run.feed.take()

    assert last is not None
    assert (last.frame.index, last.due) == (99, True)
    assert run.feed.take() is None
    assert run.feed.finished
    assert run.feed.counters.sampled == run.feed.counters.dropped + 1


def test_with_every_frame_those_that_are_not_due_come_too_and_never_replace_due_ones(run_cameras):
    run = run_cameras(Camera(60, then="end"), rate_fps=5.0, every_frame=True)

    frames = run.take_all()

    assert sum(captured.due for captured in frames) == run.feed.counters.sampled
    assert len(frames) > 2 * run.feed.counters.sampled
    assert run.feed.counters.dropped == 0


def test_a_tap_sees_every_picture_that_it_wants_however_few_are_taken(run_cameras):
    taken = []

    class Tap:
        def wants(self, source, time_s):
            return True

        def take(self, source, frame, *, live):
            taken.append((frame.index, live))

    run = run_cameras(Camera(30, then="end"), rate_fps=2.0, tap=Tap())
    run.take_all()

    assert taken == [(index, True) for index in range(30)]
    assert all(captured.due for captured in run.frames)


def test_a_mask_hides_a_part_of_each_picture_from_everybody(run_cameras):
    seen = []

    class Tap:
        def wants(self, source, time_s):
            return True

        def take(self, source, frame, *, live):
            seen.append(frame.image_hwc)

    mask = Mask((area_of([0, 0, 0.5, 1]),))
    run = run_cameras(Camera(20, then="end"), rate_fps=50.0, tap=Tap(), mask=mask)
    run.take_all()

    seen += [captured.frame.image_hwc for captured in run.frames]
    assert len(seen) > 20
    assert not any(image[:, :32].any() for image in seen)
    assert sum(image[:, 32:].all() for image in seen) > 10


def test_only_wanted_frames_are_converted(run_cameras, monkeypatch):
    converted = []
    real = Camera.retrieve
    monkeypatch.setattr(Camera, "retrieve", lambda self: converted.append(1) or real(self))
    run = run_cameras(Camera(60, then="end"), rate_fps=5.0)

    run.take_all()

    assert len(converted) == run.feed.counters.sampled < run.feed.counters.read == 60


def test_the_rate_may_change_while_it_runs(run_cameras):
    run = run_cameras(Camera(), rate_fps=0.001)
    run.more(1)

    run.feed.rate_fps = 20.0

    run.more(3)


def test_pictures_that_cannot_be_converted_are_a_break(run_cameras):
    run = run_cameras(Camera(broken_picture=True), Camera())

    run.wait_for("connecting", "lost", "live")

    assert "cannot be converted" in run.states[1].reason


def test_seconds_end_a_live_source_whatever_it_does(run_cameras):
    for camera in (Camera(), Camera(5), Camera(5, then="hang")):
        run = run_cameras(camera, SourceError("It is gone."), seconds=0.5)
        run.take_until(lambda run=run: run.feed.finished)
        run.wait_for("ended")
        assert run.feed.error is None
        assert all(captured.frame.time_s < 0.5 for captured in run.frames)
        camera.unhang.set()


def test_seconds_without_any_frame_are_an_error(run_cameras):
    run = run_cameras(SourceError("It is away."), seconds=0.3)

    run.take_all()

    assert "gave no frame within 0.3 s" in str(run.feed.error)


def test_a_fault_of_our_own_ends_the_feed_and_is_logged(run_feed, caplog):
    def connect() -> Capture:
        raise ZeroDivisionError

    def make(given, rate_fps):
        return LiveFeed("cam", connect, given, rate_fps)

    run = run_feed(make)
    run.take_all()

    assert "ZeroDivisionError" in str(run.feed.error)
    assert "Traceback" in caplog.text


def test_frames_that_waited_before_the_stream_was_opened_are_told_from_new_ones():
    backlog = Backlog(fps=30.0, opened_s=10.0)

    old = [backlog.is_old(now_s) for now_s in (10.001, 10.002, 10.003, 10.03, 10.031, 10.2)]

    assert old == [True, True, True, False, False, False]


def test_segments_are_played_at_the_pace_of_their_stamps():
    playback = Playback()
    waits = [playback.wait_s(stamp_s, 100.0) for stamp_s in (7.0, 7.04, 7.08)]

    assert waits == pytest.approx([0.0, 0.04, 0.08])
    assert playback.wait_s(7.12, 105.0) == 0.0  # late: the pace goes on from there
    assert playback.wait_s(7.16, 105.0) == pytest.approx(0.04)
    assert playback.wait_s(50.0, 105.0) == 0.0  # a gap of the source's
    assert playback.wait_s(50.04, 105.0) == pytest.approx(0.04)
