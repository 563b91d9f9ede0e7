"""The window of a stream: a ring of frame states, whatever is in them."""

from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]


class FrameRing:
    """The last `frames` frame states of one stream, with their times."""

    def __init__(self, frames: int) -> None:
        if frames < 1:
            raise ValueError(f"a ring holds at least one frame, got {frames}")
        self._entries: deque[tuple[Mapping[str, Array], float]] = deque(maxlen=frames)

    def __len__(self) -> int:
        return len(self._entries)

    @property
    def full(self) -> bool:
        """Whether there are as many states as a window has frames."""
        return len(self._entries) == self._entries.maxlen

    @property
    def start_s(self) -> float:
        """Time of the oldest frame, in seconds."""
        return self._entries[0][1]

    @property
    def end_s(self) -> float:
        """Time of the newest frame, in seconds."""
        return self._entries[-1][1]

    @property
    def times_s(self) -> tuple[float, ...]:
        """Times of all frames, oldest first, in seconds."""
        return tuple(time_s for _, time_s in self._entries)

    def push(self, state: Mapping[str, Array], time_s: float) -> None:
        """Add the state of a frame, one array [...] for each name; the oldest goes if full."""
        self._entries.append((state, time_s))

    def replace(self, states: Sequence[Mapping[str, Array]]) -> None:
        """Put other states in the place of those that are there, oldest first; times stay.

        Raises:
            ValueError: there are more or fewer of them.
        """
        times = [time_s for _, time_s in self._entries]
        entries = list(zip(states, times, strict=True))
        self._entries.clear()
        self._entries.extend(entries)

    def stacked(self) -> dict[str, Array]:
        """Return each state as one array [1, T, ...], oldest frame first.

        Raises:
            ValueError: the ring is empty.
        """
        if not self._entries:
            raise ValueError("an empty ring has nothing to stack")
        names = self._entries[0][0]
        return {name: np.stack([state[name] for state, _ in self._entries])[None] for name in names}

    def flush(self) -> None:
        """Forget all frames."""
        self._entries.clear()
