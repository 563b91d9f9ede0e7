"""Choose frames: from a whole clip by segments, from a stream by its clock.

Training, evaluation and the runtime share this code.
"""

import math

import numpy as np


def segment_indices(
    frame_count: int,
    frames: int,
    rng: np.random.Generator | None = None,
    *,
    offset: float = 0.5,
) -> list[int]:
    """Choose one frame from each of `frames` equal segments of a clip.

    Args:
        frame_count: number of frames in the clip.
        frames: T, the number to choose.
        rng: picks a random frame of each segment (for training); the one at `offset` if None.
        offset: position within each segment, from 0 to below 1.

    Returns:
        T indices in ascending order; a clip of fewer than T frames repeats some of them.

    Raises:
        ValueError: a number is out of range.
    """
    if frame_count < 1 or frames < 1 or not 0 <= offset < 1:
        raise ValueError(f"cannot choose {frames} frames of {frame_count} at {offset}")
    within = np.full(frames, offset) if rng is None else rng.random(frames)
    starts = np.arange(frames) * (frame_count / frames)
    chosen = np.floor(starts + within * (frame_count / frames)).astype(int)
    return np.minimum(chosen, frame_count - 1).tolist()


class RateSampler:
    """Picks the frames of a stream that are nearest to evenly spaced times.

    A frame is due if it is nearer to the next of these times than the frame after it would be:
    within half the interval between the source's frames. Times count from the first frame, so
    rounding errors do not add up. After a gap they start anew, so nothing is caught up in a burst.
    A source slower than the rate gives all its frames.
    """

    def __init__(self, rate_fps: float) -> None:
        self.period_s = _period_of(rate_fps)
        self.reset()

    def use_rate(self, rate_fps: float) -> None:
        """Change the rate: the next due time is one new period after the last one."""
        period_s = _period_of(rate_fps)
        self._due_s += period_s - self.period_s
        self.period_s = period_s

    def reset(self) -> None:
        """Forget the stream: the next frame is due, and times start with it."""
        self._last_s = -math.inf
        self._due_s = -math.inf

    def due(self, time_s: float) -> bool:
        """Return whether to take the frame at `time_s`; call once for each frame, in order."""
        if time_s < self._last_s:
            self.reset()
        first = self._last_s == -math.inf
        half_interval_s = 0.0 if first else (time_s - self._last_s) / 2
        self._last_s = time_s
        # A tiny tolerance keeps ties from depending on the last bit of a float.
        if time_s + half_interval_s < self._due_s - 1e-6 * self.period_s:
            return False
        next_s = self._due_s + self.period_s
        self._due_s = next_s if next_s > time_s else time_s + self.period_s
        return True


def _period_of(rate_fps: float) -> float:
    if not (rate_fps > 0 and math.isfinite(rate_fps)):
        raise ValueError(f"a sampling rate must be positive, got {rate_fps}")
    return 1.0 / rate_fps
