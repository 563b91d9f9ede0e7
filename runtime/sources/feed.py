"""What brings the frames of one source to the run: each feed reads in a thread of its own."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from ..errors import SourceError
from ..results import StreamState
from ..stages import UNTIMED, Stages
from .frames import Frame


@dataclass(frozen=True, eq=False)
class Captured:
    """A frame, and when it was captured.

    Attributes:
        frame: the picture; its `time_s` goes on over reconnections, so that a gap is seen.
        due: whether the sampling rate asks for it; the others are for those who want every one.
        monotonic_s: when it was captured, by `time.monotonic`.
        time: when it was captured, in seconds since 1970; None for a file.
        connection: how often the source had been opened, or had stood still, before; a window never
            spans two of them.
    """

    frame: Frame
    due: bool
    monotonic_s: float
    time: float | None
    connection: int = 1


@dataclass
class FeedCounters:
    """What a feed has done; written by its thread, read by any.

    Attributes:
        read: frames that came.
        sampled: frames that were due.
        dropped: due frames that a newer one replaced before anybody took them.
        connections: how often the source was opened.
    """

    read: int = 0
    sampled: int = 0
    dropped: int = 0
    connections: int = 0


@dataclass(frozen=True, kw_only=True)
class FeedOptions:
    """What every feed of a run has in common.

    Attributes:
        every_frame: bring the frames that are not due too (a file's all, a live source's newest).
        seconds: stop at this time of the source; None reads to its end. A live source counts from
            its first frame, or from its start while none has come.
        stalled_s: a live source without a new picture for so long is stalled.
        give_up_s: a live source that is lost for so long has ended; None never gives up.
        on_state: told of each change of a live source, from the feed's thread or the one that
            watches for stalls; never from that of the run.
        wake: set when there is something to take, or the feed has finished.
        stages: who is told of each step. Of a live source decoding is the conversion alone: what
            comes before it is not told from waiting for the next picture.
    """

    every_frame: bool = False
    seconds: float | None = None
    stalled_s: float = 10.0
    give_up_s: float | None = None
    on_state: Callable[[StreamState], None] = lambda _state: None
    wake: threading.Event = field(default_factory=threading.Event)
    stages: Stages = UNTIMED


class Feed(Protocol):
    """One source that is being read.

    Attributes:
        name: what results call the source; holds no password.
        live: whether only the newest frame counts; what is behind an address may turn out to be a
            file once it is open, before its first frame.
        rate_fps: frames that are due per second; may be changed while it runs, from any thread.
        source_fps: the source's own rate, once it is open; None if unknown.
        frame_count: announced number of frames of a file, once it is open; None if unknown.
        counters: what it has done so far.
        finished: whether everything has been taken and nothing more will come.
        error: why it ended, if it broke off for good.
    """

    name: str
    live: bool
    rate_fps: float
    source_fps: float | None
    frame_count: int | None
    counters: FeedCounters
    error: SourceError | None

    @property
    def finished(self) -> bool:
        """Whether everything has been taken and nothing more will come."""
        ...

    def start(self) -> None:
        """Begin to read."""
        ...

    def take(self) -> Captured | None:
        """Return what is to be looked at next, and forget it; None if there is nothing new.

        Of a live source that is the newest due frame; of a file the next frame.
        """
        ...

    def stop(self) -> None:
        """Ask the thread to end; does not wait for it."""
        ...

    def join(self, timeout_s: float) -> bool:
        """Wait for the thread; say whether it has ended."""
        ...
