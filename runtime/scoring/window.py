"""The window of a stream: a ring of frame states, whatever is in them."""

import itertools
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from time import monotonic
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
State = Mapping[str, Array]


@dataclass(frozen=True, eq=False)
class WindowFrame:
    """A frame in a window."""

    state: State  # one array [...] for each name, including features where they are asked for
    time_s: float  # its time in the stream, in seconds
    encoded: bool  # whether the state is its own, not copied from a frame that looked alike
    # Uint8 [S, S, 3], to encode again for other labels; None in a replay
    image: Array | None = None
    clock: float | None = None  # when it was captured, in seconds since 1970; None for a file
    captured_s: float | None = None  # the same by `time.monotonic`; None for a file and in a replay

    @property
    def age_ms(self) -> float | None:
        """Milliseconds since it was captured; None for a file and in a replay."""
        return None if self.captured_s is None else 1000 * (monotonic() - self.captured_s)


class FrameRing:
    """The last `frames` frames of one stream."""

    def __init__(self, frames: int) -> None:
        if frames < 1:
            raise ValueError(f"a ring holds at least one frame, got {frames}")
        self._frames: deque[WindowFrame] = deque(maxlen=frames)

    @classmethod
    def of(cls, states: Mapping[str, Array], times_s: Sequence[float]) -> "FrameRing":
        """Return the full window of frames that were encoded together, states [T, ...]."""
        ring = cls(len(times_s))
        for row, time_s in enumerate(times_s):
            state = {name: value[row] for name, value in states.items()}
            ring.push(WindowFrame(state, time_s, encoded=True))
        return ring

    def __len__(self) -> int:
        return len(self._frames)

    @property
    def full(self) -> bool:
        """Whether it holds as many frames as a window has."""
        return len(self._frames) == self._frames.maxlen

    @property
    def start_s(self) -> float:
        """Time of the oldest frame, in seconds."""
        return self._frames[0].time_s

    @property
    def end_s(self) -> float:
        """Time of the newest frame, in seconds."""
        return self._frames[-1].time_s

    @property
    def times_s(self) -> tuple[float, ...]:
        """Time of each frame, oldest first."""
        return tuple(frame.time_s for frame in self._frames)

    @property
    def gap_s(self) -> float:
        """The longest time between two neighbours, in seconds; 0 for a single frame."""
        times = self.times_s
        return max((b - a for a, b in itertools.pairwise(times)), default=0.0)

    @property
    def encoded(self) -> int:
        """How many of the frames were encoded."""
        return sum(frame.encoded for frame in self._frames)

    @property
    def newest(self) -> WindowFrame:
        """The frame added last."""
        return self._frames[-1]

    def push(self, frame: WindowFrame) -> None:
        """Add a frame; a full ring drops the oldest."""
        self._frames.append(frame)

    def frames(self) -> tuple[WindowFrame, ...]:
        """Return all frames, oldest first."""
        return tuple(self._frames)

    def images(self) -> Array:
        """Return the pictures [T, S, S, 3], oldest first."""
        return np.stack([frame.image for frame in self._frames if frame.image is not None])

    def replace(self, states: Sequence[State]) -> None:
        """Replace the states, oldest first, and keep the times.

        Raises:
            ValueError: their number differs.
        """
        renewed = [
            replace(frame, state=state, encoded=True)
            for frame, state in zip(self._frames, states, strict=True)
        ]
        self._frames.clear()
        self._frames.extend(renewed)

    def stacked(self) -> dict[str, Array]:
        """Return each state as one array [1, T, ...], oldest frame first.

        Raises:
            ValueError: the ring is empty.
        """
        if not self._frames:
            raise ValueError("an empty ring has nothing to stack")
        rows = [frame.state for frame in self._frames]
        return {name: np.stack([row[name] for row in rows])[None] for name in rows[0]}

    def flush(self) -> None:
        """Forget all frames."""
        self._frames.clear()
