"""What a sink is, and how one message goes to all of them."""

import logging
import threading
import time
from collections.abc import Sequence
from typing import Protocol

from ..results import Message, Recognition
from ..sources.frames import Frame

log = logging.getLogger(__name__)

# What a sink may need beyond its time to notice that it is over, before it is left behind.
_GRACE_S = 0.2


class Sink(Protocol):
    """Somewhere that results go.

    All methods are called from one thread, the run's; `close` perhaps from another. None may wait
    for anything that is slow or may be away: what does so works in a thread of its own, behind
    `queued.Queued`.

    A live page would be one more of these: it keeps the newest picture and result of each source
    (`wants_frames`, as `window.LiveWindow` does) and the last messages, for browsers to fetch.

    Attributes:
        name: what messages and metrics call it; holds no password.
        wants_frames: whether it is shown the pictures too, every one of a file.
    """

    name: str
    wants_frames: bool

    def put(self, message: Message) -> None:
        """Take a message.

        Raises:
            StzsarError: it cannot go on at all, such as a file on a full disk.
        """
        ...

    def show(self, source: str, frame: Frame, latest: Recognition | None) -> None:
        """Take a picture with the result that is the latest at its time, if `wants_frames`."""
        ...

    def source_ended(self, source: str) -> None:
        """Learn that nothing more comes from this source."""
        ...

    def close(self, timeout_s: float) -> None:
        """Give out what is held back, for `timeout_s` seconds at most, and release everything."""
        ...


class MessageSink:
    """The base of a sink that only takes messages, and holds nothing that must be closed."""

    wants_frames: bool = False

    def show(self, source: str, frame: Frame, latest: Recognition | None) -> None:
        """Do nothing."""

    def source_ended(self, source: str) -> None:
        """Do nothing."""

    def close(self, timeout_s: float) -> None:
        """Do nothing."""


class Fanout:
    """All sinks of a run, as one.

    Attributes:
        sinks: them.
    """

    name = "all"

    def __init__(self, sinks: Sequence[Sink]) -> None:
        self.sinks = tuple(sinks)
        self.wants_frames = any(sink.wants_frames for sink in sinks)

    def put(self, message: Message) -> None:
        """Give a message to every sink, also to those after one that fails.

        Raises:
            Exception: what the first of those that failed raised.
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
            Exception: what the first of those that failed raised.
        """
        failures: dict[int, Exception] = {}

        def close_one(index: int) -> None:
            try:
                self.sinks[index].close(timeout_s)
            except Exception as error:  # raised again below, in the thread that called
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
