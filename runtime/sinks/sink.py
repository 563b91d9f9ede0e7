"""The interface of sinks, and one that passes a message on to all."""

import logging
import threading
import time
from collections.abc import Sequence
from typing import Generic, Protocol, TypeVar

from ..results import Message, Recognition
from ..sources.frames import Frame
from .queued import Queued, SinkCounters

log = logging.getLogger(__name__)

T = TypeVar("T")
# What a sink may need beyond its time to notice that it is over, before it is left behind.
_GRACE_S = 0.2


class Sink(Protocol):
    """A place that results go to.

    All methods are called from the run's thread; `close` perhaps from another. None may wait for
    anything slow: that belongs behind `queued.Queued`.

    Attributes:
        name: what messages and metrics call it; holds no password.
        wants_frames: show it the pictures too, every one of a file.
    """

    name: str
    wants_frames: bool = False

    def put(self, message: Message) -> None:
        """Take a message.

        Raises:
            StzsarError: it cannot go on at all, such as a file on a full disk.
        """
        ...

    def show(self, source: str, frame: Frame, latest: Recognition | None) -> None:
        """Take a picture with the latest result at its time, if `wants_frames`."""

    def source_ended(self, source: str) -> None:
        """Note that nothing more comes from this source."""

    def close(self, timeout_s: float) -> None:
        """Give out what is held back, for `timeout_s` seconds at most, and release everything."""
        ...


class QueuedSink(Sink, Generic[T]):
    """A sink whose messages go through a queue to something slow."""

    def __init__(self, name: str, queue: Queued[T]) -> None:
        self.name, self._queue = name, queue

    @property
    def counters(self) -> SinkCounters:
        """What became of the messages."""
        return self._queue.counters

    def close(self, timeout_s: float) -> None:
        """Deliver what waits, for `timeout_s` seconds at most."""
        self._queue.close(timeout_s)


class Fanout(Sink):
    """All sinks of a run, as one.

    Attributes:
        sinks: the sinks.
    """

    name = "all"

    def __init__(self, sinks: Sequence[Sink]) -> None:
        self.sinks = tuple(sinks)
        self.wants_frames = any(sink.wants_frames for sink in sinks)

    def put(self, message: Message) -> None:
        """Give a message to every sink, also to those after one that fails.

        Raises:
            Exception: the first failure.
        """
        failure: Exception | None = None
        for sink in self.sinks:
            try:
                sink.put(message)
            except Exception as error:  # raised below
                failure = failure or error
        if failure:
            raise failure

    def show(self, source: str, frame: Frame, latest: Recognition | None) -> None:
        """Show a picture to the sinks that want it."""
        for sink in self.sinks:
            if sink.wants_frames:
                sink.show(source, frame, latest)

    def source_ended(self, source: str) -> None:
        """Tell every sink."""
        for sink in self.sinks:
            sink.source_ended(source)

    def close(self, timeout_s: float) -> None:
        """Close all sinks at the same time, so that a dead one takes nothing from the others.

        Raises:
            Exception: the first failure; the others are logged.
        """
        failures: dict[int, Exception] = {}

        def close_one(index: int) -> None:
            try:
                self.sinks[index].close(timeout_s)
            except Exception as error:  # raised below, in the thread that called
                failures[index] = error

        threads = [
            threading.Thread(target=close_one, args=(index,), daemon=True)
            for index in range(len(self.sinks))
        ]
        for thread in threads:
            thread.start()
        deadline_s = time.monotonic() + timeout_s + _GRACE_S
        for sink, thread in zip(self.sinks, threads, strict=True):
            thread.join(max(0.0, deadline_s - time.monotonic()))
            if thread.is_alive():
                log.warning("%s could not be closed in %g s.", sink.name, timeout_s)
        first, *others = [failures[index] for index in sorted(failures)] or [None]
        for failure in others:
            log.warning("%s", failure)
        if first:
            raise first
