"""Ctrl-C, SIGTERM and SIGHUP as exceptions that do not get lost."""

import contextlib
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from types import FrameType, TracebackType
from typing import Any

from .commandline import INTERRUPT_EXIT, TERMINATE_EXIT

# How long the loop of a run has to notice a signal by itself.
PATIENCE_S = 1.0


class StopSignals:
    """Turns the first Ctrl-C, SIGTERM or SIGHUP into an orderly end, within a `with` block.

    Whoever has a loop calls `check` in it. What waits elsewhere (a full pipe, a long file) is
    interrupted after a second: Python drops an exception that is raised in a destructor or a
    weakref's callback, and one in the middle of a line would leave half of it, so the signal itself
    raises nothing. A second signal ends the process at once.

    Args:
        on_signal: is called in the handler, and must only wake somebody.
        patient: leaves what waits elsewhere alone, where others wait for the same.
    """

    def __init__(
        self, on_signal: Callable[[], None] = lambda: None, *, patient: bool = False
    ) -> None:
        self.on_signal = on_signal
        self._received: int | None = None
        self._reminds = not patient
        self._before: dict[int, Any] = {}

    def __enter__(self) -> "StopSignals":
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            # So started by nohup, or by a script's &.
            if signal.getsignal(number) is not signal.SIG_IGN:
                self._before[number] = signal.signal(number, self._receive)
        if self._before:
            self._before[signal.SIGALRM] = signal.signal(signal.SIGALRM, self._remind)
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        signal.setitimer(signal.ITIMER_REAL, 0)
        for number, handler in self._before.items():
            signal.signal(number, handler)

    @property
    def received(self) -> bool:
        """Whether a signal has come."""
        return self._received is not None

    @property
    def number(self) -> int:
        """The signal that has come, 0 without one."""
        return self._received or 0

    def check(self) -> None:
        """Raise what the first signal asked for, if one has come.

        Raises:
            KeyboardInterrupt: Ctrl-C.
            SystemExit: SIGTERM, or SIGHUP.
        """
        self.raise_for(self.number)

    @staticmethod
    def raise_for(number: int) -> None:
        """Raise what the signal `number` asks for, 0 for nothing; see `check`."""
        if number == signal.SIGINT:
            raise KeyboardInterrupt
        if number in (signal.SIGTERM, signal.SIGHUP):
            sys.exit(TERMINATE_EXIT)

    def end_has_begun(self) -> None:
        """Let what is being closed be closed: from here on only a second signal matters."""
        signal.setitimer(signal.ITIMER_REAL, 0)
        self._reminds = False

    def _receive(self, number: int, _frame: FrameType | None) -> None:
        if self._received is not None:
            os._exit(INTERRUPT_EXIT if number == signal.SIGINT else TERMINATE_EXIT)
        self._received = number
        if self._reminds:
            # Again and again, since whoever is reminded may be in a place that drops exceptions.
            signal.setitimer(signal.ITIMER_REAL, PATIENCE_S, PATIENCE_S)
        self.on_signal()

    def _remind(self, _number: int, _frame: FrameType | None) -> None:
        if self._reminds:
            self.check()


@contextlib.contextmanager
def ctrl_c_held_back() -> Iterator[threading.Event]:
    """Raise Ctrl-C at the end of the block only, for callers of C++ that drops exceptions.

    Yields:
        What is set as soon as it comes; never, where it is ignored or in another thread.
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
