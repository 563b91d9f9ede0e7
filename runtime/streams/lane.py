"""One source in a run: its feed, its window, its decisions."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from time import monotonic

from ..decisions.events import Decider
from ..decisions.policy import Policy
from ..labels.labels import Label
from ..results import Recognition
from ..sources.feed import Captured, Feed
from .stream import Prepared, Stream

# A stream that gives nothing for so long, or for so many of its periods, asks for nothing.
QUIET_S, QUIET_PERIODS = 2.0, 3.0


@dataclass(eq=False)
class Lane:
    """One source in a run.

    Attributes:
        feed: where its frames come from.
        stream: its window.
        asked_fps: its sampling rate, where the machine is fast enough.
        decider: what makes decisions and events of its results; None makes none.
        policy_for: what the decider goes by, for labels; asked when these change.
        encoded: frames that were encoded.
        results: results that were given.
        latest: its last result.
        ended: whether all of it is done.
    """

    feed: Feed
    stream: Stream
    asked_fps: float
    decider: Decider | None = None
    policy_for: Callable[[Sequence[Label]], Policy] | None = None
    encoded: int = 0
    results: int = 0
    latest: Recognition | None = None
    ended: bool = False
    _connection: int = field(default=1, repr=False)
    _given_s: float = field(default_factory=monotonic, repr=False)

    @property
    def name(self) -> str:
        """What results call the source."""
        return self.feed.name

    @property
    def asks(self) -> bool:
        """Whether frames of it are to be expected: it is live, and gave one not long ago."""
        quiet_s = max(QUIET_S, QUIET_PERIODS / self.feed.rate_fps)
        return self.feed.live and monotonic() - self._given_s < quiet_s

    def use_share(self, share: float) -> None:
        """Sample a live source less; a file is read in full."""
        rate_fps = self.asked_fps * share if self.feed.live else self.asked_fps
        self.feed.rate_fps = self.stream.rate_fps = rate_fps

    def take(self) -> Captured | None:
        """Return what is to be looked at next; None if there is nothing new."""
        captured = self.feed.take()
        if captured:
            self._given_s = captured.monotonic_s
        return captured

    def counters(self) -> dict[str, int]:
        """Return what was done so far, by name."""
        seen = self.feed.counters
        return {
            "read": seen.read,
            "sampled": seen.sampled,
            "dropped": seen.dropped,
            "connections": seen.connections,
            "encoded": self.encoded,
            "results": self.results,
        }

    def prepare(self, captured: Captured) -> Prepared:
        """Make a due frame ready; one of another connection belongs to no window before it."""
        breaks = captured.connection != self._connection
        self._connection = captured.connection
        frame = captured.frame
        return self.stream.prepare(frame.image_hwc, frame.time_s, breaks=breaks)
