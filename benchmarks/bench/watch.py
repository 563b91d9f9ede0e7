"""Memory and instruments, sampled in a thread while the modes run."""

import contextlib
import resource
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from ...runtime.terminal.commandline import log
from .instruments.instrument import Instrument, Reading

INTERVAL_S = 0.2
_MIB = 2**20
# Over a shorter time the slope is that of the start: an allocator takes its last MiB in minutes.
LEAST_WATCHED_S = 600.0


@dataclass(frozen=True)
class Moment:
    """Resident memory and instrument readings at one moment, by `time.monotonic`."""

    time_s: float
    rss_mib: float
    readings: Mapping[str, Reading]


class Watch:
    """Samples five times a second inside a `with` block; `during` names what is going on."""

    def __init__(self, instruments: Sequence[Instrument]) -> None:
        self._instruments = list(instruments)
        self._spans: dict[str, list[list[Moment]]] = defaultdict(list)
        self._now: list[Moment] | None = None
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look, name="watch", daemon=True)

    def __enter__(self) -> "Watch":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join(2.0)

    @contextlib.contextmanager
    def during(self, what: str) -> Iterator[None]:
        """Name what goes on in the block; blocks of one name count together."""
        self.go_over_to(what)
        try:
            yield
        finally:
            self._now = None

    def go_over_to(self, what: str) -> None:
        """Rename what goes on for the rest of the block."""
        self._spans[what].append(span := [])
        self._now = span

    def watts(self, what: str) -> dict[str, float]:
        """Return the mean power during `what`, by instrument."""
        seen: dict[str, list[float]] = defaultdict(list)
        for name, reading in self._readings(what):
            if reading.watts is not None:
                seen[name].append(reading.watts)
        return {name: sum(watts) / len(watts) for name, watts in seen.items()}

    def largest(self, what: str) -> dict[str, dict[str, float]]:
        """Return the largest of each other quantity during `what`, by instrument."""
        seen: dict[str, dict[str, float]] = defaultdict(dict)
        for name, reading in self._readings(what):
            for key, value in reading.values.items():
                seen[name][key] = max(value, seen[name].get(key, value))
        return dict(seen)

    def largest_rss_mib(self, what: str) -> float | None:
        return max((m.rss_mib for span in self._spans[what] for m in span), default=None)

    def slope_mib_per_h(self, what: str) -> tuple[float | None, float]:
        """Return how fast memory grew during `what`, and how long it was watched.

        Least squares with one slope for all spans and a level for each; None if too short.
        """
        spans = [span for span in self._spans[what] if len(span) > 1]
        watched_s = sum(span[-1].time_s - span[0].time_s for span in spans)
        if watched_s < LEAST_WATCHED_S:
            return None, watched_s
        products = squares = 0.0
        for span in spans:
            mean_s = sum(m.time_s for m in span) / len(span)
            mean_mib = sum(m.rss_mib for m in span) / len(span)
            products += sum((m.time_s - mean_s) * (m.rss_mib - mean_mib) for m in span)
            squares += sum((m.time_s - mean_s) ** 2 for m in span)
        return 3600 * products / squares, watched_s

    def _readings(self, what: str) -> Iterator[tuple[str, Reading]]:
        for span in self._spans[what]:
            for moment in span:
                yield from moment.readings.items()

    def _read_all(self) -> Iterator[tuple[str, Reading]]:
        for instrument in tuple(self._instruments):
            try:
                yield instrument.name, instrument.read()
            except Exception as error:  # a driver may raise anything; the others go on
                self._instruments.remove(instrument)
                log.warning("%s cannot be read any more: %s", instrument.name, error)

    def sample(self) -> None:
        """Note this moment under what goes on now."""
        moment = Moment(time.monotonic(), rss_mib(), dict(self._read_all()))
        span = self._now
        if span is not None:
            span.append(moment)

    def _look(self) -> None:
        while not self._over.wait(INTERVAL_S):
            self.sample()


def rss_mib() -> float:
    import psutil

    return psutil.Process().memory_info().rss / _MIB


def peak_rss_mib() -> float:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (_MIB if sys.platform == "darwin" else 1024)
