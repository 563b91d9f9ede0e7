"""What the commands share: errors at the edge, logging to stderr, the console."""

import contextlib
import functools
import logging
import os
import sys
import traceback
import unicodedata
from collections.abc import Callable
from typing import Any

from rich.console import Console

from ..errors import StzsarError

log = logging.getLogger("stzsar")
_NARROWEST, _USUAL_WIDTH = 20, 80


class _PeoplesConsole(Console):
    """A console that never prints nothing: COLUMNS=0 says that the width is not known."""

    def __init__(self, *, stderr: bool = False) -> None:
        super().__init__(stderr=stderr)
        if self.width < _NARROWEST:
            self.width = _USUAL_WIDTH


# Results own stdout; everything that is for people goes to stderr.
console = _PeoplesConsole(stderr=True)

# What turns the direction of writing, and with it the meaning of what is shown.
_BIDI = {*map(chr, [0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A)])}
INTERRUPT_EXIT = 130
SIGPIPE_EXIT = 141
TERMINATE_EXIT = 143

_threads_left = False


def at_the_edge(command: Callable[..., Any]) -> Callable[..., Any]:
    """Make `command(debug=…)` answer a user's mistake with one sentence and an exit code.

    With `--debug` the exception goes through with its traceback. A reader of stdout that has seen
    enough (`stzsar-run … | head -1`) ends the command without a word.
    """

    @functools.wraps(command)
    def guarded(*args: Any, debug: bool, **options: Any) -> Any:
        start_logging(debug=debug)
        try:
            return command(*args, **options)
        except BrokenPipeError:
            _forget_stdout()
            sys.exit(SIGPIPE_EXIT)
        except StzsarError as error:
            if debug:
                raise
            show_error(error)
            sys.exit(error.exit_code)
        except OSError as error:
            if debug:
                raise
            where = f" {error.filename}" if error.filename else ""
            show_error(StzsarError(f"Cannot use{where}: {error.strerror or error}."))
            sys.exit(StzsarError.exit_code)
        except ModuleNotFoundError as error:
            if debug or (error.name or "").startswith("stzsar"):
                raise
            show_error(
                StzsarError(
                    f"The package {error.name} is not installed: run pip install '.[cpu,train]' "
                    "in stzsar's folder to train, '.[cpu,export]' to export."
                )
            )
            sys.exit(StzsarError.exit_code)
        except KeyboardInterrupt:
            say("Stopped.")
            sys.exit(INTERRUPT_EXIT)

    return guarded


def leave_threads_behind() -> None:
    """Note that a thread sits in a driver that does not answer, so that nobody waits for it."""
    global _threads_left  # the process is what ends
    _threads_left = True


def run_as_program(command: Callable[[], Any]) -> None:
    """Run a command that ends with SystemExit, and end the process also where threads hang.

    Destructors of C++ libraries would run under such a thread and abort.
    """
    try:
        command()
    except SystemExit as end:
        if not _threads_left:
            raise
        _leave(end.code if isinstance(end.code, int) else int(end.code is not None))
    except BaseException:
        if not _threads_left:
            raise
        traceback.print_exc()
        _leave(1)


def _leave(code: int) -> None:
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):  # whoever read it may be gone
            if stream:
                stream.flush()
    os._exit(code)


def say(message: str) -> None:
    """Print one line for people on stderr, neither wrapped nor read as markup."""
    console.print(printable(message), markup=False, highlight=False, soft_wrap=True)


def printable(text: str) -> str:
    """Return `text` with spaces for control characters, with which a terminal can be deceived."""
    return "".join(
        " " if unicodedata.category(c) in ("Cc", "Cs") or c in _BIDI else c for c in text
    )


class Output(_PeoplesConsole):
    """The console of a command whose result goes to stdout."""

    def on_broken_pipe(self) -> None:
        """Let `at_the_edge` end the command, where rich would with exit code 1."""
        raise BrokenPipeError


def show_error(error: StzsarError) -> None:
    """Print what was wrong, on stderr."""
    say(f"Error: {error}")


class _LogToPeople(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        say(self.format(record))


def _forget_stdout() -> None:
    """Point stdout at nothing, so that Python does not complain when it flushes it at the end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def start_logging(*, debug: bool = False) -> None:
    """Send stzsar's log to stderr, one line a message."""
    log.handlers = [_LogToPeople()]
    log.propagate = False
    log.setLevel(logging.DEBUG if debug else logging.INFO)
