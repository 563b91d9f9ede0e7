"""What a live source is doing, told once for each change; and the thread that sees it stall."""

import logging
import threading
import time
from collections.abc import Callable
from typing import Protocol

from ..results import StreamCondition, StreamState

log = logging.getLogger(__name__)

Tell = Callable[[StreamState], None]
CHECK_EVERY_S = 0.2


class StateTeller:
    """The state of one live source; changes may come from several threads.

    Attributes:
        state: the latest; None before the first.
    """

    def __init__(self, name: str, tell: Tell) -> None:
        self.state: StreamCondition | None = None
        self._name = name
        self._tell = tell
        self._lock = threading.RLock()

    def change(
        self,
        state: StreamCondition,
        reason: str = "",
        *,
        unless: Callable[[], bool] = lambda: False,
    ) -> None:
        """Tell of a change; say nothing if it is none, if it has ended, or `unless` is true now."""
        with self._lock:
            if self.state in (state, "ended") or unless():
                return
            self.state = state
            self._tell(StreamState(self._name, state, reason, time.time()))


class Watched(Protocol):
    """What the watch looks after."""

    def look(self, now_s: float) -> None:
        """See whether something is overdue at `now_s`, by `time.monotonic`."""
        ...


class StallWatch:
    """One thread that looks at all live sources, since their own may be inside a driver."""

    def __init__(self) -> None:
        self._watched: set[Watched] = set()
        self._lock = threading.Lock()
        self._running = False

    def add(self, feed: Watched) -> None:
        """Look at `feed` from now on."""
        with self._lock:
            self._watched.add(feed)
            if not self._running:
                self._running = True
                threading.Thread(target=self._run, name="stall watch", daemon=True).start()

    def remove(self, feed: Watched) -> None:
        """Look at it no more."""
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
                except Exception:  # the others are to be looked at all the same
                    log.exception("a fault of stzsar's own in the stall watch")


STALL_WATCH = StallWatch()
