import os
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path

import cv2
import numpy as np
import pytest

from stzsar.runtime.drawing.overlay import draw_caption
from stzsar.runtime.errors import EngineError
from stzsar.runtime.preprocessing.opencv import has_gui
from stzsar.runtime.results import Recognition, Score, StreamState
from stzsar.runtime.sinks import window as window_module
from stzsar.runtime.sinks.window import LiveWindow, check_window, tile_size, tile_up
from stzsar.runtime.sources.frames import Frame

LATEST = Recognition("x", 0.0, 1.0, 4, (Score("red", 0.75, 0.5),))
HAS_GUI = has_gui()


def until(condition):
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


class Screen:
    """Stands for the GUI's calls of cv2, as the wheel of the tests has none."""

    error = cv2.error
    WINDOW_NORMAL, WND_PROP_VISIBLE = cv2.WINDOW_NORMAL, cv2.WND_PROP_VISIBLE

    def __init__(self):
        self.shown, self.threads, self.key = [], set(), -1
        self.visible: float | None = 1.0
        self.is_open = False
        self.broken = False

    def namedWindow(self, *_):  # noqa: N802
        self.is_open = True

    def resizeWindow(self, *_): ...  # noqa: N802

    def imshow(self, _title, image):
        if self.broken:
            raise cv2.error("the display went away")
        self.threads.add(threading.current_thread().name)
        self.shown.append((time.monotonic(), image))

    def waitKey(self, milliseconds):  # noqa: N802
        time.sleep(milliseconds / 1000)
        return self.key

    def getWindowProperty(self, *_):  # noqa: N802
        if self.visible is None:
            raise cv2.error("NULL guiReceiver (please create a window)")
        return self.visible

    def destroyAllWindows(self):  # noqa: N802
        self.is_open = False


@pytest.fixture
def screen(monkeypatch):
    screen = Screen()
    monkeypatch.setattr(window_module, "load_cv2", lambda: screen)
    monkeypatch.setattr(window_module, "check_window", lambda: None)
    return screen


def show(sink, source="a", colour=(0, 0, 255), time_s=0.0):
    sink.show(source, Frame(np.full((48, 64, 3), colour, np.uint8), time_s, 0), LATEST)


def test_the_newest_picture_is_drawn_in_the_windows_own_thread(screen):
    sink = LiveWindow(lambda: None)
    show(sink, colour=(255, 0, 0))
    until(lambda: screen.shown)
    for index in range(50):
        show(sink, colour=(0, 0, 255), time_s=index / 10)
    until(lambda: screen.shown[-1][1][360, 640, 2] == 255)
    sink.close(30)

    assert screen.shown[-1][1].shape == (720, 1280, 3)
    assert len(screen.shown) < 50
    assert screen.threads == {"window"}
    assert not screen.is_open


def test_the_picture_of_a_source_is_not_drawn_on(screen):
    image = np.full((720, 1280, 3), 200, np.uint8)
    sink = LiveWindow(lambda: None)
    sink.show("a", Frame(image, 0.0, 0), LATEST)
    until(lambda: screen.shown)
    sink.close(30)

    assert (image == 200).all()
    assert (screen.shown[-1][1] != 200).any()


def test_a_picture_is_drawn_once_and_the_window_lives_on_without_new_ones(screen):
    sink = LiveWindow(lambda: None)
    show(sink)
    until(lambda: screen.shown)
    time.sleep(0.2)
    drawn = len(screen.shown)
    screen.key = ord("x")
    sink.close(30)

    assert drawn == 1


@pytest.mark.parametrize("how", ["q", "Q", "Esc", "closed", "closed in Qt"])
def test_q_esc_and_closing_the_window_ask_the_run_to_stop_once(screen, how):
    asked = []
    sink = LiveWindow(lambda: asked.append(threading.current_thread().name))
    show(sink)
    until(lambda: screen.shown)
    assert asked == []

    if how.startswith("closed"):
        time.sleep(0.1)
        screen.visible = None if how == "closed in Qt" else 0.0
    else:
        screen.key = {"q": ord("q"), "Q": ord("Q"), "Esc": 27}[how]
    until(lambda: asked)
    show(sink)
    sink.close(30)

    assert asked == ["window"]
    assert not screen.is_open


def test_several_streams_are_tiles_with_names_and_states(screen):
    sink = LiveWindow(lambda: None)
    colours = {"a": (255, 0, 0), "b": (0, 255, 0), "c\x1b": (0, 0, 255)}
    for source, colour in colours.items():
        show(sink, source, colour)
    until(lambda: screen.shown and len({*map(tuple, _middles(screen.shown[-1][1]))}) == 4)
    before = screen.shown[-1][1]
    sink.put(StreamState("b", "lost", "", 1e9))
    until(lambda: not np.array_equal(screen.shown[-1][1], before))
    sink.source_ended("a")
    sink.source_ended("c\x1b")
    until(lambda: tuple(screen.shown[-1][1][360, 100]) == (0, 0, 0))
    sink.close(30)

    assert [tuple(pixel) for pixel in _middles(before)] == [*colours.values(), (0, 0, 0)]
    assert tuple(screen.shown[-1][1][360, 640]) == (0, 255, 0)


