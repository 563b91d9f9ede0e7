"""Several taps on the feeds of a run, as one."""

from collections.abc import Sequence

from .feed import FrameTap
from .frames import Frame


class Taps:
    """Asks each tap for itself, and gives a picture to those that want it."""

    def __init__(self, taps: Sequence[FrameTap]) -> None:
        self._taps = tuple(taps)
        # Of each source; its feed's thread asks and gives in turn.
        self._wanting: dict[str, tuple[FrameTap, ...]] = {}

    def wants(self, source: str, time_s: float) -> bool:
        """Say whether any tap takes the picture at `time_s`."""
        wanting = tuple([tap for tap in self._taps if tap.wants(source, time_s)])
        self._wanting[source] = wanting
        return bool(wanting)

    def take(self, source: str, frame: Frame, *, live: bool) -> None:
        """Give a picture to the taps that want it."""
        for tap in self._wanting[source]:
            tap.take(source, frame, live=live)
