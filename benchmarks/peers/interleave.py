"""Workers in interleaved rounds: each makes a few decisions while the others wait."""

import contextlib
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from statistics import median
from typing import Any

from ..tools.timing import in_turn
from .process import Worker, WorkerError

# Threads that spin after a decision fall asleep before the next worker starts.
_SETTLE_S = 0.1
_MOST_IN_A_TURN = 256


@dataclass(frozen=True, kw_only=True)
class Pace:
    """How many turns, how long each is, and how long to wait for an answer."""

    rounds: int
    turn_s: float = 2.0
    load_s: float = 600.0
    answer_s: float = 300.0


@dataclass
class Track:
    ready: dict[str, Any] = field(default_factory=dict)  # its answer to `load`
    rounds_ms: list[list[float]] = field(default_factory=list)  # the decisions of each round
    rss_mib: float | None = None  # resident memory after the last round; None if it failed before
    idle: float | None = None  # share of one core that it used while others had their turn
    failed: str = ""  # why it is not measured; empty if it is


def interleave(
    workers: Mapping[str, Callable[[], Worker]],
    pace: Pace,
    *,
    after_each: Callable[[], object] = lambda: None,
) -> dict[str, Track]:
    """Start the workers, give them turns in shuffled rounds, and end them.

    A worker that fails is left out from then on; its track has the reason.
    """
    players = {name: _Player(pace) for name in workers}
    try:
        for name, start in workers.items():
            players[name].load(start)
            after_each()
        in_turn([player.turn for player in players.values()], pace.rounds, after_each=after_each)
        for player in players.values():
            player.finish()
    except BaseException:
        for player in players.values():
            player.kill()
        raise
    for player in players.values():
        player.close()
    return {name: player.track for name, player in players.items()}


class _Player:
    """One worker with its track, and the processor time that it uses out of turn."""

    def __init__(self, pace: Pace) -> None:
        self.track = Track()
        self._pace = pace
        self._worker: Worker | None = None
        self._decision_s = 0.0
        self._waits_since = (0.0, 0.0)  # elapsed and processor seconds
        self._waited_s = self._used_s = 0.0

    def load(self, start: Callable[[], Worker]) -> None:
        """Start the worker, and time one decision."""
        with self._giving_up():
            self._worker = start()
            self.track.ready = self._worker.ask("load", wait_s=self._pace.load_s)
            self._decision_s = self._decide(1)[0] / 1000
            self._settle()

    def turn(self) -> None:
        with self._giving_up():
            if self._worker is None:
                return
            self._count_idle()
            count = int(self._pace.turn_s / max(1e-6, self._decision_s))
            taken_ms = self._decide(max(1, min(count, _MOST_IN_A_TURN)))
            self.track.rounds_ms.append(taken_ms)
            self._decision_s = median(taken_ms) / 1000
            self._settle()

    def finish(self) -> None:
        """Read its memory, and judge how idle it was."""
        if self._worker:
            self._count_idle()
            self.track.rss_mib = self._worker.rss_mib()
            self.track.idle = self._used_s / self._waited_s

    def close(self) -> None:
        if self._worker:
            self._worker.close()

    def kill(self) -> None:
        if self._worker:
            self._worker.kill()
            self._worker = None

    @contextlib.contextmanager
    def _giving_up(self) -> Iterator[None]:
        try:
            yield
        except WorkerError as error:
            self.track.failed = str(error)
            self.kill()

    def _decide(self, count: int) -> list[float]:
        assert self._worker
        taken = self._worker.ask(f"run {count}", wait_s=self._pace.answer_s).get("ms")
        if (
            not isinstance(taken, list)
            or len(taken) != count
            or not all(isinstance(ms, int | float) and ms > 0 for ms in taken)
        ):
            raise WorkerError(f"It was asked for {count} decisions and timed another number.")
        return [float(ms) for ms in taken]

    def _settle(self) -> None:
        assert self._worker
        time.sleep(_SETTLE_S)
        self._waits_since = time.monotonic(), self._worker.processor_s()

    def _count_idle(self) -> None:
        assert self._worker
        since_s, before_s = self._waits_since
        self._waited_s += time.monotonic() - since_s
        self._used_s += self._worker.processor_s() - before_s
