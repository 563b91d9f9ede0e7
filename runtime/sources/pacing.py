"""Frames that arrive in bursts: old ones at the start, and whole segments at once."""

from typing import Literal

# "even": as a camera sends them. "backlog": FFmpeg listens to a stream for a second (RTSP) to five
# (RTMP) to learn what it is, then delivers those frames at once. "segments": HLS sends a few
# seconds at once, again and again.
Arrival = Literal["even", "backlog", "segments"]
# A stream that is still this fast after so long really is.
BACKLOG_S = 2.0


class Backlog:
    """Finds the frames that waited since before a stream was opened; they are in the past."""

    def __init__(self, fps: float | None, opened_s: float) -> None:
        self._shortest_s = 0.5 / fps if fps else 0.0
        self._before_s = opened_s
        self._end_s = opened_s + BACKLOG_S
        self._over = False

    def is_old(self, now_s: float) -> bool:
        """Return whether the frame at `now_s` arrived faster than a camera could send it."""
        interval_s, self._before_s = now_s - self._before_s, now_s
        self._over = self._over or interval_s >= self._shortest_s or now_s >= self._end_s
        return not self._over


class Playback:
    """Plays frames that arrive in bursts at the pace of their time stamps, as a player does."""

    LONGEST_WAIT_S = 2.0

    def __init__(self) -> None:
        self._origin_s: float | None = None

    def wait_s(self, stamp_s: float, now_s: float) -> float:
        """Return how long to hold back the frame with the container's time `stamp_s`.

        A frame that is late, or far too early as after a gap, is shown at once and sets the pace
        for those after it.
        """
        wait_s = 0.0 if self._origin_s is None else self._origin_s + stamp_s - now_s
        if self._origin_s is None or not 0 <= wait_s <= self.LONGEST_WAIT_S:
            self._origin_s, wait_s = now_s - stamp_s, 0.0
        return wait_s
