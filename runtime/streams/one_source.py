"""One source without a command around it: what `Recognizer.stream` yields."""

import logging
import threading
from collections import deque
from collections.abc import Generator, Iterator
from pathlib import Path
from time import monotonic

from ..errors import SourceError
from ..results import Message, Recognition, StreamState
from ..sources.feed import FeedOptions
from ..sources.frames import Frame
from ..sources.open_feed import open_feed
from ..sources.spec import spec_of
from .batcher import Batcher
from .lane import Lane
from .stream import Stream, StreamOptions, WindowRecognizer

# A network stream that has not come by then was most likely written wrongly.
FIRST_PICTURE_S = 10.0

log = logging.getLogger(__name__)


class _Results:
    """A sink that keeps results until they are taken."""

    name, wants_frames = "results", False

    def __init__(self) -> None:
        self._found: deque[Recognition] = deque()

    def put(self, message: Message) -> None:
        if isinstance(message, Recognition):
            self._found.append(message)

    def show(self, source: str, frame: Frame, latest: Recognition | None) -> None: ...

    def source_ended(self, source: str) -> None: ...

    def close(self, timeout_s: float) -> None: ...

    def take(self) -> Iterator[Recognition]:
        while self._found:
            yield self._found.popleft()


class _Watch:
    """What becomes of a live source, said in the log, from the feed's thread."""

    def __init__(self) -> None:
        self.has_lived = False
        self.reason = ""

    def note(self, state: StreamState) -> None:
        if state.state == "live":
            self.has_lived = True
        elif state.state in ("lost", "stalled"):
            self.reason = state.reason
            log.warning("%s is %s: %s", state.source, state.state, state.reason)


def recognitions(
    recognizer: WindowRecognizer, source: str | int | Path, options: StreamOptions | None
) -> Generator[Recognition, None, None]:
    """Yield what is recognised in one source over time; see `Recognizer.stream`."""
    results, wake, watch = _Results(), threading.Event(), _Watch()
    rounds = Batcher(recognizer, results, wake=wake)
    spec = spec_of(source)
    stream = Stream(recognizer, spec.name, options)
    feed = open_feed(spec, FeedOptions(wake=wake, on_state=watch.note), stream.rate_fps)
    start_s = monotonic()
    rounds.add(Lane(feed, stream, stream.rate_fps))
    try:
        while rounds.lanes:
            rounds.once(0.1)
            yield from results.take()
            if watch.reason and not watch.has_lived and monotonic() - start_s > FIRST_PICTURE_S:
                raise SourceError(f"{spec.name} has given no picture: {watch.reason}")
        if feed.error:
            raise feed.error
    finally:
        rounds.close()
