"""Files as feeds: nothing dropped, order kept, and damage told at the end."""

import os
import threading
import time

import cv2
import numpy as np
import pytest

from stzsar.runtime.sources.thread_feed import AHEAD

pytestmark = pytest.mark.usefixtures("decoder")


def indices(run):
    return [captured.frame.index for captured in run.frames]


def test_a_file_gives_its_due_frames_in_order_and_drops_none(run_feed, red_video):
    run = run_feed(red_video, rate_fps=4.0)

    frames = run.take_all()

    assert indices(run) == list(range(0, 16, 2))
    assert all(captured.due and captured.time is None for captured in frames)
    assert run.feed.live is False
    assert (run.feed.source_fps, run.feed.frame_count) == (8.0, 16)
    assert (run.feed.counters.read, run.feed.counters.sampled) == (16, 8)
    assert run.feed.error is None
    assert run.states == []


def test_a_file_waits_for_a_slow_taker(run_feed, tmp_path, draw_video):
    run = run_feed(draw_video(tmp_path / "long.avi", ["red"] * 100), every_frame=True)
    while run.feed.counters.read <= AHEAD:
        run.options.wake.wait(0.05)
    time.sleep(0.2)

    assert run.feed.counters.read == AHEAD + 1  # those in the mailbox, and one that waits for room
    assert not run.feed.finished
    run.take_all()
    assert indices(run) == list(range(100))
    assert run.feed.counters.dropped == 0


def test_every_frame_comes_when_asked_for_and_says_whether_it_is_due(run_feed, red_video):
    frames = run_feed(red_video, rate_fps=4.0, every_frame=True).take_all()

    assert [captured.due for captured in frames] == [True, False] * 8


class Tap:
    """Takes a picture each second, and says where it was taken."""

    def __init__(self):
        self.taken = []

    def wants(self, source, time_s):
        return round(time_s * 8) % 8 == 1

    def take(self, source, frame, *, live):
        self.taken.append((source, frame.index, live, threading.current_thread().name))


def test_a_tap_sees_pictures_of_its_own_in_the_thread_that_decodes(run_feed, red_video):
    tap = Tap()
    run = run_feed(red_video, rate_fps=4.0, tap=tap)

    run.take_all()

    assert indices(run) == list(range(0, 16, 2))
    name = run.feed.name
    assert tap.taken == [(name, index, False, f"feed {name}") for index in (1, 9)]


def test_a_file_stops_after_the_seconds_that_were_asked_for(run_feed, red_video):
    run = run_feed(red_video, every_frame=True, seconds=1.0)

    run.take_all()

    assert indices(run) == list(range(8))
    assert run.feed.error is None


def test_a_file_that_is_stopped_ends_although_nobody_takes(run_feed, tmp_path, draw_video):
    run = run_feed(draw_video(tmp_path / "long.avi", ["red"] * 100), every_frame=True)
    while run.feed.counters.read <= AHEAD:
        run.options.wake.wait(0.05)

    run.feed.stop()

    assert run.feed.join(30)
    assert run.feed.finished
    assert run.feed.take() is None


def test_a_truncated_file_gives_its_frames_and_then_its_error(run_feed, tmp_path, draw_video, cut):
    path = cut(draw_video(tmp_path / "clip.avi", ["red"] * 40), 0.5)
    run = run_feed(path, every_frame=True)

    run.take_all()

    assert 5 < len(run.frames) < 30
    assert "of 40 announced frames" in str(run.feed.error)


@pytest.mark.parametrize(
    ("content", "message"),
    [(b"", "empty file"), (b"garbage\n" * 5000, "not a video that can be read")],
)
def test_what_is_no_video_is_an_error(run_feed, tmp_path, content, message):
    (tmp_path / "clip.mp4").write_bytes(content)
    run = run_feed(tmp_path / "clip.mp4")

    assert run.take_all() == []
    assert message in str(run.feed.error)


def test_a_missing_file_is_an_error_and_file_addresses_are_files(run_feed, tmp_path, red_video):
    gone = run_feed(tmp_path / "gone.mp4")
    there = run_feed(f"file://{red_video}", rate_fps=4.0)

    assert gone.take_all() == []
    assert "No such file" in str(gone.feed.error)
    assert len(there.take_all()) == 8


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes with names on this system")
def test_a_pipe_is_read_to_its_end_and_keeps_nobody_waiting(run_feed, tmp_path, red_video):
    data = red_video.read_bytes()
    pipe = tmp_path / "pipe.avi"
    os.mkfifo(pipe)
    run = run_feed(pipe, every_frame=True)  # opening it waits, in the feed's own thread
    threading.Thread(target=pipe.write_bytes, args=(data,), daemon=True).start()

    run.take_all()

    assert len(run.frames) == 16


