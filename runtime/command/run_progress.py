"""The progress of a run: a bar over files, or a line about streams."""

from collections.abc import Sequence
from types import TracebackType

from ..sources.feed import Feed
from ..streams.lane import Lane
from ..terminal.commandline import console, printable
from ..terminal.progress import bar

# More of them do not fit onto a line.
SHOWN_STREAMS = 3


class RunProgress:
    """How far a run is: a bar over its files, or a line on its streams; a context manager."""

    def __init__(self, *, shown: bool) -> None:
        # stdout is never redirected: rich would send results to stderr.
        self._progress = bar(shown and console.is_terminal)
        self._task = self._progress.add_task("", total=None)

    def file(self, number: int, files: int, feed: Feed | None = None) -> None:
        """Show how many files are done, and how far the one that is being read is."""
        if self._progress.disable:
            return
        parts = [f"file {number + 1} of {files}"] if files > 1 else []
        share = 0.0
        if feed and feed.counters.read:
            of_all = f" of {feed.frame_count}" if feed.frame_count else ""
            parts.append(f"frame {feed.counters.read}{of_all}")
            share = min(1.0, feed.counters.read / feed.frame_count) if feed.frame_count else 0.0
        self._progress.update(
            self._task, completed=number + share, total=files, description=", ".join(parts)
        )

    def live(self, lanes: Sequence[Lane], share: float) -> None:
        """Show what streams do: their last results, how old those are, and how many were lost."""
        if self._progress.disable:
            return
        parts = [
            f"{lane.name}: {lane.latest.decision or 'none of these'}"
            for lane in lanes[:SHOWN_STREAMS]
            if lane.latest
        ]
        if len(lanes) > SHOWN_STREAMS:
            parts.append(f"and {len(lanes) - SHOWN_STREAMS} more")
        ages = [lane.latest.age_ms for lane in lanes if lane.latest and lane.latest.age_ms]
        if ages:
            parts.append(f"{max(ages):.0f} ms old")
        if share < 1:
            parts.append(f"too slow for more than {share:.0%} of the rate")
        self._progress.update(self._task, description=printable(", ".join(parts)))

    def __enter__(self) -> "RunProgress":
        self._progress.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._progress.stop()