def _middles(image):
    return [image[y, x] for y in (180, 540) for x in (320, 960)]


def test_a_display_that_goes_away_does_not_end_the_run(screen, caplog):
    asked = []
    sink = LiveWindow(lambda: asked.append(1))
    screen.broken = True
    show(sink)
    until(lambda: caplog.records)
    show(sink)
    sink.close(30)

    assert "the run goes on without it" in caplog.records[0].getMessage()
    assert asked == []


def test_a_window_that_never_saw_a_picture_closes(screen):
    sink = LiveWindow(lambda: None)
    sink.close(30)

    assert not sink._thread.is_alive()


@pytest.mark.parametrize(
    ("count", "size_wh"),
    [(0, (1280, 720)), (1, (1280, 720)), (2, (640, 720)), (4, (640, 360)), (8, (426, 240))],
)
def test_tiles_fill_the_window(count, size_wh):
    assert tile_size(count) == size_wh
    if count:
        width, height = size_wh
        tiles = {str(n): np.full((height, width, 3), n + 1, np.uint8) for n in range(count)}
        whole = tile_up(tiles)
        assert whole.shape[0] <= 720
        assert whole.shape[1] <= 1280
        assert [(whole == n + 1).sum() for n in range(count)] == [width * height * 3] * count


def test_a_caption_of_any_text_stays_in_its_line():
    image = np.full((240, 300, 3), 200, np.uint8)
    draw_caption(image, "射\x00\x1b[2J\ud800" * 50)

    assert (image[50:] == 200).all()
    assert (image[26:40] != 200).any()


@pytest.mark.skipif(HAS_GUI, reason="this OpenCV has a GUI")
def test_an_opencv_without_windows_is_one_sentence_with_the_way_to_one():
    with pytest.raises(EngineError, match="pip install opencv-python, or leave --show out"):
        LiveWindow(lambda: None)


@pytest.mark.parametrize(
    ("display", "sentence"), [("", "DISPLAY is not set"), (":987", "on the display ':987'")]
)
def test_without_a_display_there_is_one_sentence(monkeypatch, display, sentence):
    monkeypatch.setattr(window_module, "has_gui", lambda: True)
    monkeypatch.setenv("DISPLAY", display)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)

    with pytest.raises(EngineError, match=sentence):
        check_window()


REAL = """
import sys, threading, time
import numpy as np
from stzsar.runtime.sinks.window import LiveWindow
from stzsar.runtime.sources.frames import Frame
stop = threading.Event()
sink = LiveWindow(stop.set)
print("open", flush=True)
index = 0
while not stop.wait(0.02):
    for source in "ab":
        picture = np.full((48, 64, 3), index % 256, np.uint8)
        sink.show(source, Frame(picture, index / 50, index), None)
    index += 1
sink.close(10)
print("stopped", flush=True)
"""


@pytest.mark.skipif(not HAS_GUI, reason="the OpenCV of the tests is headless: opencv-python")
@pytest.mark.skipif(not shutil.which("xvfb-run"), reason="apt install xvfb")
@pytest.mark.skipif(not shutil.which("xdotool"), reason="apt install xdotool")
@pytest.mark.skipif(not shutil.which("openbox"), reason="apt install openbox")
@pytest.mark.parametrize("how", ["key q", "key Escape", "keydown alt key F4 keyup alt"])
def test_a_real_window_on_a_real_display_stops_the_run(tmp_path, how):
    """Runs with the wheel opencv-python only; the one of the tests is headless."""
    program = tmp_path / "show.py"
    program.write_text(REAL)
    find = "xdotool search --sync --onlyvisible --name ^stzsar$"
    script = (
        f"openbox >/dev/null 2>&1 & manager=$!; {sys.executable} {program} & run=$!; sleep 1; "
        f"{find} windowactivate --sync; sleep 0.5; xdotool {how}; wait $run; kill $manager"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    environment.pop("WAYLAND_DISPLAY", None)
    done = subprocess.run(
        ["xvfb-run", "-a", "bash", "-c", script],
        capture_output=True,
        text=True,
        timeout=60,
        env=environment,
        cwd=Path.cwd(),
        check=False,
    )

    assert done.stdout.splitlines()[0] == "open", done.stderr
    assert done.stdout.splitlines()[-1] == "stopped", done.stderr
    assert done.stderr == ""
