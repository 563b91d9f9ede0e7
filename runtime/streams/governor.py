"""Where a machine is too slow every live stream is sampled less, by the same share."""

# How long is looked at before anything changes.
PERIOD_S = 2.0
# How busy a machine is taken to be full, or idle, and what part of the due frames it must do.
FULL, IDLE, KEEPS_UP = 0.92, 0.7, 0.9
# Work that leaves no pause would make queues of every hiccup.
HEADROOM = 0.85
# In one period: a hiccup must not stop the streams, nor a pause flood them.
LEAST_FALL, LARGEST_RISE = 0.5, 1.25
# One period that loses frames may be a hiccup.
LOSSY_PERIODS = 2
# So long after a fall a busy machine is not tried with more: rates should not swing.
HELD_PERIODS = 8


class Governor:
    """Keeps the frames that are asked for at what the machine can do.

    It looks at the last seconds: how busy the rounds were, and which part of the due frames they
    did. Where they left no pause and frames were lost, what was done is what can be done, and live
    streams get that share of their rates that fits. Where there are pauses, or none and yet nothing
    is lost (larger batches cost less a frame), the share rises again. The first period is not
    looked at: what starts is slow everywhere.

    Attributes:
        share: the part of its sampling rate that each live stream has, above 0 and at most 1.
    """

    def __init__(self, now_s: float) -> None:
        """Begin at `now_s`, by `time.monotonic`."""
        self.share = 1.0
        self._lossy_periods = self._held = 0
        self._is_first = True
        self._begin(now_s, 0)

    def observe(self, frames: int, busy_s: float) -> None:
        """Learn that a round of `frames` frames of live streams took `busy_s` seconds."""
        self._frames += frames
        self._busy_s += busy_s

    def adjust(self, asked_fps: float, due: int, now_s: float) -> bool:
        """Set the share; say whether it changed.

        Args:
            asked_fps: what all live streams ask for together.
            due: how many of their frames have been due so far, done or not.
            now_s: the time, by `time.monotonic`.
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
