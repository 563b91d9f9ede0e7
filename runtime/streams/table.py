"""The streams of a run, as sinks see them: made before the sinks, and filled by the batcher."""

import threading
from collections.abc import Mapping

from .lane import Lane


class StreamTable:
    """The streams of a run, also live ones that have ended, and a way to end it.

    All methods may be called from any thread. Feeds set `wake` when there is something to do.
    """

    def __init__(self) -> None:
        self.lanes: tuple[Lane, ...] = ()
        self.wake: threading.Event = threading.Event()
        self.over: bool = False

    def add(self, lane: Lane) -> None:
        """Add a source."""
        self.lanes = (*self.lanes, lane)

    def remove(self, lane: Lane) -> None:
        """Remove a source."""
        self.lanes = tuple(one for one in self.lanes if one is not lane)

    def end(self) -> None:
        """End the run in good order."""
        self.over = True
        self.wake.set()

    def counters(self) -> Mapping[str, Mapping[str, int]]:
        """Return what was done so far, by source and name."""
        return {lane.name: lane.counters() for lane in self.lanes}

    def reading(self) -> Mapping[str, tuple[int, int | None]]:
        """Return the pictures read so far and the announced number of them, by source."""
        return {lane.name: (lane.feed.counters.read, lane.feed.frame_count) for lane in self.lanes}

    def fps_of(self, name: str) -> float | None:
        """Return the frame rate that a source announces; None if it is unknown."""
        return next((lane.feed.source_fps for lane in self.lanes if lane.name == name), None)
