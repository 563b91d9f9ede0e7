"""How long to wait before a lost source is tried again."""

import random

SHORTEST_S, LONGEST_S = 0.5, 30.0


class Backoff:
    """Waits that double, with full jitter: many streams of one server do not return as one.

    After Brooker, "Exponential Backoff And Jitter", 2015.
    """

    def __init__(self, rng: random.Random | None = None) -> None:
        self._rng = rng or random.Random()
        self.reset()

    def reset(self) -> None:
        """Begin with short waits again."""
        self._ceiling_s = 2 * SHORTEST_S

    def next_s(self) -> float:
        """Return the seconds to wait now, between SHORTEST_S and LONGEST_S."""
        wait_s = self._rng.uniform(SHORTEST_S, self._ceiling_s)
        self._ceiling_s = min(LONGEST_S, 2 * self._ceiling_s)
        return wait_s
