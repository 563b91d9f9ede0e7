"""What a sink is, and how one message goes to all of them."""

import logging
from collections.abc import Sequence
from typing import Protocol

from ..results import Message, Recognition
from ..sources.frames import Frame

log = logging.getLogger(__name__)


class Sink(Protocol):
    """Somewhere that results go.

    All methods are called from one thread, the run's. None may wait for anything that is slow or
    may be away: what does so works in a thread of its own, behind `queued.Queued`.

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


class Fanout:
    """All sinks of a run, as one."""

    name = "all"

    def __init__(self, sinks: Sequence[Sink]) -> None:
        self._sinks = tuple(sinks)
        self.wants_frames = any(sink.wants_frames for sink in sinks)

    def put(self, message: Message) -> None:
        """Give a message to every sink."""
        for sink in self._sinks:
            sink.put(message)

    def show(self, source: str, frame: Frame, latest: Recognition | None) -> None:
        """Show a picture to the sinks that want it."""
        for sink in self._sinks:
            if sink.wants_frames:
                sink.show(source, frame, latest)

    def source_ended(self, source: str) -> None:
        """Tell every sink."""
        for sink in self._sinks:
            sink.source_ended(source)

    def close(self, timeout_s: float) -> None:
        """Close every sink, also those after one that fails.

        Raises:
            Exception: what the first of those that failed raised.
        """
        failures: list[Exception] = []
        for sink in self._sinks:
            try:
                sink.close(timeout_s)
            except Exception as error:  # the sinks after it are to be closed too
                failures.append(error)
        for failure in failures[1:]:
            log.warning("%s", failure)
        if failures:
            raise failures[0]
