"""A bounded queue and a thread, behind which anything slow takes what a run gives it."""

import logging
import random
import threading
import time
from collections import deque
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

log = logging.getLogger(__name__)

T = TypeVar("T")
T_contra = TypeVar("T_contra", contravariant=True)

MAX_ITEMS = 1000
MAX_BYTES = 16 * 2**20
# A single hiccup that the next attempt mends is not worth a line.
FAILURES_UNTIL_DEAD = 2
BEHIND_WARNING_S = 60.0


class TryAgainError(Exception):
    """This attempt failed, another may not.

    Attributes:
        reason: why, in words; holds no password.
        after_s: when to try again, where the other side said so; None leaves it to the back-off.
        away: whether nobody was there at all, which says nothing against the item: it is tried for
            as long as there is room to keep it.
    """

    def __init__(self, reason: str, *, after_s: float | None = None, away: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.after_s = after_s
        self.away = away


class UndeliverableError(Exception):
    """This item will never be taken; the text says why, and holds no password."""


@dataclass(frozen=True)
class Backoff:
    """How often an item is tried, and how long is waited between: doubled each time, with jitter.

    Attributes:
        attempts: of one item, not counting those that met nobody.
        first_s: the first wait, in seconds.
        longest_s: the longest of these.
        longest_asked_s: the longest that the other side may ask for.
    """

    attempts: int = 6
    first_s: float = 0.5
    longest_s: float = 30.0
    longest_asked_s: float = 600.0

    def wait_s(self, failures: int, asked_s: float | None) -> float:
        """Return the seconds to wait after so many failures in a row."""
        doubled_s = min(self.longest_s, self.first_s * 2 ** min(failures - 1, 30))
        jittered_s = doubled_s * random.uniform(0.5, 1.0)
        return jittered_s if asked_s is None else min(max(0.0, asked_s), self.longest_asked_s)


@dataclass
class SinkCounters:
    """What became of what a sink was given; read by any thread.

    Attributes:
        delivered: items that arrived.
        dropped: items that were left out as there was no room, or no time at the end.
        failed: items that were refused, or tried too often.
    """

    delivered: int = 0
    dropped: int = 0
    failed: int = 0


class Patience:
    """How long a delivery may still wait: without a limit until the run closes."""

    def __init__(self, changed: threading.Condition) -> None:
        self._changed = changed
        self._deadline_s: float | None = None

    @property
    def closing(self) -> bool:
        """Whether the run is closing."""
        return self._deadline_s is not None

    @property
    def over(self) -> bool:
        """Whether nothing may be waited for any more."""
        return self.limit_s(1.0) <= 0

    def limit_s(self, seconds: float) -> float:
        """Return `seconds`, or fewer where the run is closing; 0 if there are none left."""
        if self._deadline_s is None:
            return seconds
        return max(0.0, min(seconds, self._deadline_s - time.monotonic()))

    def wait(self, seconds: float) -> bool:
        """Wait, but no longer than until the run closes; say whether there is time for more."""
        with self._changed:
            if not self.closing:
                self._changed.wait_for(lambda: self.closing, seconds)
                return not self.over
        time.sleep(self.limit_s(min(seconds, 0.25)))
        return not self.over

    def end_at(self, deadline_s: float) -> None:
        """Begin to close; to be called with the condition held."""
        self._deadline_s = deadline_s
        self._changed.notify_all()


class Delivery(Protocol[T_contra]):
    """Something slow; both methods are called from the queue's thread alone.

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
    number: int
    item: T
    size_bytes: int


class Queued(Generic[T]):
    """Takes items at once, and delivers them in order from a thread of its own.

    It holds so many items and bytes at most. Where there is no room, the oldest of those that are
    not precious is dropped, and a precious one only if there is no other. Going dead, coming back
    and falling behind are said once each, not once an item.

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
            max_items: how many may wait.
            max_bytes: how large they may be together; one that is larger by itself may wait alone.
            backoff: how often and when to try again.
            fatal: what, when `deliver` or `finish` raises it, ends the run: `offer` or `close`
                raise it. Anything else is counted and said.
        """
        self.counters = SinkCounters()
        self._delivery = delivery
        self._max_items, self._max_bytes = max_items, max_bytes
        self._backoff = backoff or Backoff()
        self._fatal = fatal
        self._changed = threading.Condition(threading.RLock())
        self._patience = Patience(self._changed)
        self._precious: deque[_Waiting[T]] = deque()
        self._ordinary: deque[_Waiting[T]] = deque()
        self._bytes = self._number = 0
        self._in_work = 0
        self._failures = 0
        self._dead = self._behind = False
        self._stopped = self._closed = False
        self._behind_said_s = float("-inf")
        self._broken: BaseException | None = None
        self._thread = threading.Thread(target=self._work, name=delivery.name, daemon=True)
        self._thread.start()

    @property
    def waiting(self) -> int:
        """How many items wait."""
        return len(self._precious) + len(self._ordinary)

    def offer(self, item: T, *, size_bytes: int = 0, precious: bool = False) -> None:
        """Take an item, and return at once.

        Raises:
            BaseException: what was declared `fatal` has happened in the thread.
        """
        with self._changed:
            self._raise_broken()
            if self._stopped or self._patience.closing:
                self.counters.dropped += 1
                return
            self._number += 1
            waiting = _Waiting(self._number, item, size_bytes)
            (self._precious if precious else self._ordinary).append(waiting)
            self._bytes += size_bytes
            while self.waiting > self._max_items or (
                self._bytes > self._max_bytes and self.waiting > 1
            ):
                self._drop_one()
            self._changed.notify_all()

    def report(self, trouble: str | None) -> None:
        """Learn from any thread that the other side is away, and why; None says it is there."""
        with self._changed:
            if trouble is None:
                self._went_right()
            else:
                self._failures = max(self._failures, FAILURES_UNTIL_DEAD - 1)
                self._went_wrong(trouble)

    def end(self, timeout_s: float) -> None:
        """Take nothing more; what waits may be delivered for `timeout_s` seconds. Does not wait."""
        with self._changed:
            if not self._patience.closing:
                self._patience.end_at(time.monotonic() + timeout_s)

    def close(self, timeout_s: float) -> None:
        """Deliver what waits, for `timeout_s` seconds at most, and end the thread.

        What is still there then is dropped and counted.

        Raises:
            BaseException: what was declared `fatal` has happened, and `offer` did not say so.
        """
        if self._closed:
            return
        self.end(timeout_s)
        self._thread.join(timeout_s)
        with self._changed:
            self._closed = True
            self._clear(also=self._in_work)
            lost = self.counters
            if (lost.dropped or lost.failed) and not self._broken:
                log.warning(
                    "%s: %d delivered, %d dropped, %d failed.",
                    *(self._delivery.name, lost.delivered, lost.dropped, lost.failed),
                )
            self._raise_broken()

    def _raise_broken(self) -> None:
        if self._broken:
            error, self._broken = self._broken, None
            raise error

    def _drop_one(self) -> None:
        dropped = (self._ordinary or self._precious).popleft()
        self._bytes -= dropped.size_bytes
        self.counters.dropped += 1
        if not self._behind and not self._dead:
            self._behind = True
            if time.monotonic() - self._behind_said_s > BEHIND_WARNING_S:
                self._behind_said_s = time.monotonic()
                log.warning(
                    "%s is too slow: the oldest of what it should get is dropped.",
                    self._delivery.name,
                )

    def _clear(self, *, also: int = 0) -> None:
        self.counters.dropped += self.waiting + also
        self._precious.clear()
        self._ordinary.clear()
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
            log.warning("%s could not be closed: %s", self._delivery.name, error)

    def _next(self) -> _Waiting[T] | None:
        with self._changed:
            if not self.waiting:
                self._behind = False
            self._changed.wait_for(lambda: self.waiting or self._patience.closing)
            if self._patience.over:
                self._clear()
            if not self.waiting:
                return None
            both = [items for items in (self._precious, self._ordinary) if items]
            waiting = min(both, key=lambda items: items[0].number).popleft()
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
                self._count(trouble=again.reason)
                if attempts >= self._backoff.attempts:
                    return self._count(failed=1)
                if not self._patience.wait(self._backoff.wait_s(self._failures, again.after_s)):
                    return self._count(dropped=1)
            except UndeliverableError as refused:
                # One that is refused is reason enough to speak: no other attempt will follow.
                self.report(str(refused))
                return self._count(failed=1)
            except self._fatal as error:
                with self._changed:
                    self._broken, self._stopped = error, True
                return self._count(failed=1)
            except Exception as error:  # a mistake of ours: the run goes on without this sink
                self.report(f"{type(error).__name__}: {error}")
                return self._count(failed=1)
            else:
                return self._count(delivered=1)

    def _count(
        self, *, delivered: int = 0, dropped: int = 0, failed: int = 0, trouble: str = ""
    ) -> None:
        with self._changed:
            if trouble:
                self._went_wrong(trouble)
            if delivered:
                self._went_right()
            # Once closed, the item in work has been counted as dropped.
            if (delivered or dropped or failed) and self._in_work:
                self.counters.delivered += delivered
                self.counters.dropped += dropped
                self.counters.failed += failed
                self._in_work = 0

    def _went_wrong(self, reason: str) -> None:
        self._failures += 1
        if self._failures >= FAILURES_UNTIL_DEAD and not self._dead:
            self._dead = True
            log.warning("%s: %s; the run goes on.", self._delivery.name, reason)

    def _went_right(self) -> None:
        self._failures = 0
        if self._dead:
            self._dead = False
            log.warning("%s works again.", self._delivery.name)
