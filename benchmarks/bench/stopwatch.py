"""The stages of a run, timed: each by itself, without those that lie within it."""

import contextlib
import threading
from array import array
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any

from ...runtime.stages import UNTIMED, Stage


@dataclass
class Steps:
    """All runs of a stage.

    Attributes:
        seconds: what each took, without the stages within it.
        counts: of how many frames or windows it was.
    """

    seconds: "array[float]" = field(default_factory=lambda: array("d"))
    counts: "array[int]" = field(default_factory=lambda: array("l"))

    def each_s(self) -> list[float]:
        """Return what each took, divided by how many frames or windows it was of."""
        return [s / count for s, count in zip(self.seconds, self.counts, strict=True)]


class Stopwatch:
    """Takes the time of every stage that it is told of; see `runtime.stages.Stages`.

    Attributes:
        running: whether it does so now.
    """

    def __init__(self) -> None:
        self.running = True
        self._steps: dict[Stage, Steps] = defaultdict(Steps)
        # What lay within the step that is going on, in each thread.
        self._within = threading.local()

    def of(self, stage: Stage, count: int = 1) -> contextlib.AbstractContextManager[Any]:
        """Time a step; one that raises counts as well."""
        return _Span(self, stage, count) if self.running else UNTIMED.of(stage, count)

    def take(self) -> Mapping[Stage, Steps]:
        """Return what was timed so far, and begin anew."""
        steps, self._steps = self._steps, defaultdict(Steps)
        return steps

    def begin(self) -> float:
        """Begin a step; return how long those beside it took so far."""
        beside_s: float = getattr(self._within, "seconds", 0.0)
        self._within.seconds = 0.0
        return beside_s

    def end(self, stage: Stage, count: int, *, whole_s: float, beside_s: float) -> None:
        """End the step that began last."""
        own_s = whole_s - self._within.seconds
        self._within.seconds = beside_s + whole_s
        steps = self._steps[stage]
        if count == 0 and steps.seconds:
            steps.seconds[-1] += own_s
        else:
            steps.seconds.append(own_s)
            steps.counts.append(max(1, count))


class _Span:
    __slots__ = ("_beside_s", "_count", "_stage", "_start_s", "_watch")

    def __init__(self, watch: Stopwatch, stage: Stage, count: int) -> None:
        self._watch, self._count = watch, count
        self._stage: Stage = stage

    def __enter__(self) -> None:
        self._beside_s = self._watch.begin()
        self._start_s = perf_counter()

    def __exit__(self, *_: object) -> None:
        whole_s = perf_counter() - self._start_s
        self._watch.end(self._stage, self._count, whole_s=whole_s, beside_s=self._beside_s)
