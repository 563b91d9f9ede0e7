"""A progress bar on stderr; where that is no terminal, there is none."""

from types import TracebackType

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from ...runtime.commandline import console


class Bars:
    """How far the road is: a context manager."""

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
