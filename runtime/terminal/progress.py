"""The progress bar on stderr: rich's own, and none where stderr is not a terminal."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    ProgressColumn,
    TaskProgressColumn,
    TextColumn,
    TimeRemainingColumn,
)

from ..callbacks import OnBuild, OnEmbedded
from .commandline import console
from .shortened import shortened


def bar(shown: bool = True, *columns: ProgressColumn, on: Console | None = None) -> Progress:
    """Return a progress bar, to use in a `with` block; it vanishes at the end.

    Args:
        shown: whether it may be shown at all.
        columns: what it shows beside the share that is done and the time that is left.
        on: the console to draw on; stderr's if None.
    """
    on = on or console
    return Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=20),  # all of it fits into 80 columns
        TaskProgressColumn(),
        *columns,
        TimeRemainingColumn(),
        console=on,
        transient=True,
        redirect_stdout=False,  # rich would send results to stderr
        disable=not (shown and on.is_terminal),
    )


@contextmanager
def loading_progress(*, shown: bool = True) -> Iterator[tuple[OnEmbedded, OnBuild]]:
    """Show how many labels are embedded and how far an engine is built; yield the two callbacks."""
    with bar(shown) as progress:
        task = progress.add_task("loading", total=None)

        def embedded(done: int, total: int) -> None:
            description = f"embedding labels, {done} of {total} texts"
            progress.update(task, description=description, completed=done, total=total)

        def built(share: float, phase: str) -> None:
            progress.update(task, description=shortened(phase, 40), completed=share, total=1.0)

        yield embedded, built


@contextmanager
def transfer_progress() -> Iterator[Callable[[int, int], None]]:
    """Show how many bytes of a download are there; yield the callback that takes both numbers."""
    with bar(True, DownloadColumn()) as progress:
        task = progress.add_task("downloading the weights", total=None)
        yield lambda done, total: progress.update(task, completed=done, total=total)
