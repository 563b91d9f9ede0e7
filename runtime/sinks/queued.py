"""A bounded queue with a thread, so that a run never waits for anything slow.

Our own, as neither `queue` nor an executor drops the oldest result rather than an event, bounds the
bytes that wait, retries with growing waits, and still ends within the time that closing has.
"""

import logging
import threading
import time
from collections import deque
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from ..backoff import Backoff
from ..terminal.commandline import leave_threads_behind

log = logging.getLogger(__name__)

T = TypeVar("T")
T_contra = TypeVar("T_contra", contravariant=True)

MAX_ITEMS = 1000
MAX_BYTES = 16 * 2**20
# One hiccup that the next attempt mends is not worth a line.
FAILURES_UNTIL_DEAD = 2
# One that comes and goes says so once in this time.
SILENCE_S = 60.0


class TryAgainError(Exception):
    """This attempt failed, another may not.

    Attributes:
        after_s: when to try again, where the other side said so; None leaves it to the back-off.
        away: nobody was there at all, which says nothing against the item: it is tried for as long
            as there is room to keep it.
    """

    def __init__(self, reason: str, *, after_s: float | None = None, away: bool = False) -> None:
        super().__init__(reason)
        self.after_s, self.away = after_s, away


class UndeliverableError(Exception):
    """This item will never be accepted; the text says why, and holds no password."""


@dataclass
class SinkCounters:
    """What became of a sink's messages; read by any thread.

    Attributes:
        delivered: arrived.
        dropped: left out for lack of room, or of time at the end.
        failed: refused, or tried too often.
    """

    delivered: int = 0
    dropped: int = 0
    failed: int = 0


class Patience:
    """How long a delivery may wait: without a limit until the run closes."""

    def __init__(self, changed: threading.Condition) -> None:
        self._changed = changed
        self._deadline_s: float | None = None

    @property
    def closing(self) -> bool:
        """Whether the run is closing."""
        return self._deadline_s is not None

    @property
    def over(self) -> bool:
        """Whether nothing may wait any more."""
        return self.limit_s(1.0) <= 0

    def limit_s(self, seconds: float) -> float:
        """Return `seconds`, or fewer where the run is closing; 0 if none are left."""
        if self._deadline_s is None:
            return seconds
        return max(0.0, min(seconds, self._deadline_s - time.monotonic()))

    def wait(self, seconds: float) -> bool:
        """Wait, but only until the run closes; return whether there is time for more."""
        with self._changed:
            if not self.closing:
                self._changed.wait_for(lambda: self.closing, seconds)
                return not self.over
        time.sleep(self.limit_s(min(seconds, 0.25)))
        return not self.over

    def end_at(self, deadline_s: float) -> None:
        """Begin to close; the caller holds the condition."""
        self._deadline_s = deadline_s
        self._changed.notify_all()


class Delivery(Protocol[T_contra]):
    """Something slow; only the queue's thread calls its methods.

    Attributes:
        name: what messages and metrics call it; holds no password.
    """

    name: str

    def deliver(self, item: T_contra, patience: Patience, /) -> None:
        """Bring one item to its place; return when it is there.

        Raises:
            TryAgainError: it did not arrive, and might the next time.
            UndeliverableError: it never will.
        """
        ...

    def finish(self, patience: Patience, /) -> None:
        """Release everything; called once, after the last item."""
        ...


@dataclass(frozen=True)
class _Waiting(Generic[T]):
    item: T
    size_bytes: int
    precious: bool


