"""Progress bars on stderr; where stderr is no terminal, or a bar is not wanted, there is none."""

from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType

from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from .commandline import console
from .engine import OnBuild
from .text import Progress as Report


class SourceProgress:
    """One bar over all sources, by the frames of each; a context manager that draws it."""

    def __init__(self, sources: int, *, shown: bool) -> None:
        self._sources = sources
        # stdout is never redirected: rich would send results to stderr.
        self._progress = _bar(shown and console.is_terminal)
        self._task = self._progress.add_task("", total=sources)
        self._done = -1
        self._frames = 0
        self._frame_count: int | None = None

    def start(self) -> None:
        """Begin the next source."""
        self._done += 1
        self._frames, self._frame_count = 0, None
        self._draw()

    def expect(self, frame_count: int | None) -> None:
        """Note how many frames the source announces, if it does."""
        self._frame_count = frame_count

    def tick(self, _time_s: float = 0.0) -> None:
        """Count a frame."""
        self._frames += 1
        self._draw()

    def __enter__(self) -> "SourceProgress":
        self._progress.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._progress.stop()

    def _draw(self) -> None:
        if self._progress.disable:
            return
        parts = [f"file {self._done + 1} of {self._sources}"] if self._sources > 1 else []
        if self._frames:
            of_all = f" of {self._frame_count}" if self._frame_count else ""
            parts.append(f"frame {self._frames}{of_all}")
        share = min(1.0, self._frames / self._frame_count) if self._frame_count else 0.0
        self._progress.update(
            self._task,
            completed=self._done + share,
            description=", ".join(parts),
        )


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
