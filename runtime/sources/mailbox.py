"""How frames get from the thread of a feed to the run: the newest one, or each one in order."""

import threading
from collections import deque

from .feed import Captured


class Mailbox:
    """Captured frames that wait to be taken; `wake` is set when there is something new.

    A feed uses one of the two ways to put frames in, never both.

    Attributes:
        wake: set when there is something to take, or nothing more will come.
    """

    def __init__(self, wake: threading.Event, capacity: int) -> None:
        self.wake = wake
        self._capacity = capacity
        self._waiting: deque[Captured] = deque()
        self._closed = False
        self._changed = threading.Condition()

    @property
    def finished(self) -> bool:
        """Whether it is closed and empty."""
        with self._changed:
            return self._closed and not self._waiting

    def put_newest(self, captured: Captured) -> int:
        """Put a live frame in; return how many due frames it replaced.

        A due frame replaces what is there. One that is not due never replaces a due one: it waits
        behind it, as the newest of its kind.
        """
        with self._changed:
            if self._closed:
                return 0
            kept = [] if captured.due else [old for old in self._waiting if old.due]
            dropped = sum(old.due for old in self._waiting) - len(kept)
            self._waiting = deque([*kept, captured])
        self.wake.set()
        return dropped

    def put_in_order(self, captured: Captured) -> bool:
        """Put a file's frame in once there is room; return False if nobody wants it any more."""
        with self._changed:
            self._changed.wait_for(lambda: self._closed or len(self._waiting) < self._capacity)
            if self._closed:
                return False
            self._waiting.append(captured)
        self.wake.set()
        return True

    def take(self) -> Captured | None:
        """Return the oldest frame, and forget it; None if there is none."""
        with self._changed:
            if not self._waiting:
                return None
            self._changed.notify_all()
            return self._waiting.popleft()

    def close(self, *, discard: bool = False) -> None:
        """Take nothing more in; what waits can still be taken, unless it is discarded."""
        with self._changed:
            self._closed = True
            if discard:
                self._waiting.clear()
            self._changed.notify_all()
        self.wake.set()