class Queued(Generic[T]):
    """Takes items at once, and delivers them in order from a thread of its own.

    Where there is no room, it drops the oldest item that is not precious, and a precious one only
    if there is no other.

    Attributes:
        counters: what became of the items.
    """

    def __init__(
        self,
        delivery: Delivery[T],
        *,
        max_items: int = MAX_ITEMS,
        max_bytes: int = MAX_BYTES,
        backoff: Backoff | None = None,
        fatal: tuple[type[BaseException], ...] = (),
    ) -> None:
        """Start the thread.

        Args:
            delivery: where the items go.
            max_items: limit of items that wait.
            max_bytes: limit of their size together; a single larger one may wait alone.
            backoff: how often and when to try again.
            fatal: errors of `deliver` and `finish` that end the run: `offer` or `close` raise them.
                Any other is counted and said.
        """
        self.counters = SinkCounters()
        self._delivery = delivery
        self._max_items, self._max_bytes = max_items, max_bytes
        self._backoff = backoff or Backoff()
        self._fatal = fatal
        self._changed = threading.Condition(threading.RLock())
        self._patience = Patience(self._changed)
        self._items: deque[_Waiting[T]] = deque()
        self._bytes = self._in_work = self._failures = 0
        self._dead = self._dead_is_said = self._behind = False
        self._stopped = self._closed = False
        self._said_s: dict[str, float] = {}
        self._broken: BaseException | None = None
        self._thread = threading.Thread(target=self._work, name=delivery.name, daemon=True)
        self._thread.start()

    @property
    def waiting(self) -> int:
        """How many items wait."""
        return len(self._items)

    def offer(self, item: T, *, size_bytes: int = 0, precious: bool = False) -> None:
        """Take an item, and return at once.

        Raises:
            BaseException: a `fatal` error has happened in the thread.
        """
        with self._changed:
            self._raise_broken()
            if self._stopped or self._patience.closing:
                self.counters.dropped += 1
                return
            self._items.append(_Waiting(item, size_bytes, precious))
            self._bytes += size_bytes
            while self.waiting > self._max_items or (
                self._bytes > self._max_bytes and self.waiting > 1
            ):
                self._drop_one()
            self._changed.notify_all()

    def report(self, trouble: str | None) -> None:
        """Note from any thread why the other side is away; None says that it is there."""
        with self._changed:
            if trouble is None:
                self._went_right()
            else:
                self._failures = max(self._failures, FAILURES_UNTIL_DEAD - 1)
                self._went_wrong(trouble)

    def end(self, timeout_s: float) -> None:
        """Take no more items, and deliver those that wait for `timeout_s` seconds at most."""
        with self._changed:
            if not self._patience.closing:
                self._patience.end_at(time.monotonic() + timeout_s)

    def close(self, timeout_s: float) -> None:
        """End, wait for the thread, and count what is left as dropped.

        Raises:
            BaseException: a `fatal` error has happened, which `offer` did not raise.
        """
        if self._closed:
            return
        self.end(timeout_s)
        self._thread.join(timeout_s)
        if self._thread.is_alive():
            leave_threads_behind()  # in a codec of C++, it would abort the end of the process
        with self._changed:
            self._closed = True
            self._clear(also=self._in_work)
            lost = self.counters
            if (lost.dropped or lost.failed) and not self._broken:
                self._say(
                    f"{lost.delivered} delivered, {lost.dropped} dropped, {lost.failed} failed."
                )
            self._raise_broken()

    def _raise_broken(self) -> None:
        if self._broken:
            error, self._broken = self._broken, None
            raise error

    def _drop_one(self) -> None:
        index = next((i for i, waiting in enumerate(self._items) if not waiting.precious), 0)
        self._bytes -= self._items[index].size_bytes
        del self._items[index]
        self.counters.dropped += 1
        if not self._behind and not self._dead:
            self._behind = True
            self._say("too slow, so the oldest messages are dropped.", at_most_once_in=SILENCE_S)

    def _clear(self, *, also: int = 0) -> None:
        self.counters.dropped += self.waiting + also
        self._items.clear()
        self._bytes = self._in_work = 0

    def _work(self) -> None:
        while not self._stopped and (waiting := self._next()):
            self._bring(waiting.item)
        try:
            self._delivery.finish(self._patience)
        except self._fatal as error:
            with self._changed:
                self._broken = self._broken or error
        except Exception as error:
            self._say(f"it cannot be closed: {error}")

    def _next(self) -> _Waiting[T] | None:
        with self._changed:
            if not self._items:
                self._behind = False
            self._changed.wait_for(lambda: self._items or self._patience.closing)
            if self._patience.over:
                self._clear()
            if not self._items:
                return None
            waiting = self._items.popleft()
            self._bytes -= waiting.size_bytes
            self._in_work = 1
            return waiting

    def _bring(self, item: T) -> None:
        attempts = 0
        while True:
            try:
                self._delivery.deliver(item, self._patience)
            except TryAgainError as again:
                attempts += not again.away
                with self._changed:
                    self._went_wrong(str(again))
                if attempts >= self._backoff.attempts:
                    return self._count(failed=1)
                if not self._patience.wait(self._backoff.wait_s(self._failures, again.after_s)):
                    return self._count(dropped=1)
            except self._fatal as error:
                with self._changed:
                    self._broken, self._stopped = error, True
                return self._count(failed=1)
            except UndeliverableError as refused:
                # No other attempt will follow, so one failure is reason enough to speak.
                self.report(str(refused))
                return self._count(failed=1)
            except Exception as error:  # a mistake of ours: the run goes on without this item
                self.report(f"{type(error).__name__}: {error}")
                return self._count(failed=1)
            else:
                return self._count(delivered=1)

    def _count(self, *, delivered: int = 0, dropped: int = 0, failed: int = 0) -> None:
        with self._changed:
            if delivered:
                self._went_right()
            if self._in_work:  # else `close` has counted it as dropped
                self.counters.delivered += delivered
                self.counters.dropped += dropped
                self.counters.failed += failed
                self._in_work = 0

    def _went_wrong(self, reason: str) -> None:
        self._failures += 1
        if self._failures >= FAILURES_UNTIL_DEAD and not self._dead:
            self._dead = True
            said = self._say(f"{reason}; the run goes on.", at_most_once_in=SILENCE_S)
            self._dead_is_said = said

    def _went_right(self) -> None:
        self._failures = 0
        if self._dead and self._dead_is_said:
            self._say("works again.")
        self._dead = False

    def _say(self, what: str, *, at_most_once_in: float = 0.0) -> bool:
        """Say it, unless something of this kind was said lately; a failing log ends no thread."""
        now_s, kind = time.monotonic(), str(self._dead)
        if at_most_once_in and now_s - self._said_s.get(kind, -at_most_once_in) < at_most_once_in:
            return False
        self._said_s[kind] = now_s
        try:
            log.warning("%s: %s", self._delivery.name, what)
        except Exception:  # nobody reads stderr any more
            return False
        return True
