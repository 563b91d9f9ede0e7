"""The last seconds of a stream, as JPEGs in a bounded memory."""

import threading
from collections import deque
from typing import NamedTuple


class Picture(NamedTuple):
    """A picture of a ring.

    Attributes:
        number: counts the stream's pictures; a step of more than one is a gap in the ring.
        time_s: seconds since the source's first frame.
        jpeg: the picture.
    """

    number: int
    time_s: float
    jpeg: bytes


class FrameRing:
    """Pictures of one stream: put in by its feed's thread, taken out by any other.

    What is older than `seconds`, or beyond `max_bytes`, is forgotten; the newest picture stays.
    """

    def __init__(self, seconds: float, max_bytes: int) -> None:
        self._seconds, self._max_bytes = seconds, max_bytes
        self._pictures: deque[Picture] = deque()
        self._bytes = self._count = self._forgotten_early = 0
        self._forgotten_s = float("-inf")
        self._changed = threading.Lock()

    @property
    def size_bytes(self) -> int:
        """Bytes of all pictures."""
        return self._bytes

    @property
    def newest_s(self) -> float:
        """The time of the newest picture; 0 without one."""
        with self._changed:
            return self._pictures[-1].time_s if self._pictures else 0.0

    @property
    def forgotten_early(self) -> int:
        """How many pictures went for lack of memory before `seconds` were over."""
        return self._forgotten_early

    @property
    def forgotten_s(self) -> float:
        """The time of the picture that was forgotten last; -inf if none was."""
        return self._forgotten_s

    def add(self, time_s: float, jpeg: bytes) -> None:
        """Add the next picture; one that is earlier than the newest begins a new stream."""
        with self._changed:
            if self._pictures and time_s < self._pictures[-1].time_s:
                self._pictures.clear()
                self._bytes, self._forgotten_s = 0, float("-inf")
            self._pictures.append(Picture(self._count, time_s, jpeg))
            self._count += 1
            self._bytes += len(jpeg)
            while len(self._pictures) > 1:
                is_old = self._pictures[0].time_s < time_s - self._seconds
                if not is_old and self._bytes <= self._max_bytes:
                    break
                self._forgotten_early += not is_old
                forgotten = self._pictures.popleft()
                self._bytes -= len(forgotten.jpeg)
                self._forgotten_s = forgotten.time_s

    def nearest(self, time_s: float) -> Picture | None:
        """Return the picture nearest to a time; None without any."""
        with self._changed:
            return min(self._pictures, key=lambda one: abs(one.time_s - time_s), default=None)

    def last(self, seconds: float) -> tuple[Picture, ...]:
        """Return the pictures of the last seconds, oldest first."""
        with self._changed:
            from_s = self._pictures[-1].time_s - seconds if self._pictures else 0.0
            return tuple(one for one in self._pictures if one.time_s >= from_s)

    def after(self, number: int, from_s: float) -> Picture | None:
        """Return the oldest picture behind `number` that is not before `from_s`."""
        with self._changed:
            for picture in self._pictures:
                if picture.number > number and picture.time_s >= from_s:
                    return picture
            return None
