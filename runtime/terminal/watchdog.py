"""Ends a process that a signal should have ended, although Python code cannot run in it."""

import math
import os
import select
import signal
import threading
from collections.abc import Iterable
from time import monotonic
from types import TracebackType

INTERRUPT_EXIT, TERMINATE_EXIT = 130, 143
_END = b"\0"
_MESSAGE = b"Ended without closing everything: a graph, a driver or a disk did not return.\n"


class Watchdog:
    """Ends the process if it is still there some seconds after a signal, within a `with` block.

    Python runs signal handlers in the main thread, between two of its instructions. A graph that
    never ends, or a driver that hangs, keeps that thread in C for ever. There a signal only writes
    its number to a file descriptor, which a thread reads here.

    Outside the main thread it does nothing, as Python demands.
    """

    def __init__(self, numbers: Iterable[int], limit_s: float) -> None:
        """Prepare to watch.

        Args:
            numbers: the signals after which the process must end.
            limit_s: how long it may take.
        """
        self._numbers = frozenset(numbers)
        self._limit_s = limit_s
        self._deadline_s = math.inf
        self._thread: threading.Thread | None = None

    def extend(self, seconds: float) -> None:
        """Allow so many seconds from now, if a signal has come."""
        if self._deadline_s < math.inf:
            self._deadline_s = monotonic() + seconds

    def __enter__(self) -> "Watchdog":
        if threading.current_thread() is threading.main_thread():
            self._reader, self._writer = os.pipe()
            os.set_blocking(self._writer, False)
            self._before = signal.set_wakeup_fd(self._writer, warn_on_full_buffer=False)
            self._thread = threading.Thread(target=self._watch, name="watchdog", daemon=True)
            self._thread.start()
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        if self._thread:
            signal.set_wakeup_fd(self._before, warn_on_full_buffer=False)
            os.write(self._writer, _END)
            self._thread.join()
            os.close(self._reader)
            os.close(self._writer)

    def _watch(self) -> None:
        received = 0
        while True:
            left_s = self._deadline_s - monotonic()
            if left_s <= 0:
                try:
                    os.write(2, _MESSAGE)
                finally:
                    os._exit(exit_code(received))
            wait_s = None if left_s == math.inf else left_s
            if not select.select([self._reader], [], [], wait_s)[0]:
                continue
            for number in os.read(self._reader, 64):
                if number == _END[0]:
                    return
                if number in self._numbers and not received:
                    received = number
                    self._deadline_s = monotonic() + self._limit_s


def exit_code(number: int) -> int:
    """Return the exit code after a signal; SIGHUP ends a command as SIGTERM does."""
    return INTERRUPT_EXIT if number == signal.SIGINT else TERMINATE_EXIT


class Unwatched:
    """Suspends an outer watchdog, for a block that may take its time after a signal."""

    def __enter__(self) -> "Unwatched":
        self._is_main = threading.current_thread() is threading.main_thread()
        self._before = signal.set_wakeup_fd(-1) if self._is_main else -1
        return self

    def __exit__(self, *_: object) -> None:
        if self._is_main:
            signal.set_wakeup_fd(self._before, warn_on_full_buffer=False)

    def extend(self, seconds: float) -> None:
        """Do nothing: there is no limit."""


# A forked worker shares the descriptor: signals that it receives are not for its parent.
os.register_at_fork(after_in_child=lambda: signal.set_wakeup_fd(-1))
