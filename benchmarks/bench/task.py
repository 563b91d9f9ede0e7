"""What the three modes share: feeds, lanes, sinks, and how long they run."""

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
from ...runtime.sinks.sink import Fanout, Sink
from ...runtime.sources.feed import Feed, FeedOptions
from ...runtime.stages import UNTIMED, Stages
from ...runtime.streams.lane import Lane
from ...runtime.streams.stream import StreamOptions
from .sources import Footage
from .stopwatch import Stopwatch

TICK_S = 0.1
JOIN_S = 1.0
# Caches fill, and an engine's first runs are slow.
_WARM_UP_S = 0.5
LEAST_DECISIONS = 3
# A source that gives nothing for this long does not work.
PATIENCE_S = 20.0
# A clip may show the same picture for long.
_NEVER_STALLED_S = 1e6


@dataclass(frozen=True, kw_only=True)
class Task:
    recognizer: Recognizer  # the bundle with its labels; reports its stages to `stopwatch`
    stopwatch: Stopwatch  # of the run's thread
    sampling: StreamOptions  # frames of a window and their rate
    footage: Footage  # the source
    streams: int  # how many live streams to watch
    seconds: float  # how long to time each mode

    @property
    def warm_up_s(self) -> float:
        """How long a mode runs before it is timed."""
        return min(_WARM_UP_S, self.seconds)

    @property
    def frames(self) -> int:
        """T, frames of a window."""
        return self.sampling.sampling(self.recognizer.manifest).frames

    @property
    def rate_fps(self) -> float:
        return self.sampling.sampling(self.recognizer.manifest).rate_fps


@dataclass
class Results(Sink):
    """A sink that counts results and keeps their ages."""

    name: str = "benchmark"
    results: int = 0
    share: float = 1.0
    ages_ms: "array[float]" = field(default_factory=lambda: array("d"))

    def put(self, message: Message) -> None:
        if isinstance(message, Recognition):
            self.results += 1
            if message.age_ms is not None:
                self.ages_ms.append(message.age_ms)
        elif isinstance(message, Overload):
            self.share = min(self.share, message.share)

    def close(self, timeout_s: float) -> None:
        """Nothing to close."""


def until(seconds: float, least: int, once: Callable[[], int]) -> tuple[float, int]:
    """Repeat for so long and until so much is done; return the seconds, and how much was done."""
    start_s, done = perf_counter(), 0
    while (passed_s := perf_counter() - start_s) < seconds or done < least:
        done += once()
        if passed_s > max(10 * seconds, PATIENCE_S) and not done:
            raise SourceError("The source is too short for a window: name a longer one.")
    return perf_counter() - start_s, done


def check_feeds(feeds: Sequence[Feed]) -> None:
    """Raise the error that ended a feed."""
    for feed in feeds:
        if feed.error:
            raise feed.error


def open_lane(task: Task, feed: Feed) -> Lane:
    """Return a lane as in a run, with decisions and events."""
    stream = task.recognizer.open_stream(feed.name, task.sampling)
    return Lane(feed, stream, task.rate_fps, Decider(Policy(), feed.name))


def open_sink(*more: Results) -> Fanout:
    """Return sinks that write JSON lines as `stzsar-run` does, to nowhere."""
    return Fanout([JsonLines(Path(os.devnull)), *more])


def feed_options(wake: threading.Event, stages: Stages = UNTIMED) -> FeedOptions:
    """Return options of a feed; it reports decoding to `stages`."""
    return FeedOptions(wake=wake, stalled_s=_NEVER_STALLED_S, stages=stages)


def stop_feeds(feeds: Sequence[Feed]) -> None:
    """Stop all feeds, then wait a moment for their threads."""
    for feed in feeds:
        feed.stop()
    for feed in feeds:
        feed.join(JOIN_S)


def stream_name(index: int = 0) -> str:
    return f"stream {index + 1}"
