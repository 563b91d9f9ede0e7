"""The state of a live source, and how a stall is noticed: a frozen picture or a hung thread."""

import logging
import threading
import time
from collections.abc import Callable
from typing import Any, Protocol

import numpy.typing as npt

from ..preprocessing.opencv import load_cv2
from ..results import StreamCondition, StreamState

log = logging.getLogger(__name__)

Array = npt.NDArray[Any]
CHECK_EVERY_S = 0.2
# Decoders may round differently; a living sensor's noise is larger somewhere in the picture.
# A frozen sensor whose picture is encoded anew goes unnoticed: it differs as much as a quiet
# scene does (13 levels measured, H.264 at 300 kbit/s).
SAME_WITHIN = 2


class StateReporter:
    """Reports each change of one live source's state; any thread may call it.

    Attributes:
        state: the latest; None before the first.
    """

    def __init__(self, name: str, report: Callable[[StreamState], None]) -> None:
        self.state: StreamCondition | None = None
        self._name = name
        self._report = report
        self._lock = threading.RLock()

    def change(
        self,
        state: StreamCondition,
        reason: str = "",
        *,
        unless: Callable[[], bool] = lambda: False,
    ) -> None:
        """Report a change, unless the source has ended or `unless` is true now."""
        with self._lock:
            if self.state in (state, "ended") or unless():
                return
            self.state = state
            self._report(StreamState(self._name, state, reason, time.time()))


class FrozenPicture:
    """Measures how long a stream has shown the same picture: a hung camera repeats its last."""

    def __init__(self) -> None:
        self._picture: Array | None = None
        self._since_s = 0.0

    def same_for_s(self, image_hwc: Array, now_s: float) -> float:
        """Return how many seconds the stream has shown `image_hwc`; 0 if it is new."""
        if self._picture is None or not _is_same(self._picture, image_hwc):
            self._picture, self._since_s = image_hwc, now_s
        return now_s - self._since_s


def _is_same(first: Array, second: Array) -> bool:
    if first.shape != second.shape:
        return False
    cv2 = load_cv2()
    return cv2.norm(first, second, cv2.NORM_INF) <= SAME_WITHIN


class Watched(Protocol):
    """What the stall watch checks."""

    def look(self, now_s: float) -> None:
        """Check what is overdue at `now_s`, by `time.monotonic`."""
        ...


class StallWatch:
    """One thread that checks all live sources, because theirs may hang inside a driver."""

    def __init__(self) -> None:
        self._watched: set[Watched] = set()
        self._lock = threading.Lock()
        self._running = False

    def add(self, feed: Watched) -> None:
        """Check `feed` from now on."""
        with self._lock:
            self._watched.add(feed)
            if not self._running:
                self._running = True
                threading.Thread(target=self._run, name="stall watch", daemon=True).start()

    def remove(self, feed: Watched) -> None:
        """Stop checking it."""
        with self._lock:
            self._watched.discard(feed)

    def _run(self) -> None:
        while True:
            time.sleep(CHECK_EVERY_S)
            with self._lock:
                watched = tuple(self._watched)
                if not watched:
                    self._running = False
                    return
            for feed in watched:
                try:
                    feed.look(time.monotonic())
                except Exception:  # the other sources still need it
                    log.exception("bug in stzsar, in the stall watch")


STALL_WATCH = StallWatch()
