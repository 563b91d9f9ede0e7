"""What a loop is to read of a source: how it is opened, sampled and decided on."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

from ..sources.areas import Region
from ..sources.feed import Feed, FeedOptions
from ..sources.file_feed import FileFeed
from ..sources.frames import Due, Frame, Source
from ..sources.open_feed import open_feed
from ..sources.spec import SourceSpec
from ..sources.uri import is_live
from .lane import PolicyFor
from .stream import StreamOptions


@dataclass(frozen=True, kw_only=True)
class StreamPlan:
    """A source that a loop is to read."""

    name: str  # what results call it
    live: bool  # whether it is a camera or a stream
    open: Callable[[FeedOptions, float], Feed]  # opens its feed, with a sampling rate
    options: StreamOptions  # how it is sampled
    source_fps: float | None = None  # its own rate, where that is known before it is opened
    policy_for: PolicyFor | None = None  # the policy for its labels; None makes no decisions
    region: Region | None = None  # the part of its pictures that is looked at; None is all of them
    # The stream that it is a region of. Plans of one stream follow each other, and share the feed
    # that the first one opens.
    source: str | None = None


def plan_of(
    source: SourceSpec | Source, options: StreamOptions, policy_for: PolicyFor | None = None
) -> StreamPlan:
    """Return the plan of a source that is still closed, or of one that the caller has opened."""
    if isinstance(source, SourceSpec):
        return StreamPlan(
            name=source.name,
            live=is_live(source.uri),
            open=partial(open_feed, source),
            options=options,
            policy_for=policy_for,
            region=source.region,
            source=source.stream,
        )
    left_open = _LeftOpen(source)
    return StreamPlan(
        name=source.name,
        live=False,
        open=partial(FileFeed, source.name, lambda: left_open),
        options=options,
        source_fps=source.fps,
        policy_for=policy_for,
    )


class _LeftOpen:
    """A source that its feed does not close, since the caller opened it."""

    def __init__(self, source: Source) -> None:
        self.name, self.fps, self.size_wh = source.name, source.fps, source.size_wh
        self.frame_count, self.live = source.frame_count, source.live
        self._source = source

    def frames(self, due: Due | None = None) -> Iterator[Frame]:
        return self._source.frames(due)

    def close(self) -> None: ...
