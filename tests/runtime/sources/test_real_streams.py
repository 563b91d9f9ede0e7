"""Live feeds of real servers on loopback, which are killed, changed, paused and slowed."""

import importlib.util
import itertools
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest

pytestmark = pytest.mark.live


def shapes(run):
    return [captured.frame.image_hwc.shape for captured in run.frames]


def leave_until(run, condition):
    """Leave what comes where it is until `condition` is true."""
    end_s = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end_s
        run.options.wake.wait(0.05)
        run.options.wake.clear()


def test_an_rtsp_stream_comes_back_with_another_size_and_others_do_not_notice(
    rtsp_server, run_feed
):
    server, other = rtsp_server(), run_feed("test://moving-shapes?fps=30")
    run = run_feed(server.url())
    run.more(5)
    assert set(shapes(run)) == {(240, 320, 3)}

    server.kill()
    run.wait_for("connecting", "live", "lost")
    before = len(run.frames)
    server.start(width=640, height=480)
    run.wait_for("lost", "live")
    run.more(5)

    assert set(shapes(run)[before:]) == {(480, 640, 3)}
    assert run.feed.counters.connections == 2
    times = [captured.frame.time_s for captured in run.frames]
    assert times == sorted(times)
    assert times[before] - times[before - 1] >= 0.5  # it waits at least so long: a gap is seen
    other.more(5)
    assert other.conditions == ["connecting", "live"]
    other_times = [captured.frame.time_s for captured in other.frames]
    assert other_times == sorted(other_times)


@pytest.mark.parametrize("transport", ["TCP", "UDP"])
def test_an_rtsp_server_that_offers_one_transport_alone_is_read(rtsp_server, run_feed, transport):
    run = run_feed(rtsp_server(transport=transport).url())

    run.more(5)

    assert run.conditions == ["connecting", "live"]


def test_a_paused_rtsp_server_is_a_stall_and_goes_on(rtsp_server, run_feed):
    server = rtsp_server()
    run = run_feed(server.url(), stalled_s=1.0)
    run.more(3)

    server.send(signal.SIGSTOP)
    run.wait_for("live", "stalled")
    assert "no frame has come for 1 s" in run.states[-1].reason
    server.send(signal.SIGCONT)
    run.wait_for("stalled", "live")
    run.more(3)

    assert run.conditions == ["connecting", "live", "stalled", "live"]


def test_of_a_slowed_stream_the_newest_frame_wins_with_the_time_of_its_coming(
    rtsp_server, run_feed, throttle
):
    server = rtsp_server()
    proxy = throttle(server.port)
    run = run_feed(f"rtsp://127.0.0.1:{proxy.port}/cam")
    run.more(5)

    proxy.bytes_per_s = 10_000
    run.more(5)
    leave_until(run, lambda: run.feed.counters.dropped)
    taken_s = time.monotonic()
    newest, later = run.feed.take(), run.feed.take()

    assert newest is not None
    assert later is None or later.monotonic_s >= taken_s  # one waits, never a queue
    offsets = {c.monotonic_s - c.frame.time_s for c in [*run.frames, newest]}
    assert max(offsets) - min(offsets) < 1e-6  # one clock, whatever the stream says of itself
    assert all(b.frame.time_s > a.frame.time_s for a, b in itertools.pairwise(run.frames))


def test_an_rtsp_server_that_is_away_at_first_is_waited_for(rtsp_server, run_feed):
    server = rtsp_server()
    server.kill()
    run = run_feed(server.url())
    run.wait_for("connecting", "lost")
    assert "No video comes from rtsp://127.0.0.1" in run.states[-1].reason

    server.start()
    run.more(2)

    assert run.conditions == ["connecting", "lost", "live"]


def test_a_password_is_used_and_never_shown(rtsp_server, run_feed, capfd, caplog):
    caplog.set_level(0)
    server = rtsp_server(login="me:pa55word")
    wrong = run_feed(server.url("me:wr0ngword@"))
    right = run_feed(server.url("me:pa55word@"))
    right.more(2)
    wrong.wait_for("connecting", "lost")
    server.kill()
    right.wait_for("live", "lost")

    said = [repr(vars(run.feed)) for run in (wrong, right)]
    said += [repr(run.states) for run in (wrong, right)]
    said += [right.feed.name, *capfd.readouterr(), caplog.text]
    assert not any(secret in text for secret in ("pa55word", "wr0ngword") for text in said)


