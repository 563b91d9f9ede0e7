"""The stages of a run, timed: each without the stages nested in it."""

import contextlib
import threading
from array import array
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any

from ...runtime.stages import UNTIMED, Stage


@dataclass
class Steps:
    # Of each run, without the stages nested in it
    seconds: "array[float]" = field(default_factory=lambda: array("d"))
    # Frames or windows of each run
    counts: "array[int]" = field(default_factory=lambda: array("l"))

    def each_s(self) -> list[float]:
        """Return the seconds of each run per frame or window."""
        return [s / count for s, count in zip(self.seconds, self.counts, strict=True)]


class Stopwatch:
    """Times every stage while it is `running`; see `runtime.stages.Stages`."""

    def __init__(self) -> None:
        self.running = True
        self._steps: dict[Stage, Steps] = defaultdict(Steps)
        # Seconds of the stages nested in the current one, in each thread.
        self._nested = threading.local()

    def of(self, stage: Stage, count: int = 1) -> contextlib.AbstractContextManager[Any]:
        """Time a step, also one that raises."""
        return self._span(stage, count) if self.running else UNTIMED.of(stage, count)

    def take(self) -> Mapping[Stage, Steps]:
        """Return the steps so far, and start afresh."""
        steps, self._steps = self._steps, defaultdict(Steps)
        return steps

    @contextlib.contextmanager
    def _span(self, stage: Stage, count: int) -> Iterator[None]:
        beside_s: float = getattr(self._nested, "seconds", 0.0)
        self._nested.seconds = 0.0
        start_s = perf_counter()
        try:
            yield
        finally:
            whole_s = perf_counter() - start_s
            own_s = whole_s - self._nested.seconds
            self._nested.seconds = beside_s + whole_s
            steps = self._steps[stage]
            if count == 0 and steps.seconds:
                steps.seconds[-1] += own_s
            else:
                steps.seconds.append(own_s)
                steps.counts.append(max(1, count))
