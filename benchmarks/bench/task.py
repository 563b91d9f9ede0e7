"""What the benchmark's modes do, and what they share: feeds, lanes, sinks, the time."""

import os
import threading
from array import array
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter

from ...runtime.decisions.events import Decider
from ...runtime.decisions.policy import Policy
from ...runtime.errors import SourceError
from ...runtime.recognizer import Recognizer
from ...runtime.results import Message, Overload, Recognition
from ...runtime.sinks.jsonl import JsonLines
from ...runtime.sinks.sink import Fanout
from ...runtime.sources.feed import Feed, FeedOptions
from ...runtime.sources.frames import Frame
from ...runtime.stages import UNTIMED, Stages
from ...runtime.streams.lane import Lane
from ...runtime.streams.stream import StreamOptions
from .sources import OpenEndless, OpenFeed
from .stopwatch import Stopwatch

TICK_S = 0.1
JOIN_S = 1.0
# Before the time counts: caches fill, and an engine's first runs are slow.
WARM_UP_S = 0.5
LEAST_DECISIONS = 3
# A source that gives nothing for so long does not work.
PATIENCE_S = 20.0
# A clip may well show the same picture for long: that is no fault here.
NEVER_STALLED_S = 1e6


@dataclass(frozen=True, kw_only=True)
class Task:
    """What all modes do.

    Attributes:
        recognizer: the bundle with its labels; its graphs' runs are told to `stopwatch`.
        stopwatch: of what is done in the run's thread.
        looked_at: frames of a window and their rate.
        open_endless: opens the source so that it never ends and is read as fast as it is taken.
        open_live: opens it so that it comes in real time.
        streams: how many of these are watched.
        seconds: how long each mode is timed.
        warm_up_s: how long it runs before that.
    """

    recognizer: Recognizer
    stopwatch: Stopwatch
    looked_at: StreamOptions
    open_endless: OpenEndless
    open_live: OpenFeed
    streams: int
    seconds: float
    warm_up_s: float

    @property
    def frames(self) -> int:
        """T, frames of a window."""
        return self.looked_at.sampling(self.recognizer.manifest).frames

    @property
    def rate_fps(self) -> float:
        """Frames that are looked at per second."""
        return self.looked_at.sampling(self.recognizer.manifest).rate_fps


@dataclass
class Results:
    """A sink that counts, and keeps ages."""

    name: str = "benchmark"
    wants_frames: bool = False
    results: int = 0
    share: float = 1.0
    ages_ms: "array[float]" = field(default_factory=lambda: array("d"))

    def put(self, message: Message) -> None:
        """Count a result."""
        if isinstance(message, Recognition):
            self.results += 1
            if message.age_ms is not None:
                self.ages_ms.append(message.age_ms)
        elif isinstance(message, Overload):
            self.share = min(self.share, message.share)

    def show(self, source: str, frame: Frame, latest: Recognition | None) -> None:
        """Do nothing."""

    def source_ended(self, source: str) -> None:
        """Do nothing."""

    def close(self, timeout_s: float) -> None:
        """Do nothing."""


def until(seconds: float, least: int, once: Callable[[], int]) -> tuple[float, int]:
    """Go on for so long, and until so much is done; return how long it took, and how much."""
    start_s, done = perf_counter(), 0
    while (passed_s := perf_counter() - start_s) < seconds or done < least:
        done += once()
        if passed_s > max(10 * seconds, PATIENCE_S) and not done:
            raise SourceError("The source gives too few frames for a window: take a longer one.")
    return perf_counter() - start_s, done


def check_feeds(feeds: Sequence[Feed]) -> None:
    """Raise what ended one of them."""
    for feed in feeds:
        if feed.error:
            raise feed.error


def open_lane(task: Task, feed: Feed) -> Lane:
    """Return a lane as a run has it, with decisions and events."""
    stream = task.recognizer.open_stream(feed.name, task.looked_at)
    return Lane(feed, stream, task.rate_fps, Decider(Policy(), feed.name))


def open_sink(*more: Results) -> Fanout:
    """Return a sink that writes lines as `stzsar-run` does, to where nobody reads them."""
    return Fanout([JsonLines(Path(os.devnull)), *more])


def feed_options(wake: threading.Event, stages: Stages = UNTIMED) -> FeedOptions:
    """Return what a feed is told; `stages` learns how long it decodes."""
    return FeedOptions(wake=wake, stalled_s=NEVER_STALLED_S, stages=stages)


def stop_feeds(feeds: Sequence[Feed]) -> None:
    """End them, and wait a moment for their threads."""
    for feed in feeds:
        feed.stop()
    for feed in feeds:
        feed.join(JOIN_S)


def stream_name(index: int = 0) -> str:
    """Return what results call a stream."""
    return f"stream {index + 1}"
