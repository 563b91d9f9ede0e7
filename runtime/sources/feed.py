"""Feed: what carries the frames of one source to the run, from a thread of its own."""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from ..errors import SourceError
from ..results import StreamState
from ..stages import UNTIMED, Stages
from .areas import Mask
from .frames import Frame


@dataclass(frozen=True, eq=False)
class Captured:
    """A frame and when it was captured.

    Attributes:
        frame: the picture; its `time_s` keeps running across reconnections, so gaps show.
        due: whether the sampling rate asks for it; other frames are for sinks that want them all.
        monotonic_s: capture time by `time.monotonic`.
        time: capture time in seconds since 1970; None for a file.
        connection: number of the unbroken piece of the source; no window spans two of them.
    """

    frame: Frame
    due: bool
    monotonic_s: float
    time: float | None
    connection: int = 1


@dataclass
class FeedCounters:
    """Counts of a feed; its thread writes them, any thread reads them.

    Attributes:
        read: frames that arrived.
        sampled: frames that were due.
        dropped: due frames that a newer one replaced before the run took them.
        connections: how often the source was opened.
    """

    read: int = 0
    sampled: int = 0
    dropped: int = 0
    connections: int = 0


class FrameTap(Protocol):
    """Sees pictures in the thread that decodes them, also those that the run has no time for."""

    def wants(self, source: str, time_s: float) -> bool:
        """Say whether it takes the picture at `time_s`; asked once for each, in order."""
        ...

    def take(self, source: str, frame: Frame, *, live: bool) -> None:
        """Take a picture; may wait for a file, never for a live source."""
        ...


class Taps:
    """Several taps as one: asks each tap for itself, and gives a picture to those that want it."""

    def __init__(self, taps: Sequence[FrameTap]) -> None:
        self._taps = tuple(taps)
        # Of each source; its feed's thread asks and gives in turn.
        self._wanting: dict[str, tuple[FrameTap, ...]] = {}

    def wants(self, source: str, time_s: float) -> bool:
        """Say whether any tap takes the picture at `time_s`."""
        wanting = tuple([tap for tap in self._taps if tap.wants(source, time_s)])
        self._wanting[source] = wanting
        return bool(wanting)

    def take(self, source: str, frame: Frame, *, live: bool) -> None:
        """Give a picture to the taps that want it."""
        for tap in self._wanting[source]:
            tap.take(source, frame, live=live)


@dataclass(frozen=True, kw_only=True)
class FeedOptions:
    """What all feeds of a run have in common.

    Attributes:
        every_frame: deliver frames that are not due too (all of a file, the newest when live).
        tap: sees pictures as they are decoded.
        mask: what is black in every picture, before anybody sees it; a source's own.
        seconds: stop at this time of the source; None reads to the end. For a live source it
            counts from the first frame, or from the start until there is one.
        stalled_s: seconds without a new picture before a live source is stalled.
        give_up_s: seconds a live source may be lost before it has ended; None never gives up.
        on_state: called for each state of a live source, from the feed's or the stall watch's
            thread, never from the run's.
        wake: set when a frame is ready or the feed has finished.
        stages: called for each step. For a live source "decode" is the conversion only, because
            decoding cannot be separated from waiting for the next picture.
    """

    every_frame: bool = False
    tap: FrameTap | None = None
    mask: Mask | None = None
    seconds: float | None = None
    stalled_s: float = 10.0
    give_up_s: float | None = None
    on_state: Callable[[StreamState], None] = lambda _state: None
    wake: threading.Event = field(default_factory=threading.Event)
    stages: Stages = UNTIMED


class Feed(Protocol):
    """One source while it is read.

    Attributes:
        name: what results call the source; contains no password.
        live: whether only the newest frame counts. An address may turn out to be a file once it
            is open; this changes before its first frame.
        rate_fps: sampling rate; any thread may change it.
        source_fps: the source's own rate once it is open; None if unknown.
        frame_count: announced frames of a file once it is open; None if unknown.
        counters: what it has done so far.
        error: why it ended, if it failed for good.
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
        """Whether all frames were taken and no more will come."""
        ...

    def start(self) -> None:
        """Start reading."""
        ...

    def hide(self, mask: Mask | None) -> None:
        """Hide other parts of its pictures from the next one on; any thread may call this."""
        ...

    def take(self) -> Captured | None:
        """Return and forget the next frame: a file's next, a live source's newest due one."""
        ...

    def stop(self) -> None:
        """Ask the thread to end; does not wait for it."""
        ...

    def join(self, timeout_s: float) -> bool:
        """Wait for the thread; return whether it has ended."""
        ...
