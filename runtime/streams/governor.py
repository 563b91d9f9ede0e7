"""Samples every live stream less, by the same share, where the machine is too slow."""

# How long to observe before a change.
PERIOD_S = 2.0
# A machine is busy from FULL, has time left up to IDLE, and keeps up with KEEPS_UP of the frames.
FULL, IDLE, KEEPS_UP = 0.92, 0.7, 0.9
# Without a pause every hiccup would make a queue.
HEADROOM = 0.85
# Limits of one change: a hiccup must not stop the streams, nor a pause flood them.
LEAST_FALL, LARGEST_RISE = 0.5, 1.25
# A single period that loses frames may be a hiccup.
LOSSY_PERIODS = 2
# A busy machine does not try more for so long after a fall: rates should not swing.
HELD_PERIODS = 8


class Governor:
    """Limits the sampling rates of live streams to what the machine can do.

    It observes how busy the batches of the last seconds were, and which part of the due frames
    they processed. If they left no pause and lost frames, live streams get the share of their
    rates that fits. If there are pauses, or none and yet no loss (larger batches cost less per
    frame), the share rises again. It ignores the first period: every start is slow.

    Attributes:
        share: the share of its sampling rate that each live stream gets, above 0 and at most 1.
    """

    def __init__(self, now_s: float) -> None:
        """Begin at `now_s`, by `time.monotonic`."""
        self.share: float = 1.0
        self._lossy_periods = self._held = 0
        self._is_first = True
        self._begin(now_s, 0)

    def observe(self, frames: int, busy_s: float) -> None:
        """Add a batch of `frames` frames of live streams that took `busy_s` seconds."""
        self._frames += frames
        self._busy_s += busy_s

    def adjust(self, asked_fps: float, due: int, now_s: float) -> bool:
        """Set the share; return whether it changed.

        Live streams ask for `asked_fps` together; `due` of their frames were due so far.
        """
        elapsed_s = now_s - self._start_s
        if elapsed_s < PERIOD_S:
            return False
        before, busy, done = self.share, self._busy_s / elapsed_s, self._frames
        keeps_up = done >= KEEPS_UP * (due - self._due)
        is_full = busy >= FULL
        self._begin(now_s, due)
        self._held = max(0, self._held - 1)
        if self._is_first:
            self._is_first = False
            return False
        self._lossy_periods = self._lossy_periods + 1 if is_full and not keeps_up else 0
        if asked_fps <= 0:
            self.share = 1.0
        elif self._lossy_periods >= LOSSY_PERIODS or (self._lossy_periods and self.share < 1):
            fits = HEADROOM * done / elapsed_s / asked_fps
            self.share = min(self.share, max(fits, LEAST_FALL * self.share))
            self._held = HELD_PERIODS
        elif busy <= IDLE or (is_full and keeps_up and not self._held):
            self.share = min(1.0, self.share * LARGEST_RISE)
        return self.share != before

    def _begin(self, now_s: float, due: int) -> None:
        self._start_s, self._due, self._frames, self._busy_s = now_s, due, 0, 0.0
