"""What all commands share: how errors end them, logging to stderr, the console."""

import contextlib
import errno
import functools
import logging
import os
import sys
import traceback
import unicodedata
from collections.abc import Callable
from typing import IO, Any, cast

from rich.console import Console

from ..errors import StzsarError
from .signals import cleaned_up_on_signals
from .watchdog import INTERRUPT_EXIT

log = logging.getLogger("stzsar")
_NARROWEST, _USUAL_WIDTH = 20, 80


class _PeoplesConsole(Console):
    """A console that prints with COLUMNS=0 too, which means that the width is unknown."""

    def __init__(self, *, stderr: bool = False) -> None:
        super().__init__(stderr=stderr)
        if self.width < _NARROWEST:
            self.width = _USUAL_WIDTH


class _Messages(_PeoplesConsole):
    """The console for messages, mostly on stderr, which never fails: a run survives its reader.

    Nobody may read it any more, the disk behind it may be full, or it may be closed. Then a
    message is lost; rich would close stdout and end the process.
    """

    @property
    def file(self) -> IO[str]:
        """What is written to."""
        return cast(IO[str], _Unfailing(super().file))

    @file.setter
    def file(self, new_file: IO[str]) -> None:
        self._file = new_file


class _Unfailing:
    """A text file that drops what cannot be written."""

    def __init__(self, file: IO[str] | None) -> None:
        self._target = file

    def write(self, text: str) -> int:
        with contextlib.suppress(OSError, ValueError):  # ValueError: it is closed
            if self._target:
                self._target.write(text)
        return len(text)

    def flush(self) -> None:
        with contextlib.suppress(OSError, ValueError):
            if self._target:
                self._target.flush()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._target, name)


# stdout is for results only; messages for people go to stderr.
console = _Messages(stderr=True)


def _sentence(error: OSError) -> str:
    """Say what the system refused; a disk that is full names no file."""
    reason = error.strerror or str(error)
    if error.filename:
        return f"Cannot use {error.filename}: {reason}."
    is_full = error.errno in (errno.ENOSPC, errno.EDQUOT)
    return f"{reason}: make room, or write to another disk." if is_full else f"{reason}."


def person_on_stdout() -> Console:
    """Return a console for people on stdout, where that is a terminal and stderr is none."""
    return _Messages()


# Characters that change the direction of writing, and so the meaning of what people see.
_BIDI = {*map(chr, [0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A)])}
SIGPIPE_EXIT = 141

_threads_left = False


def at_the_edge(command: Callable[..., Any]) -> Callable[..., Any]:
    """Make `command(debug=…)` end with one sentence and an exit code on a user's mistake.

    With `--debug` the exception keeps its traceback. When the reader of stdout leaves
    (`stzsar-run … | head -1`), the command ends in silence.
    """

    @functools.wraps(command)
    def guarded(*args: Any, debug: bool, **options: Any) -> Any:
        _restart_in_utf8()
        start_logging(debug=debug)
        try:
            with cleaned_up_on_signals():
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
            show_error(StzsarError(_sentence(error)))
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
        finally:
            _drop_unwritten_messages()

    return guarded


def _restart_in_utf8() -> None:
    """Start the program again in Python's UTF-8 mode where the locale has another encoding.

    File names are UTF-8 on disk and for OpenCV, FFmpeg and ONNX Runtime; under LANG=C, or an old
    ISO-8859-1, Python would read and write other names.
    """
    if sys.getfilesystemencoding().lower() != "utf-8" and not sys.flags.utf8_mode:
        os.execv(sys.executable, [sys.executable, "-X", "utf8", *sys.orig_argv[1:]])


def leave_threads_behind() -> None:
    """Note that a thread hangs in a driver: the end of the program must not wait for it."""
    global _threads_left  # the process is what ends
    _threads_left = True


def run_as_program(command: Callable[[], Any]) -> None:
    """Run a command that ends with SystemExit, and end the process even if threads hang.

    Destructors of C++ libraries would abort while such a thread still runs.
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
        with contextlib.suppress(OSError, ValueError):  # its reader may be gone
            if stream:
                stream.flush()
    os._exit(code)


def say(message: str) -> None:
    """Print a line on stderr, without wrapping or markup."""
    console.print(printable(message), markup=False, highlight=False, soft_wrap=True)


def printable(text: str) -> str:
    """Replace control characters, which could deceive a terminal, by spaces."""
    return "".join(
        " " if unicodedata.category(c) in ("Cc", "Cs") or c in _BIDI else c for c in text
    )


class Output(_PeoplesConsole):
    """The console for a command's result, on stdout."""

    def on_broken_pipe(self) -> None:
        """Let `at_the_edge` end the command; rich would exit with code 1."""
        raise BrokenPipeError


def show_error(error: StzsarError) -> None:
    """Print an error on stderr."""
    say(f"Error: {error}")


class _LogToPeople(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        say(self.format(record))


def _forget_stdout() -> None:
    """Redirect stdout to nowhere, so that Python does not complain when it flushes it."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _drop_unwritten_messages() -> None:
    """Drop what stderr cannot take; Python would fail to flush it, and exit with code 120."""
    if sys.stderr is None:
        return
    try:
        sys.stderr.flush()
    except (OSError, ValueError):
        with contextlib.suppress(OSError, ValueError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stderr.fileno())


def start_logging(*, debug: bool = False) -> None:
    """Send stzsar's log to stderr, one line a message."""
    log.handlers = [_LogToPeople()]
    log.propagate = False
    log.setLevel(logging.DEBUG if debug else logging.INFO)