def test_a_file_that_is_being_written_ends_where_it_ends_now(run_feed, tmp_path, draw_video):
    whole = draw_video(tmp_path / "whole.avi", ["red"] * 40).read_bytes()
    growing = tmp_path / "growing.avi"
    growing.write_bytes(whole[: len(whole) // 2])
    run = run_feed(growing, every_frame=True)
    run.more(2)
    first = len(run.take_all())

    with growing.open("ab") as file:
        file.write(whole[len(whole) // 2 :])
    again = run_feed(growing, every_frame=True)

    assert 5 < first < 30
    assert "announced frames" in str(run.feed.error)
    assert len(again.take_all()) == 40
    assert again.feed.error is None


def test_a_change_of_size_begins_a_new_piece_and_squeezes_nothing(run_feed, tmp_path, decoder):
    """Motion JPEG of a phone that turns, as a file."""
    if decoder == "OpenCV":
        pytest.skip("OpenCV squeezes all pictures into the first one's size")
    jpegs = [
        cv2.imencode(".jpg", np.full((*size_hw, 3), 90, np.uint8))[1].tobytes()
        for size_hw in [(48, 64)] * 4 + [(64, 48)] * 4
    ]
    (tmp_path / "turn.mjpeg").write_bytes(b"".join(jpegs))

    frames = run_feed(tmp_path / "turn.mjpeg", every_frame=True).take_all()

    assert [captured.connection for captured in frames] == [1] * 4 + [2] * 4
    assert [captured.frame.image_hwc.shape[:2] for captured in frames[::7]] == [(48, 64), (64, 48)]


@pytest.mark.live
def test_a_file_behind_an_address_is_a_file(mjpeg_server, run_feed, tmp_path, draw_video):
    draw_video(tmp_path / "clip.mp4", ["red"] * 40)
    run = run_feed(mjpeg_server.url("clip.mp4"), every_frame=True)

    run.take_all()

    assert indices(run) == list(range(40))
    assert (run.feed.live, run.feed.frame_count, run.feed.error) == (False, 40, None)
    assert run.conditions == ["connecting", "live", "ended"]


def test_a_file_of_variable_rate_gives_the_times_of_its_frames(run_feed, tmp_path, ffmpeg):
    """Twenty frames in the first second, then four in each."""
    path = tmp_path / "vfr.mp4"
    ffmpeg("-f", "lavfi", "-i", "testsrc=size=64x48:rate=20:duration=3",
           "-vf", "select='lt(n,20)+not(mod(n,5))'", "-fps_mode", "vfr", path)  # fmt: skip
    kept = [n / 20 for n in range(60) if n < 20 or n % 5 == 0]

    every = run_feed(path, every_frame=True).take_all()
    due = run_feed(path, rate_fps=4.0).take_all()

    assert [c.frame.time_s for c in every] == pytest.approx(kept, abs=1e-3)
    assert [c.frame.time_s for c in due] == pytest.approx([i / 4 for i in range(12)], abs=1e-3)


def upright_frame(ffmpeg, path, tmp_path):
    """The first frame as FFmpeg itself turns it."""
    ffmpeg("-i", path, "-frames:v", 1, tmp_path / "upright.png")
    picture = cv2.imread(str(tmp_path / "upright.png"))
    assert picture is not None
    return picture


@pytest.mark.parametrize("turn", [90, 180, 270])
def test_a_rotated_file_gives_upright_frames(run_feed, tmp_path, ffmpeg, turn):
    """As a telephone films: the picture lies on its side, and a note says how to turn it."""
    plain, turned = tmp_path / "plain.mp4", tmp_path / "turned.mp4"
    ffmpeg("-f", "lavfi", "-i", "testsrc=size=64x48:rate=8:duration=1", plain)
    ffmpeg("-i", plain, "-c", "copy", "-metadata:s:v:0", f"rotate={turn}", turned)

    lying = run_feed(plain).take_all()[0].frame.image_hwc
    image = run_feed(turned).take_all()[0].frame.image_hwc

    upright = upright_frame(ffmpeg, turned, tmp_path)
    assert image.shape == upright.shape
    assert np.abs(image.astype(int) - upright).mean() < 3
    assert image.shape != lying.shape or np.abs(image.astype(int) - lying).mean() > 20


def test_real_clips_of_variable_rate_and_rotated_ones_are_read_right(
    run_feed, shared_clips, tmp_path, ffmpeg
):
    vfr = next(shared_clips.glob("derived__vfr__*"), None)
    turned = next(shared_clips.glob("derived__rot90__*"), None)
    if vfr is None or turned is None:
        pytest.skip("the real clips hold none of variable rate, or no rotated one")

    frames = run_feed(vfr, every_frame=True).take_all()
    image = run_feed(turned).take_all()[0].frame.image_hwc

    steps = np.diff([captured.frame.time_s for captured in frames])
    assert steps.min() > 0
    assert steps.max() > 1.9 * steps.min()  # gaps are where frames were left out
    assert np.abs(image.astype(int) - upright_frame(ffmpeg, turned, tmp_path)).mean() < 3
