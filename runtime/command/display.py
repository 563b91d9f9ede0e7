"""What a person at the terminal sees of a run, and whether JSON lines go there instead."""

import os
import stat
import sys
from collections.abc import Callable
from pathlib import Path

from rich.console import Console

from ..sinks.live_lines import LiveLines, Reading
from ..terminal.commandline import console, person_on_stdout


def writes_lines(*, output: Path | None, json: bool, quiet: bool) -> bool:
    """Whether JSON lines are written: to a file, to a pipe, or to a terminal that shows no more.

    Args:
        output: the file for them.
        json: whether they were asked for.
        quiet: whether nothing else is shown.
    """
    return output is not None or json or quiet or not _is_terminal(sys.stdout) or _watched() is None


def open_display(
    *,
    output: Path | None,
    json: bool = False,
    quiet: bool = False,
    reading: Callable[[], Reading] = dict,
    files: int = 0,
    labels: int = 3,
    each_result: bool = False,
) -> list[LiveLines]:
    """Return the live lines of a run, which begin at once; none where they would be in the way.

    Args:
        output: see `writes_lines`.
        json: see `writes_lines`.
        quiet: see `writes_lines`.
        reading: see `LiveLines`.
        files: see `LiveLines`.
        labels: see `LiveLines`.
        each_result: see `LiveLines`; only where no JSON line has them.
    """
    has_lines = writes_lines(output=output, json=json, quiet=quiet)
    on = _watched()
    # Results on the same terminal would tear the lines.
    if quiet or on is None or (has_lines and output is None and _is_terminal(sys.stdout)):
        return []
    return [
        LiveLines(
            on,
            reading=reading,
            files=files,
            labels=labels,
            each_result=each_result and not has_lines,
            one_line=output is None and _is_pipe(),
        )
    ]


def _watched() -> Console | None:
    """Return the console that a person looks at; None without one that can move its cursor."""
    if console.is_terminal:
        return None if console.is_dumb_terminal else console
    if not _is_terminal(sys.stdout):
        return None
    on_stdout = person_on_stdout()
    return None if on_stdout.is_dumb_terminal else on_stdout


def _is_terminal(file: object) -> bool:
    is_terminal = getattr(file, "isatty", None)
    return bool(is_terminal and is_terminal())


def _is_pipe() -> bool:
    """Whether another program reads the results, which may write to the same terminal."""
    try:
        return stat.S_ISFIFO(os.fstat(sys.stdout.fileno()).st_mode)
    except (AttributeError, OSError, ValueError):
        return False
