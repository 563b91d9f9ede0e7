"""Ctrl-C, SIGTERM and SIGHUP as exceptions that are not lost."""

import contextlib
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from types import FrameType, TracebackType
from typing import Any

from .watchdog import Unwatched, Watchdog, exit_code

# How long a loop has to notice a signal by itself.
PATIENCE_S = 1.0
# How long a run may take to notice a signal, whatever hangs; closing may take as long again.
LIMIT_S = CLOSING_S = 2.0
# How long any command may take to remove what it has not finished.
CLEANING_S = 10.0
STOPS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class StopSignals:
    """Turns the first Ctrl-C, SIGTERM or SIGHUP into an orderly end, within a `with` block.

    A loop calls `check`, which raises. Whatever blocks elsewhere (a full pipe, a long file) is
    interrupted after a second. The signal itself raises nothing: Python drops exceptions in
    destructors and weakref callbacks, and one in the middle of a write would leave half a line. A
    second Ctrl-C or SIGTERM ends the process at once; a second SIGHUP, which a terminal that closes
    often sends, does not. Outside the main thread signals are left alone, as Python demands.
    """

    def __init__(
        self,
        on_signal: Callable[[], None] = lambda: None,
        *,
        patient: bool = False,
        limit_s: float | None = None,
    ) -> None:
        """Prepare for signals.

        Args:
            on_signal: called in the handler; it must only wake a thread.
            patient: never interrupt what blocks elsewhere.
            limit_s: leave the process if its end has not begun so long after a signal, because a
                graph or a driver hangs; None waits for ever.
        """
        self.on_signal = on_signal
        self._received: int | None = None
        self._reminds = not patient
        self._before: dict[int, Any] = {}
        self._watchdog = Unwatched() if limit_s is None else Watchdog(STOPS, limit_s)

    def __enter__(self) -> "StopSignals":
        if threading.current_thread() is not threading.main_thread():
            return self
        self._watchdog.__enter__()
        for number in STOPS:
            # A script's & and nohup start programs with ignored signals.
            if signal.getsignal(number) is not signal.SIG_IGN:
                self._before[number] = signal.signal(number, self._receive)
        if self._before:
            self._before[signal.SIGALRM] = signal.signal(signal.SIGALRM, self._remind)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if threading.current_thread() is not threading.main_thread():
            return
        if self._before:
            signal.setitimer(signal.ITIMER_REAL, 0)
        for number, handler in self._before.items():
            signal.signal(number, handler)
        self._watchdog.__exit__(kind, error, traceback)

    @property
    def received(self) -> bool:
        """Whether a signal was received."""
        return self._received is not None

    @property
    def number(self) -> int:
        """The signal received, 0 without one."""
        return self._received or 0

    def check(self) -> None:
        """Raise the exception of the first signal, if one was received.

        Raises:
            KeyboardInterrupt: Ctrl-C.
            SystemExit: SIGTERM or SIGHUP.
        """
        self.raise_for(self.number)

    @staticmethod
    def raise_for(number: int) -> None:
        """Raise the exception of signal `number`; 0 raises nothing."""
        if number == signal.SIGINT:
            raise KeyboardInterrupt
        if number:
            sys.exit(exit_code(number))

    def end_has_begun(self) -> None:
        """Stop interrupting, and give what closes its time."""
        if self._before:
            signal.setitimer(signal.ITIMER_REAL, 0)
        self._reminds = False
        self._watchdog.extend(CLOSING_S)

    def _receive(self, number: int, _frame: FrameType | None) -> None:
        if self._received is not None:
            if number != signal.SIGHUP:
                os._exit(exit_code(number))
            return
        self._received = number
        if self._reminds:
            # Repeatedly, since the exception may be raised where Python drops it.
            signal.setitimer(signal.ITIMER_REAL, PATIENCE_S, PATIENCE_S)
        self.on_signal()

    def _remind(self, _number: int, _frame: FrameType | None) -> None:
        if self._reminds:
            self.check()


@contextlib.contextmanager
def cleaned_up_on_signals() -> Iterator[None]:
    """Raise SystemExit in the block on SIGTERM and SIGHUP, so that unfinished files are removed.

    Whatever does not return to Python within ten seconds is left behind. Signals that are ignored,
    and those that somebody else handles already, are left alone.
    """
    ends = (signal.SIGTERM, signal.SIGHUP)
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def leave(number: int, _frame: FrameType | None) -> None:
        for one in ends:  # closing a terminal sends both, and a clean-up is not to be interrupted
            signal.signal(one, signal.SIG_IGN)
        sys.exit(exit_code(number))

    ours = [number for number in ends if signal.getsignal(number) is signal.SIG_DFL]
    with Watchdog(ours, CLEANING_S):
        for number in ours:
            signal.signal(number, leave)
        try:
            yield
        finally:
            for number in ours:
                signal.signal(number, signal.SIG_DFL)


@contextlib.contextmanager
def ctrl_c_held_back() -> Iterator[threading.Event]:
    """Raise Ctrl-C at the end of the block only, for C++ calls that drop exceptions.

    Yields:
        An event that Ctrl-C sets; never set where it is ignored, or outside the main thread.
    """
    pressed = threading.Event()
    in_main = threading.current_thread() is threading.main_thread()
    if not in_main or signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        yield pressed
        return
    before = signal.signal(signal.SIGINT, lambda *_: pressed.set())
    try:
        yield pressed
    finally:
        signal.signal(signal.SIGINT, before or signal.default_int_handler)
    if pressed.is_set():
        raise KeyboardInterrupt
