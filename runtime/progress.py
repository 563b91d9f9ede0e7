"""Progress bars on stderr; where stderr is no terminal, or a bar is not wanted, there is none."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import TracebackType

from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from .commandline import console, printable
from .engine import OnBuild
from .lane import Lane
from .sources.feed import Feed
from .text import Progress as Report

# More of them do not fit onto a line.
SHOWN_STREAMS = 3


class RunProgress:
    """How far a run is: a bar over its files, or a line on its streams; a context manager."""

    def __init__(self, *, shown: bool) -> None:
        # stdout is never redirected: rich would send results to stderr.
        self._progress = _bar(shown and console.is_terminal)
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


@contextmanager
def loading_progress(*, shown: bool) -> Iterator[tuple[Report, OnBuild]]:
    """Give two callbacks that draw how many texts are embedded, and how far an engine's build is.

    They share one display: a terminal has room for one.
    """
    with _bar(shown and console.is_terminal) as progress:
        texts = progress.add_task("embedding labels", total=None, visible=False)
        build = progress.add_task("building", total=1.0, visible=False)

        def embedded(done: int, total: int) -> None:
            progress.update(texts, completed=done, total=total, visible=True)

        def built(share: float, phase: str) -> None:
            progress.update(build, completed=share, description=f"{phase:.40}", visible=True)

        yield embedded, built


def _bar(shown: bool) -> Progress:
    return Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f} %"),
        TimeRemainingColumn(),
        console=console,
        transient=True,
        redirect_stdout=False,
        disable=not shown,
    )
