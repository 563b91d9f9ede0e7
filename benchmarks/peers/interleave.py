"""Workers in turn: in each round every one makes a few decisions while the others wait."""

import contextlib
import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from statistics import median
from typing import Any

from .process import Worker, WorkerError

# What spins after a decision falls asleep before the next worker begins.
_SETTLE_S = 0.1
_MOST_IN_A_TURN = 256


@dataclass(frozen=True, kw_only=True)
class Pace:
    """How much is asked of workers, and for how long one waits for them.

    Attributes:
        rounds: how often each has its turn.
        turn_s: how long a turn takes, of decisions that are shorter than that.
        load_s: the longest that loading may take.
        answer_s: the longest that a turn may take.
    """

    rounds: int
    turn_s: float = 2.0
    load_s: float = 600.0
    answer_s: float = 300.0


@dataclass
class Track:
    """What was measured of one worker.

    Attributes:
        ready: its answer to `load`.
        rounds_ms: the decisions of each round, in milliseconds.
        rss_mib: resident memory after the last round.
        idle: the share of one core that it used while others had their turn; None if unknown.
        failed: why it is not measured; empty if it is.
    """

    ready: dict[str, Any] = field(default_factory=dict)
    rounds_ms: list[list[float]] = field(default_factory=list)
    rss_mib: float = float("nan")
    idle: float | None = None
    failed: str = ""


@dataclass
class _Clock:
    """When a worker last ended its turn, and what it used since."""

    since_s: float = 0.0
    used_s: float | None = None
    idle_s: float = 0.0
    idle_used_s: float = 0.0


def interleave(
    workers: Mapping[str, Callable[[], Worker]],
    pace: Pace,
    *,
    advance: Callable[[str], None] = lambda _: None,
) -> dict[str, Track]:
    """Start the workers and let them take turns, in another order in each round.

    One that fails is left out from then on; its track says why.

    Args:
        workers: by name, what starts each of them.
        pace: how much is asked.
        advance: called with the name of whose turn it is, before it.
    """
    tracks = {name: Track() for name in workers}
    turns = _Turns(tracks, pace, advance)
    try:
        for name, start in workers.items():
            turns.load(name, start)
        order, shuffle = list(workers), random.Random(0).shuffle
        for _ in range(pace.rounds):
            shuffle(order)
            for name in order:
                turns.run(name)
        turns.finish()
    finally:
        turns.close()
    return tracks


class _Turns:
    def __init__(
        self, tracks: dict[str, Track], pace: Pace, advance: Callable[[str], None]
    ) -> None:
        self._tracks, self._pace, self._advance = tracks, pace, advance
        self._running: dict[str, Worker] = {}
        self._clocks: dict[str, _Clock] = {}
        self._decision_s: dict[str, float] = {}

    def load(self, name: str, start: Callable[[], Worker]) -> None:
        """Start a worker, and see how long a decision takes it."""
        self._advance(name)
        try:
            self._running[name] = start()
            self._tracks[name].ready = self._ask(name, "load", self._pace.load_s)
            self._decision_s[name] = self._decide(name, 1)[0] / 1000
        except WorkerError as error:
            self._drop(name, str(error))
            return
        time.sleep(_SETTLE_S)
        self._clocks[name] = _Clock(time.monotonic(), self._running[name].processor_s())

    def run(self, name: str) -> None:
        """Give a worker its turn."""
        self._advance(name)
        if name not in self._running:
            return
        self._count_idle(name)
        wanted = int(self._pace.turn_s / max(1e-6, self._decision_s[name]))
        try:
            taken = self._decide(name, max(1, min(wanted, _MOST_IN_A_TURN)))
        except WorkerError as error:
            self._drop(name, str(error))
            return
        self._tracks[name].rounds_ms.append(taken)
        self._decision_s[name] = median(taken) / 1000
        time.sleep(_SETTLE_S)
        clock = self._clocks[name]
        clock.since_s, clock.used_s = time.monotonic(), self._running[name].processor_s()

    def finish(self) -> None:
        """Ask for what is known at the end only."""
        for name in list(self._running):
            self._count_idle(name)
            try:
                self._tracks[name].rss_mib = float(self._ask(name, "rss", 60.0)["rss_mib"])
            except (WorkerError, KeyError, TypeError, ValueError) as error:
                self._drop(name, str(error))
                continue
            clock = self._clocks[name]
            if clock.used_s is not None and clock.idle_s > 0:
                self._tracks[name].idle = clock.idle_used_s / clock.idle_s

    def close(self) -> None:
        """End the workers that are left."""
        for worker in self._running.values():
            worker.close()
        self._running.clear()

    def _ask(self, name: str, command: str, wait_s: float) -> dict[str, Any]:
        return self._running[name].ask(command, wait_s=wait_s)

    def _decide(self, name: str, count: int) -> list[float]:
        taken = self._ask(name, f"run {count}", self._pace.answer_s).get("ms")
        if (
            not isinstance(taken, list)
            or len(taken) != count
            or not all(isinstance(ms, int | float) and ms > 0 for ms in taken)
        ):
            raise WorkerError(f"It was asked for {count} decisions and did not time as many.")
        return [float(ms) for ms in taken]

    def _count_idle(self, name: str) -> None:
        clock, used_s = self._clocks[name], self._running[name].processor_s()
        if used_s is not None and clock.used_s is not None:
            clock.idle_s += time.monotonic() - clock.since_s
            clock.idle_used_s += used_s - clock.used_s

    def _drop(self, name: str, reason: str) -> None:
        self._tracks[name].failed = reason
        worker = self._running.pop(name, None)
        if worker:
            with contextlib.suppress(OSError):
                worker.kill()
