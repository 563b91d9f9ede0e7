"""Ctrl-C and SIGTERM as exceptions that do not get lost."""

import contextlib
import signal
import sys
import threading
from collections.abc import Iterator
from types import FrameType, TracebackType
from typing import Any

from .commandline import TERMINATE_EXIT


class StopSignals:
    """Raises KeyboardInterrupt or SystemExit where a signal comes, within a `with` block.

    Python drops an exception that is raised in a destructor or a weakref's callback (the end of an
    import runs one), and with it the signal. Whoever has a loop calls `check` in it.
    """

    def __init__(self) -> None:
        self._received: int | None = None
        self._before: dict[int, Any] = {}

    def __enter__(self) -> "StopSignals":
        for number in (signal.SIGINT, signal.SIGTERM):
            if (
                signal.getsignal(number) is signal.SIG_IGN
            ):  # so started by nohup, or by a script's &
                continue
            self._before[number] = signal.signal(number, self._receive)
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def check(self) -> None:
        """Raise what the last signal asked for, if one has come.

        Raises:
            KeyboardInterrupt: Ctrl-C.
            SystemExit: SIGTERM.
        """
        if self._received == signal.SIGINT:
            raise KeyboardInterrupt
        if self._received == signal.SIGTERM:
            sys.exit(TERMINATE_EXIT)

    def _receive(self, number: int, _frame: FrameType | None) -> None:
        self._received = number
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
