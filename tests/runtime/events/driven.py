"""Drives a keeper as a run does, in fast time, for the tests of it."""

import numpy as np

from stzsar.runtime.events.options import ClipPlan
from stzsar.runtime.results import ActionEvent, Recognition, Score
from stzsar.runtime.sources.frames import Frame

FPS = 10.0
PLAN = ClipPlan(before_s=1.0, after_s=1.0, rate_fps=FPS, late_s=2.0)


def level(time_s: float) -> int:
    """The grey of the picture at a time: it tells the time."""
    return min(250, round(20 + 10 * time_s))


class Stream:
    """Drives a keeper as a run does, in fast time."""

    def __init__(self, keeper, *, live=False, size_hw=(64, 96)):
        self.keeper, self.live, self.size_hw = keeper, live, size_hw
        self.index = 0

    @property
    def now_s(self) -> float:
        return self.index / FPS

    def show(self, until_s: float, *, label: str | None = None, best_s: float = -1.0) -> None:
        """Pictures, and a result of the last second for every fourth of a second."""
        while self.now_s < until_s:
            time_s = self.now_s
            if self.keeper.wants("hall", time_s):
                image = np.full((*self.size_hw, 3), level(time_s), np.uint8)
                self.keeper.take("hall", Frame(image, time_s, self.index), live=self.live)
            self.index += 1
            if self.index % 3 == 0 and time_s >= 1:
                middle_s = time_s - 0.5
                score = 0.9 if abs(middle_s - best_s) < 0.2 else 0.7
                shown = Score("waving", score if label else 0.1, 0.3)
                self.keeper.put(
                    Recognition("hall", time_s - 1, time_s, 4, (shown,), label, rate_fps=4.0)
                )

    def start(self, time_s: float) -> None:
        self.keeper.put(
            ActionEvent("start", "hall", "waving", time_s, None, 0.7, self.now_s - time_s)
        )

    def end(self, time_s: float, start_s: float) -> None:
        self.keeper.put(ActionEvent("end", "hall", "waving", time_s, None, 0.9, time_s - start_s))
