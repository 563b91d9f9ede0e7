"""The highest evidence of long footage, one for each event.

False alarms count events and not windows: windows overlap, and one scene exceeds a threshold in
many of them. So the value of a window is the highest threshold at which an event would start with
it, and only peaks count: the highest value of each block of seconds.
"""

from collections import deque
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from .policy import Policy

Array = npt.NDArray[Any]

# Windows up to this many sampling periods apart belong together; as in `streams.stream`.
GAP_INTERVALS = 2.5
_ROUNDING_S = 1e-6


class Peaks:
    """The peaks of all labels together, over any number of sources and hours.

    Blocks of `block_s` give a peak each.
    """

    def __init__(self, policy: Policy, keep: Array, *, block_s: float, apart_s: float) -> None:
        """Begin; each label's evidence may fall by `keep`, [C], meanwhile.

        Peaks of neighbouring blocks that are nearer than `apart_s` are one.
        """
        self.block_s, self.seconds = block_s, 0.0
        self._policy, self._keep, self._apart_s = policy, keep, apart_s
        self._kept: list[float] = []
        self._tracks: dict[str, _Track] = {}

    @property
    def blocks(self) -> float:
        """Number of full blocks in the footage."""
        return self.seconds / self.block_s

    def add(self, source: str, time_s: float, interval_s: float, evidence: Array) -> None:
        """Add the evidence [C] of the next window of a source; windows are `interval_s` apart."""
        track = self._tracks.get(source)
        if track and track.is_break(time_s, interval_s):
            self.end(source)
            track = None
        if track is None:
            track = self._tracks[source] = _Track(time_s)
        else:
            self.seconds += time_s - track.last_s
        track.usual_s, track.last_s = time_s - track.last_s, time_s
        track.windows.append((time_s, evidence))
        lasts_s = self._policy.min_length_s - _ROUNDING_S
        while track.windows and time_s - track.windows[0][0] >= lasts_s:
            began_s, value = self._event_value(track.windows)
            self._raise_block(track, _Peak(began_s, value))

    def end(self, source: str) -> None:
        """End a source, or the piece of it that has no gaps."""
        track = self._tracks.pop(source, None)
        if track and track.best is not None:
            self._close_block(track, track.best)
            if track.before is not None:
                self._kept.append(track.before.value)

    def highest(self) -> Array:
        """End all sources, and return the peaks, float32 [K], highest first."""
        for source in tuple(self._tracks):
            self.end(source)
        return -np.sort(-np.asarray(self._kept, np.float32))

    def _event_value(self, windows: "deque[tuple[float, Array]]") -> tuple[float, float]:
        """Pop the oldest window: its time, and the highest threshold at which it starts an event.

        It must pass the threshold itself, and the windows of the next `min_length_s` the lower
        bound.
        """
        began_s, value = windows.popleft()
        if windows:
            lowest = np.minimum.reduce([later for _, later in windows])
            value = np.minimum(value, lowest + self._keep)
        return began_s, float(value.max())

    def _raise_block(self, track: "_Track", peak: "_Peak") -> None:
        if track.best is not None and peak.time_s - track.block_s >= self.block_s - _ROUNDING_S:
            self._close_block(track, track.best)
            track.best = None
        if track.best is None:
            track.block_s, track.best = peak.time_s, peak
        elif peak.value > track.best.value:
            track.best = peak

    def _close_block(self, track: "_Track", best: "_Peak") -> None:
        """Keep the peak of the previous block, which can no longer merge with others."""
        before = track.before
        # Two peaks so near are one event that the end of the block cut in two.
        if before is not None and best.time_s - before.time_s < self._apart_s:
            if best.value <= before.value:
                best = replace(best, value=-np.inf)
            else:
                before = replace(before, value=-np.inf)
        if before is not None:
            self._kept.append(before.value)
        track.before = best


@dataclass(frozen=True)
class _Peak:
    time_s: float
    value: float


class _Track:
    """One source: windows that may start an event, the current block, and the previous one."""

    def __init__(self, time_s: float) -> None:
        self.last_s = time_s
        self.usual_s = 0.0
        self.windows: deque[tuple[float, Array]] = deque()
        self.block_s = time_s
        self.best: _Peak | None = None
        self.before: _Peak | None = None

    def is_break(self, time_s: float, interval_s: float) -> bool:
        passed_s = time_s - self.last_s
        return passed_s < 0 or passed_s > GAP_INTERVALS * max(interval_s, self.usual_s)
