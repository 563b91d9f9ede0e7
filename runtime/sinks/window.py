"""Show all sources with their results, as tiles of one window.

One window instead of one per stream: there is one thing to close, and streams do not cover each
other.
"""

import logging
import math
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ..drawing.overlay import draw_caption, draw_overlay, fit_inside
from ..errors import EngineError
from ..preprocessing.opencv import has_gui, load_cv2
from ..results import Message, Recognition, StreamState
from ..sources.frames import Frame

log = logging.getLogger(__name__)

TITLE = "stzsar"
WINDOW_WH = (1280, 720)
REDRAW_S = 1 / 30
MAX_TILES = 64
PROBE_S = 30.0
_QUIT_KEYS = (ord("q"), ord("Q"), 27)
# A GUI without a display aborts its process, so another process tries it.
_PROBE = f"import cv2; cv2.namedWindow({TITLE!r}); cv2.waitKey(1); cv2.destroyAllWindows()"

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class _Picture:
    image_hwc: Array
    time_s: float
    latest: Recognition | None


class LiveWindow:
    """Shows the newest picture of each source, at most `1 / REDRAW_S` times a second.

    Its own thread draws and reads keys, so that a slow display delays nothing and the window
    responds while no picture comes.

    Attributes: see `sink.Sink`.
    """

    name = "window"
    wants_frames = True

    def __init__(self, on_quit: Callable[[], None]) -> None:
        """Check that a window can be opened; the first picture opens it.

        Args:
            on_quit: called once, from the window's thread, when the user presses q or Esc or closes
                the window; should stop the run as Ctrl-C would.

        Raises:
            EngineError: OpenCV has no GUI, or no display to use.
        """
        check_window()
        self._on_quit = on_quit
        self._changed = threading.Condition()
        self._newest: dict[str, _Picture] = {}
        self._states: dict[str, str] = {}
        self._is_new = self._closing = False
        self._thread = threading.Thread(target=self._work, name=self.name, daemon=True)
        self._thread.start()

    def put(self, message: Message) -> None:
        """Remember a stream's state, which its tile shows."""
        if isinstance(message, StreamState):
            with self._changed:
                if message.source in self._states or len(self._states) < MAX_TILES:
                    self._states[message.source] = message.state
                    self._is_new = True

    def show(self, source: str, frame: Frame, latest: Recognition | None) -> None:
        """Show a picture, unless a newer one arrives before the next redraw."""
        with self._changed:
            if source in self._newest or len(self._newest) < MAX_TILES:
                self._newest[source] = _Picture(frame.image_hwc, frame.time_s, latest)
                self._is_new = True
                self._changed.notify_all()

    def source_ended(self, source: str) -> None:
        """Remove its tile."""
        with self._changed:
            self._newest.pop(source, None)
            self._states.pop(source, None)
            self._is_new = True

    def close(self, timeout_s: float) -> None:
        """Close the window."""
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        self._thread.join(timeout_s)

    def _work(self) -> None:
        try:
            with self._changed:
                self._changed.wait_for(lambda: self._newest or self._closing)
            if not self._closing and self._look_and_draw():
                self._on_quit()
        except Exception as error:  # such as a display that went away: no reason to end the run
            log.warning("The window failed (%s); the run goes on without it.", error)
        finally:
            with self._changed:
                self._newest.clear()

    def _look_and_draw(self) -> bool:
        """Redraw until the run closes; return whether the user asked to stop it."""
        cv2 = load_cv2()
        _be_quiet()
        cv2.namedWindow(TITLE, cv2.WINDOW_NORMAL)
        cv2.resizeWindow(TITLE, *WINDOW_WH)
        was_seen = False
        try:
            while not self._closing:
                begin_s = time.monotonic()
                if tiles := self._tiles():
                    cv2.imshow(TITLE, tile_up(tiles))
                rest_s = REDRAW_S - (time.monotonic() - begin_s)
                # Only waitKey keeps the window responsive, so it gets at least a millisecond.
                if cv2.waitKey(max(1, round(rest_s * 1000))) & 0xFF in _QUIT_KEYS:
                    return True
                is_seen = _is_visible(cv2)
                if was_seen and not is_seen:
                    return True
                was_seen = is_seen
            return False
        finally:
            cv2.destroyAllWindows()
            cv2.waitKey(1)

    def _tiles(self) -> dict[str, Array]:
        """Return each source's tile; none if nothing is new."""
        with self._changed:
            if not self._is_new:
                return {}
            self._is_new = False
            newest, states = dict(self._newest), dict(self._states)
        size_wh = tile_size(len(newest))
        tiles: dict[str, Array] = {}
        for source, picture in newest.items():
            tile = fit_inside(picture.image_hwc, size_wh)
            draw_overlay(tile, picture.time_s, picture.latest)
            state = states.get(source, "live")
            words = [source] if len(newest) > 1 else []
            words += [state] if state != "live" else []
            if words:
                draw_caption(tile, "  ".join(words))
            tiles[source] = tile
        return tiles


def check_window() -> None:
    """Check that a window can be opened here.

    Raises:
        EngineError: it cannot; the message says how to get one.
    """
    if not has_gui():
        raise EngineError(
            "--show needs an OpenCV with windows: run pip uninstall -y "
            "opencv-python-headless && pip install opencv-python, or leave --show out."
        )
    if sys.platform.startswith("linux") and not (
        os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    ):
        raise EngineError(
            "--show needs a display, and DISPLAY is not set: run it on the device's own screen or "
            "through ssh -X, or leave --show out."
        )
    _be_quiet()
    try:
        probe = subprocess.run(
            [sys.executable, "-c", _PROBE], capture_output=True, timeout=PROBE_S, check=False
        )
        works, said = probe.returncode == 0, probe.stderr.decode(errors="replace")
    except (OSError, subprocess.SubprocessError) as error:
        works, said = False, str(error)
    if not works:
        lines = [line.strip() for line in said.splitlines() if "display" in line.lower()]
        reason = f" ({lines[0][:200]})" if lines else ""
        raise EngineError(
            f"--show cannot open a window on the display {os.environ.get('DISPLAY', '')!r}{reason}:"
            " check that you may use it, or leave --show out."
        )


def tile_size(count: int) -> tuple[int, int]:
    """Return width and height in pixels of each of `count` tiles."""
    columns = math.ceil(math.sqrt(max(1, count)))
    rows = math.ceil(max(1, count) / columns)
    return WINDOW_WH[0] // columns, WINDOW_WH[1] // rows


def tile_up(tiles: dict[str, Array]) -> Array:
    """Return all tiles, which have the same size, as one picture."""
    images = list(tiles.values())
    columns = math.ceil(math.sqrt(len(images)))
    height, width = images[0].shape[:2]
    rows = math.ceil(len(images) / columns)
    whole = np.zeros((rows * height, columns * width, 3), np.uint8)
    for place, image in enumerate(images):
        row, column = divmod(place, columns)
        whole[row * height : (row + 1) * height, column * width : (column + 1) * width] = image
    return whole


def _is_visible(cv2: Any) -> bool:
    try:
        return cv2.getWindowProperty(TITLE, cv2.WND_PROP_VISIBLE) >= 1
    except cv2.error:  # Qt has already forgotten the closed window
        return False


def _be_quiet() -> None:
    # Qt warns about fonts that it does not need and about its thread.
    os.environ.setdefault("QT_LOGGING_RULES", "*.warning=false;*.info=false")
