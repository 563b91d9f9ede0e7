"""One feed for several lanes: each region of a stream takes the frames that are due for it."""

from collections import deque
from collections.abc import Sequence
from dataclasses import replace

from ..errors import SourceError
from ..preprocessing.sampling import RateSampler
from .areas import Mask
from .feed import Captured, Feed, FeedCounters


class SharedFeed:
    """A feed of which each view has a rate of its own; only the run's thread takes frames.

    Attributes:
        views: one for each lane; the first also gets the frames that are due for nobody.
    """

    def __init__(self, feed: Feed, rates_fps: Sequence[float]) -> None:
        self.views = tuple(FeedView(self, feed, rate_fps) for rate_fps in rates_fps)
        self._feed = feed
        self.use_rates()

    def use_rates(self) -> None:
        """Sample the source as often as the fastest view asks for."""
        self._feed.rate_fps = max(view.rate_fps for view in self.views)

    def pull(self) -> bool:
        """Hand the next frame of the source to the views; return False if there is none."""
        captured = self._feed.take()
        if captured is None:
            return False
        for view in self.views:
            view.offer(captured, fastest_fps=self._feed.rate_fps)
        return True


class FeedView:
    """One lane's view of a shared feed.

    Attributes: see `feed.Feed`.
    """

    def __init__(self, shared: SharedFeed, feed: Feed, rate_fps: float) -> None:
        self.name = feed.name
        self._shared, self._feed = shared, feed
        self._rate_fps = rate_fps
        self._sampler = RateSampler(rate_fps)
        self._waiting: deque[Captured] = deque()
        self._sampled = self._dropped = 0

    @property
    def live(self) -> bool:
        """Whether only the newest frame counts."""
        return self._feed.live

    @property
    def rate_fps(self) -> float:
        """This view's sampling rate."""
        return self._rate_fps

    @rate_fps.setter
    def rate_fps(self, rate_fps: float) -> None:
        self._rate_fps = rate_fps
        self._sampler.use_rate(rate_fps)
        self._shared.use_rates()

    @property
    def source_fps(self) -> float | None:
        """The source's own rate."""
        return self._feed.source_fps

    @property
    def frame_count(self) -> int | None:
        """Announced frames of a file."""
        return self._feed.frame_count

    @property
    def counters(self) -> FeedCounters:
        """What the source did, and the frames of this view."""
        lost = self._feed.counters.dropped  # due for the fastest view, and so perhaps for this one
        return replace(
            self._feed.counters, sampled=self._sampled + lost, dropped=self._dropped + lost
        )

    @property
    def error(self) -> SourceError | None:
        """Why the source ended; only the first view says so."""
        return self._feed.error if self._is_first else None

    @property
    def finished(self) -> bool:
        """Whether all frames were taken and no more will come."""
        return not self._waiting and self._feed.finished

    @property
    def _is_first(self) -> bool:
        return self._shared.views[0] is self

    def start(self) -> None:
        """Start to read the source, which the first view does for all."""
        if self._is_first:
            self._feed.start()

    def hide(self, mask: Mask | None) -> None:
        """Hide other parts of the source's pictures, for all views."""
        self._feed.hide(mask)

    def take(self) -> Captured | None:
        """Return and forget the next frame of this view."""
        while not self._waiting:
            if not self._shared.pull():
                return None
        return self._waiting.popleft()

    def offer(self, captured: Captured, *, fastest_fps: float) -> None:
        """Take a frame of the source, if it is due or this is the first view."""
        is_due = captured.due and (
            self._rate_fps >= fastest_fps or self._sampler.due(captured.frame.time_s)
        )
        if not is_due and not self._is_first:
            return
        if self.live:
            # As in a mailbox: a due frame replaces what waits, another one waits behind it.
            kept = [] if is_due else [old for old in self._waiting if old.due]
            self._dropped += sum(old.due for old in self._waiting) - len(kept)
            self._waiting = deque(kept)
        self._sampled += is_due
        self._waiting.append(replace(captured, due=is_due))

    def stop(self) -> None:
        """Ask the source's thread to end."""
        self._waiting.clear()
        self._feed.stop()

    def join(self, timeout_s: float) -> bool:
        """Wait for the thread; return whether it has ended."""
        return self._feed.join(timeout_s)
