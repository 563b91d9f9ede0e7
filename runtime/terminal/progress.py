"""The progress bar on stderr; none is shown where stderr is not a terminal."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from ..callbacks import OnBuild, OnEmbedded
from .commandline import console, printable

# Called with what is being done, how much of it is done, and of how much (None if unknown).
Report = Callable[[str, float, float | None], None]


@contextmanager
def bar(*, shown: bool = True) -> Iterator[Report]:
    """Show a bar that vanishes at the end of the block; yield the function that moves it."""
    with Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TaskProgressColumn(),
        TimeRemainingColumn(),
        console=console,
        transient=True,
        redirect_stdout=False,  # rich would send results to stderr
        disable=not (shown and console.is_terminal),
    ) as progress:
        task = progress.add_task("", total=None)

        def report(what: str, done: float, total: float | None) -> None:
            if not progress.disable:
                text = printable(what)
                progress.update(task, description=text, completed=done, total=total)

        yield report


@contextmanager
def loading_progress(*, shown: bool = True) -> Iterator[tuple[OnEmbedded, OnBuild]]:
    """Show how many labels are embedded and how far an engine is built; yield the two callbacks."""
    with bar(shown=shown) as report:
        yield (
            lambda done, total: report("embedding labels", done, total),
            lambda share, phase: report(f"{phase:.40}", share, 1.0),
        )
