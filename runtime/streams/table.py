"""The streams of a run, as sinks see them: made before the sinks, and filled by the batcher."""

import queue
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from typing import Any, Protocol, TypeVar

from ..recordings.recorder import Recorder
from ..sources.areas import Mask, Region
from .lane import Lane

T = TypeVar("T")


class Running(Protocol):
    """A loop that is being run, as errands see it."""

    def explain(self, lanes: frozenset[str]) -> None:
        """Explain the results of these lanes from now on, and of no others."""
        ...

    def look_at(self, source: str, regions: Sequence[Region], mask: Mask | None) -> None:
        """Look at other regions of a live source, none is all of it, and hide other parts of it."""
        ...

    def record_with(self, recorder: Recorder | None) -> None:
        """Record with another recorder from now on, or with none."""
        ...


class StreamTable:
    """The streams of a run, also live ones that have ended, and a way to end it.

    All methods may be called from any thread. Feeds set `wake` when there is something to do.
    """

    def __init__(self) -> None:
        self.lanes: tuple[Lane, ...] = ()
        self.wake: threading.Event = threading.Event()
        self.over: bool = False
        self._errands: queue.SimpleQueue[tuple[Callable[[Any], Any], Future[Any]]] = (
            queue.SimpleQueue()
        )

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

    def ask(self, errand: Callable[[Running], T]) -> "Future[T]":
        """Have the run's thread do something between two batches; return what becomes of it.

        It is cancelled if the run ends before.
        """
        done: Future[T] = Future()
        self._errands.put((errand, done))
        self.wake.set()
        return done

    def run_errands(self, loop: Running | None) -> None:
        """Do what was asked for, in the run's thread; with None, cancel it."""
        while True:
            try:
                errand, done = self._errands.get_nowait()
            except queue.Empty:
                return
            if loop is None or not done.set_running_or_notify_cancel():
                done.cancel()
                continue
            try:
                done.set_result(errand(loop))
            except Exception as error:  # belongs to whoever asked
                done.set_exception(error)

    def counters(self) -> Mapping[str, Mapping[str, int]]:
        """Return what was done so far, by source and name."""
        return {lane.name: lane.counters() for lane in self.lanes}

    def reading(self) -> Mapping[str, tuple[int, int | None]]:
        """Return the pictures read so far and the announced number of them, by source."""
        return {lane.name: (lane.feed.counters.read, lane.feed.frame_count) for lane in self.lanes}

    def fps_of(self, name: str) -> float | None:
        """Return the frame rate that a source announces; None if it is unknown."""
        return next((lane.feed.source_fps for lane in self.lanes if lane.source == name), None)
