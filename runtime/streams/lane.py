"""One source in a run: its feed, its window, its decisions."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from time import monotonic

from ..decisions.events import Decider
from ..decisions.policy import Policy
from ..labels.labels import Label
from ..results import Recognition
from ..sources.areas import Region
from ..sources.feed import Captured, Feed
from .stream import Prepared, Stream

# A stream without a frame for so long, or for so many of its periods, does not count as load.
QUIET_S, QUIET_PERIODS = 2.0, 3.0

# The policy for some labels; asked again when the labels change.
PolicyFor = Callable[[Sequence[Label]], Policy]


@dataclass(eq=False)
class Lane:
    """One source in a run."""

    feed: Feed  # reads its frames
    stream: Stream  # holds its window
    asked_fps: float  # its sampling rate on a machine that is fast enough
    decider: Decider | None = None  # makes decisions and events of its results; None makes none
    policy_for: PolicyFor | None = None  # the decider's policy for some labels
    region: Region | None = None  # the part of the pictures that it looks at; None is all of them
    # Thresholds that people changed while it runs, by label; None is that of all labels.
    levels: dict[str | None, float] = field(default_factory=dict)
    shown: bool = True  # whether its pictures are; of several regions of a source, one lane's are
    resting: bool = False  # whether nothing of it is encoded: it is off, and that is wanted then
    encoded: int = 0  # number of frames encoded
    results: int = 0  # number of results
    latest: Recognition | None = None  # its last result
    ended: bool = False  # whether everything of it is done
    _connection: int = field(default=1, repr=False)
    _frame_s: float = field(default_factory=monotonic, repr=False)

    @property
    def source(self) -> str:
        """What results call the source."""
        return self.feed.name

    @property
    def name(self) -> str:
        """The source, with the region where there is one: no other lane's."""
        return f"{self.source}/{self.region.name}" if self.region else self.source

    @property
    def active(self) -> bool:
        """Whether it is live, encodes, and had a frame not long ago."""
        quiet_s = max(QUIET_S, QUIET_PERIODS / self.feed.rate_fps)
        return self.feed.live and not self.resting and monotonic() - self._frame_s < quiet_s

    def decide_by(self, labels: Sequence[Label]) -> None:
        """Have the decider decide on these labels."""
        if self.decider is None or self.policy_for is None:
            return
        policy = self.policy_for(labels)
        for label, level in self.levels.items():
            if label is None or label in (policy.thresholds or {}):
                policy = policy.with_level(label, level)
        self.decider.policy = policy

    def use_share(self, share: float) -> None:
        """Sample a live source at a share of its rate; a file is always read in full."""
        rate_fps = self.asked_fps * share if self.feed.live else self.asked_fps
        self.feed.rate_fps = self.stream.rate_fps = rate_fps

    def take(self) -> Captured | None:
        """Return the feed's next frame; None if there is nothing new."""
        captured = self.feed.take()
        if captured:
            self._frame_s = captured.monotonic_s
        return replace(captured, due=False) if captured and self.resting else captured

    def prepare(self, captured: Captured) -> Prepared:
        """Prepare a due frame; a new connection starts a new window."""
        breaks = captured.connection != self._connection
        self._connection = captured.connection
        frame = captured.frame
        is_live = captured.time is not None
        return self.stream.prepare(
            self.region.cut(frame.image_hwc) if self.region else frame.image_hwc,
            frame.time_s,
            breaks=breaks,
            clock=captured.time,
            captured_s=captured.monotonic_s if is_live else None,
        )

    def told(self, found: Recognition) -> Recognition:
        """Return a result with the source and the region instead of the lane's name."""
        if self.region is None:
            return found
        return replace(found, source=self.source, region=self.region.name)

    def counters(self) -> dict[str, int]:
        """Return what was done so far, by name."""
        feed = self.feed.counters
        return {
            "read": feed.read,
            "sampled": feed.sampled,
            "dropped": feed.dropped,
            "connections": feed.connections,
            "encoded": self.encoded,
            "results": self.results,
        }
