import errno
import logging
import threading
import time
from collections.abc import Callable

import cv2
import numpy as np
import pytest

from stzsar.runtime.errors import SourceError, StzsarError
from stzsar.runtime.results import Recognition, Score
from stzsar.runtime.sinks import video as video_module
from stzsar.runtime.sinks import videos as videos_module
from stzsar.runtime.sinks.video import AnnotatedVideo
from stzsar.runtime.sinks.videos import MAX_WAITING, AnnotatedVideos, VideoPlan
from stzsar.runtime.sources.frames import Frame
from stzsar.runtime.video.writer import open_writer

pytestmark = pytest.mark.usefixtures("decoder")

LATEST = Recognition("x", 0.0, 1.0, 4, (Score("red", 0.75, 0.5),))


@pytest.fixture(autouse=True)
def said(caplog):
    caplog.set_level(logging.WARNING, logger="stzsar")
    return lambda: [record.getMessage() for record in caplog.records]


@pytest.fixture
def slow_encoder(monkeypatch):
    """An encoder that waits for its event before each picture."""
    allowed = threading.Event()

    class Slow:
        def __init__(self, *arguments):
            self.writer = open_writer(*arguments)
            self.close = self.writer.close

        def write(self, image):
            allowed.wait()
            self.writer.write(image)

    monkeypatch.setattr(video_module, "open_writer", Slow)
    return allowed


def frame(picture, index, fps=10.0, *size_hw):
    return Frame(picture("red", *size_hw), index / fps, index)


def count(path):
    capture, number = cv2.VideoCapture(str(path)), 0
    while capture.grab():
        number += 1
    return number


def test_every_picture_of_a_file_is_there_when_its_source_has_ended(tmp_path, picture):
    rates = {"a": 10.0, "b": 20.0}
    plans = {
        name: VideoPlan(tmp_path / f"{name}.mp4", live=False, fps=lambda name=name: rates[name])
        for name in rates
    }
    sink = AnnotatedVideos(plans)
    for index in range(30):
        for name in (*rates, "one without a video"):
            sink.show(name, frame(picture, index), LATEST)

    sink.source_ended("a")
    assert count(tmp_path / "a.mp4") == 30
    sink.close(10)
    assert count(tmp_path / "b.mp4") == 30
    assert cv2.VideoCapture(str(tmp_path / "b.mp4")).get(cv2.CAP_PROP_FPS) == 20
    assert sink.counters.delivered == 60
    assert len(list(tmp_path.iterdir())) == 2


def test_a_live_stream_does_not_wait_for_its_encoder(tmp_path, picture, slow_encoder, said):
    sink = AnnotatedVideos({"x": VideoPlan(tmp_path / "x.mp4", live=True, fps=lambda: 10.0)})
    for index in range(300):
        sink.show("x", frame(picture, index), LATEST)
    dropped = sink.counters.dropped
    slow_encoder.set()
    sink.close(20)

    assert dropped >= 300 - MAX_WAITING - 1
    assert count(tmp_path / "x.mp4") >= sink.counters.delivered > 0
    assert sink.counters.delivered + sink.counters.dropped == 300
    assert "too slow" in said()[0]


def test_the_pictures_that_wait_are_bounded_by_their_size(tmp_path, slow_encoder):
    sink = AnnotatedVideos({"x": VideoPlan(tmp_path / "x.mp4", live=True)})
    large = np.zeros((1440, 2560, 3), np.uint8)  # 11 MB
    for index in range(20):
        sink.show("x", Frame(large, index / 10, index), None)

    assert sink.counters.dropped >= 17
    slow_encoder.set()
    sink.close(20)


def test_a_live_video_is_playable_when_time_to_close_is_short(tmp_path, picture):
    sink = AnnotatedVideos(
        {name: VideoPlan(tmp_path / f"{name}.mp4", live=True, fps=lambda: 10.0) for name in "abcd"}
    )
    for index in range(16):
        for name in "abcd":
            sink.show(name, frame(picture, index, 0.2), LATEST)  # 5 s between: 50 pictures each
    sink.close(10)

    for name in "abcd":
        assert count(tmp_path / f"{name}.mp4") > 0
    assert len(list(tmp_path.iterdir())) == 4


def test_a_live_video_lasts_as_long_as_what_it_shows_but_for_long_gaps(tmp_path, picture):
    video = AnnotatedVideo(tmp_path / "x.mp4", fps=10, live=True)
    for time_s in (0.0, 1.0, 3601.0, 3602.0):
        video.write(Frame(picture("red"), time_s, 0), None)
    video.finish()

    # 1 + 10 for the first second, 10 s of the hour, 10 for the last second.
    assert count(tmp_path / "x.mp4") == 1 + 10 + 100 + 10