def test_an_mjpeg_stream_breaks_off_comes_back_and_may_have_another_size(mjpeg_server, run_feed):
    run = run_feed(mjpeg_server.url())
    run.more(3)

    mjpeg_server.mode = "broken"
    run.wait_for("live", "lost")
    mjpeg_server.size_wh = (96, 64)
    mjpeg_server.mode = "live"
    run.wait_for("lost", "live")
    run.more(2)

    assert shapes(run)[0] == (48, 64, 3)
    assert shapes(run)[-1] == (64, 96, 3)


@pytest.mark.parametrize(
    ("mode", "reason"), [("silent", "no frame has come"), ("frozen", "picture has not changed")]
)
def test_an_mjpeg_stream_that_shows_nothing_new_is_stalled_and_gives_no_frames(
    mjpeg_server, run_feed, mode, reason
):
    run = run_feed(mjpeg_server.url(), stalled_s=1.0)
    run.more(3)

    mjpeg_server.mode = mode
    run.wait_for("live", "stalled")
    assert reason in run.states[-1].reason
    stalled = len(run.frames)
    if mode == "frozen":
        read = run.feed.counters.read
        leave_until(run, lambda: run.feed.counters.read > read + 10)
        assert run.feed.take() is None
    mjpeg_server.mode = "live"
    run.wait_for("stalled", "live")

    assert len(run.frames) - stalled <= 1
    assert run.feed.counters.connections == 1


def test_hls_comes_in_segments_and_is_played_evenly(mjpeg_server, run_feed, tmp_path):
    """Two seconds of frames come at once; without the pace of their stamps one would be due."""
    program = shutil.which("ffmpeg")
    if program is None:
        pytest.skip("no ffmpeg: apt install what tests/debian_packages.txt lists")
    picture = "testsrc=size=64x48:rate=20"
    encoder = ["-c:v", "libx264", "-preset", "ultrafast", "-g", "20", "-threads", "1"]
    stream = ["-f", "hls", "-hls_time", "2", str(tmp_path / "live.m3u8")]
    with subprocess.Popen(
        [program, "-loglevel", "quiet", "-re", "-f", "lavfi", "-i", picture, *encoder, *stream],
        stdin=subprocess.DEVNULL,
    ) as encoding:
        try:
            run = run_feed(mjpeg_server.url("live.m3u8"), rate_fps=5.0)
            run.more(15)
        finally:
            encoding.kill()

    steps = [b.frame.time_s - a.frame.time_s for a, b in itertools.pairwise(run.frames)]
    assert sorted(steps)[len(steps) // 2] < 1.0  # else they are two seconds apart


GST = """
import time
from pathlib import Path
from stzsar.runtime.preprocessing.opencv import has_gstreamer
from stzsar.runtime.sources.feed import FeedOptions
from stzsar.runtime.sources.open_feed import open_feed
from stzsar.runtime.sources.spec import specs_of
assert has_gstreamer()
pipeline = ("gst:videotestsrc is-live=true pattern=ball ! video/x-raw,width=320,height=240 "
            "! videoconvert ! video/x-raw,format=BGR ! appsink drop=true max-buffers=1")
feed = open_feed(specs_of([pipeline])[0], FeedOptions(), 10.0)
feed.start()
shapes = []
while len(shapes) < 3 and not feed.finished:
    captured = feed.take()
    shapes += [captured.frame.image_hwc.shape] if captured else []
    time.sleep(0.01)
feed.stop()
assert feed.join(30)
print(feed.error, shapes)
"""


def test_a_pipeline_is_opened_by_an_opencv_that_has_gstreamer(root, tmp_path):
    """pip's wheels have none: it is tried with Debian's Python and Debian's OpenCV."""
    python = "/usr/bin/python3"
    probe = "import cv2, sys; sys.exit('GStreamer:                   YES' not in "
    probe += "cv2.getBuildInformation())"
    if not Path(python).exists() or subprocess.run([python, "-c", probe]).returncode:
        pytest.skip("no OpenCV with GStreamer: apt install what tests/debian_packages.txt lists")
    (tmp_path / "stzsar").symlink_to(root)  # whatever the checkout is called
    msgspec = importlib.util.find_spec("msgspec")
    if msgspec and msgspec.submodule_search_locations:  # Debian has none
        (tmp_path / "msgspec").symlink_to(msgspec.submodule_search_locations[0])
    environment = {"PYTHONPATH": str(tmp_path), "PATH": "/usr/bin:/bin"}

    done = subprocess.run(
        [python, "-c", GST], capture_output=True, text=True, env=environment, timeout=120
    )

    assert done.stdout.strip() == f"None {[(240, 320, 3)] * 3}", done.stderr
