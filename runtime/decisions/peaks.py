"""The highest evidence of long footage, one for each event, in little memory.

False alarms count events and not windows: windows overlap, and one scene exceeds a threshold in
many of them. So the value of a window is the highest threshold at which an event would start with
it, and only peaks count: the highest value of each block of seconds.
"""

from collections import deque
from typing import Any

import numpy as np
import numpy.typing as npt

from .policy import Policy

Array = npt.NDArray[Any]

# Windows up to this many sampling periods apart belong together; as in `streams.stream`.
GAP_INTERVALS = 2.5
_ROUNDING_S = 1e-6
# Peaks kept for each label: more labels, fewer peaks.
_MOST_PEAKS, _FEWEST_PEAKS, _PEAKS_ALTOGETHER = 4096, 256, 1 << 20


class Peaks:
    """The highest peaks over all labels, over any number of sources and hours.

    Takes memory for a few thousand numbers, and for a few windows of each open source. Blocks of
    `block_s` give a peak each; `total` is the sum of the highest evidence of each window.
    """

    def __init__(self, policy: Policy, keep: Array, *, block_s: float, apart_s: float) -> None:
        """Begin; each label's evidence may fall by `keep`, [C], meanwhile.

        Peaks of neighbouring blocks that are nearer than `apart_s` are one.
        """
        self.block_s, self.seconds, self.windows = block_s, 0.0, 0
        self.total = 0.0
        self._policy, self._keep, self._apart_s = policy, keep, apart_s
        self._kept = _Highest(1)
        self._tracks: dict[str, _Track] = {}

    @property
    def blocks(self) -> float:
        """Number of full blocks in the footage."""
        return self.seconds / self.block_s

    def add(self, source: str, time_s: float, interval_s: float, evidence: Array) -> None:
        """Add the evidence [C] of the next window of a source; windows are `interval_s` apart."""
        self.total += float(evidence.max())
        self.windows += 1
        track = self._tracks.get(source)
        if track and track.is_break(time_s, interval_s):
            self.end(source)
            track = None
        if track is None:
            track = self._tracks[source] = _Track(time_s)
        else:
            self.seconds += time_s - track.last_s
        track.usual_s, track.last_s = time_s - track.last_s, time_s
        track.windows.append((time_s, evidence.astype(np.float32)))
        lasts_s = self._policy.min_length_s - _ROUNDING_S
        while track.windows and time_s - track.windows[0][0] >= lasts_s:
            began_s, value = self._event_value(track.windows)
            self._raise_block(track, began_s, value)

    def end(self, source: str) -> None:
        """End a source, or the piece of it that has no gaps."""
        track = self._tracks.pop(source, None)
        if track and track.best is not None:
            self._close_block(track)
            if track.before is not None:
                self._kept.add(track.before)

    def highest(self) -> Array:
        """End all sources, and return the highest peaks, float32 [1, K], highest first.

        K is the number of peaks, or as many as fit.
        """
        for source in tuple(self._tracks):
            self.end(source)
        return self._kept.sorted()

    def _event_value(self, windows: "deque[tuple[float, Array]]") -> tuple[float, Array]:
        """Pop the oldest window: its time, and the highest threshold at which it starts an event.

        Of any label, [1].

        It must pass the threshold itself, and the windows of the next `min_length_s` the lower
        bound.
        """
        began_s, value = windows.popleft()
        if windows:
            lowest = np.minimum.reduce([later for _, later in windows])
            value = np.minimum(value, lowest + self._keep)
        return began_s, value.max(keepdims=True)

    def _raise_block(self, track: "_Track", time_s: float, value: Array) -> None:
        if track.best is not None and time_s - track.block_s >= self.block_s - _ROUNDING_S:
            self._close_block(track)
        if track.best is None:
            track.block_s, track.best = time_s, value.copy()
            track.best_s = np.full(value.shape, time_s)
            return
        higher = value > track.best
        track.best[higher] = value[higher]
        track.best_s[higher] = time_s

    def _close_block(self, track: "_Track") -> None:
        """Keep the peaks of the previous block, which can no longer merge with others."""
        assert track.best is not None
        if track.before is not None:
            # Two peaks so near are one event that the end of the block cut in two.
            near = track.best_s - track.before_s < self._apart_s
            lower = track.best <= track.before
            track.best[near & lower] = -np.inf
            track.before[near & ~lower] = -np.inf
            self._kept.add(track.before)
        track.before, track.before_s, track.best = track.best, track.best_s, None


class _Track:
    """One source: windows that may start an event, the current block, and the previous one."""

    def __init__(self, time_s: float) -> None:
        self.last_s = time_s
        self.usual_s = 0.0
        self.windows: deque[tuple[float, Array]] = deque()
        self.block_s = time_s
        self.best: Array | None = None
        self.best_s: Array = np.empty(0)
        self.before: Array | None = None
        self.before_s: Array = np.empty(0)

    def is_break(self, time_s: float, interval_s: float) -> bool:
        passed_s = time_s - self.last_s
        return passed_s < 0 or passed_s > GAP_INTERVALS * max(interval_s, self.usual_s)


class _Highest:
    """The K highest of any number of values, for each of C rows."""

    def __init__(self, rows: int) -> None:
        self._most = min(_MOST_PEAKS, max(_FEWEST_PEAKS, _PEAKS_ALTOGETHER // rows))
        self._values = np.empty((rows, 2 * self._most), np.float32)
        self._filled = 0

    def add(self, values: Array) -> None:
        if self._filled == self._values.shape[1]:
            self._values.partition(self._most, axis=1)  # the highest to the right half
            self._values[:, : self._most] = self._values[:, self._most :]
            self._filled = self._most
        self._values[:, self._filled] = values
        self._filled += 1

    def sorted(self) -> Array:
        ordered = -np.sort(-self._values[:, : self._filled], axis=1)
        return ordered[:, : self._most]