def test_an_encoder_that_is_behind_repeats_nothing_and_has_no_debt_afterwards(tmp_path, picture):
    video = AnnotatedVideo(tmp_path / "x.mp4", fps=10, live=True)
    for time_s, hurry in ((0.0, False), (1.0, True), (2.0, True), (2.5, False)):
        video.write(Frame(picture("red"), time_s, 0), None, hurry=lambda hurry=hurry: hurry)
    video.finish()

    assert count(tmp_path / "x.mp4") == 1 + 1 + 1 + 5


@pytest.mark.parametrize("live", [True, False])
def test_a_source_that_no_encoder_can_write_is_a_matter_of_its_own(
    tmp_path, picture, monkeypatch, live, said
):
    monkeypatch.setattr(video_module, "MAX_SIDE_PX", 20_000)
    plans = {
        name: VideoPlan(tmp_path / f"{name}.mp4", live=live, fps=lambda: 10.0) for name in "ab"
    }
    sink = AnnotatedVideos(plans)
    wide = frame(picture, 0, 10.0, 64, 19_000)
    if live:
        while not any("Cannot write the video" in line for line in said()):
            sink.show("a", wide, None)
            time.sleep(0.02)
    else:
        with pytest.raises(SourceError, match="Cannot write the video"):
            sink.show("a", wide, None)
    sink.show("b", frame(picture, 0), None)
    sink.close(10)

    assert [path.name for path in tmp_path.iterdir()] == ["b.mp4"]


@pytest.mark.parametrize("live", [True, False])
def test_one_name_of_several_that_cannot_be_used_leaves_nothing_behind(tmp_path, live):
    names = ("a.mp4", "b.mp4", "c.avi")
    with pytest.raises(StzsarError, match=r"ends in \.mp4"):
        AnnotatedVideos({name: VideoPlan(tmp_path / name, live=live) for name in names})

    assert not list(tmp_path.iterdir())


class FullDisk:
    """Stands in for a writer whose disk is full from some moment on."""

    def __init__(self, path, *arguments):
        self.writer = open_writer(path, *arguments)
        self.is_full: Callable[[], bool] = lambda: False
        self.fails_to_close = path.name.startswith("a")

    def write(self, image):
        if self.is_full():
            raise OSError(errno.ENOSPC, "No space left on device")
        self.writer.write(image)

    def close(self):
        self.writer.close()
        if self.fails_to_close:
            raise OSError(errno.ENOSPC, "No space left on device")


@pytest.mark.parametrize("live", [True, False])
def test_a_video_that_is_incomplete_is_said_at_the_end_and_the_others_are_complete(
    tmp_path, picture, monkeypatch, live, decoder
):
    plans = {name: VideoPlan(tmp_path / f"{name}.mp4", live=live) for name in "ab"}
    (tmp_path / "b.mp4").write_text("old")
    opened = []

    def open_full(path, *arguments):
        opened.append(FullDisk(path, *arguments))
        opened[-1].fails_to_close = len(opened) == 1
        return opened[-1]

    monkeypatch.setattr(video_module, "open_writer", open_full)
    sink = AnnotatedVideos(plans)
    for done, name in enumerate("ab", 1):
        sink.show(name, frame(picture, 0), None)
        until(lambda done=done: sink.counters.delivered == done)
    with pytest.raises(StzsarError, match=r"a\.mp4 could not be written: is the disk full"):
        sink.close(10)

    assert count(tmp_path / ("b-2.mp4" if live else "b.mp4")) == 1
    # What a live video has in H.264 plays, so it stays.
    assert (tmp_path / "a.mp4").exists() == (live and decoder == "PyAV")
    assert not list(tmp_path.glob(".*"))


def test_a_live_video_goes_on_in_another_file_once_the_disk_has_room_again(
    tmp_path, picture, monkeypatch, said
):
    disk = {"full": False}

    def open_on_disk(*arguments):
        writer = FullDisk(*arguments)
        writer.is_full = lambda: disk["full"]
        return writer

    monkeypatch.setattr(video_module, "open_writer", open_on_disk)
    monkeypatch.setattr(videos_module, "RETRY_S", 0.0)
    sink = AnnotatedVideos({"x": VideoPlan(tmp_path / "x.mp4", live=True, fps=lambda: 10.0)})
    for index, full in enumerate([False] * 5 + [True] * 5 + [False] * 5):
        disk["full"] = full
        sink.show("x", frame(picture, index), LATEST)
        until(lambda index=index: sink.counters.delivered + sink.counters.failed == index + 1)
    sink.close(10)

    assert (sink.counters.delivered, sink.counters.failed) == (10, 5)
    videos = sorted(tmp_path.iterdir())
    assert sum(count(path) for path in videos) == 10
    assert len(videos) == 2
    assert sum("x.mp4: No space left on device; the run goes on" in line for line in said()) == 1


def until(condition):
    deadline_s = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline_s
        time.sleep(0.005)
