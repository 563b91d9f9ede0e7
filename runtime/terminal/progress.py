"""Progress bars on stderr; where stderr is no terminal, or a bar is not wanted, there is none."""

from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from ..callbacks import OnBuild, OnEmbedded
from .commandline import console


@contextmanager
def loading_progress(*, shown: bool) -> Iterator[tuple[OnEmbedded, OnBuild]]:
    """Give two callbacks that draw how many texts are embedded, and how far an engine's build is.

    They share one display: a terminal has room for one.
    """
    with bar(shown and console.is_terminal) as progress:
        texts = progress.add_task("embedding labels", total=None, visible=False)
        build = progress.add_task("building", total=1.0, visible=False)

        def embedded(done: int, total: int) -> None:
            progress.update(texts, completed=done, total=total, visible=True)

        def built(share: float, phase: str) -> None:
            progress.update(build, completed=share, description=f"{phase:.40}", visible=True)

        yield embedded, built


def bar(shown: bool) -> Progress:
    """Return a progress bar on stderr that vanishes at its end."""
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


class Bars:
    """Progress over labels, as a context manager."""

    def __init__(self) -> None:
        self._progress = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            console=console,
            transient=True,
            redirect_stdout=False,
            disable=not console.is_terminal,
        )
        self._task = self._progress.add_task("", total=None)

    def show(self, what: str, done: int, of_all: int) -> None:
        """Show what is being done, and of how many labels it is done."""
        self._progress.update(self._task, description=what, completed=done, total=of_all)

    def __enter__(self) -> "Bars":
        self._progress.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._progress.stop()
