"""One stream, or a region of it, as the keeper of events follows it: last results, open event."""

import dataclasses
from collections import deque

from ..results import ActionEvent, Recognition
from .record import StoredEvent, add_score
from .ring import FrameRing
from .stills import Peak


class Watch:
    """Follows the results of one stream or region; only the run's thread calls its methods.

    Attributes:
        peak: the best picture of the open event, or of the one that has just ended.
        event: that event as it began.
        told_s: how far the writer knows the open event, in seconds of the source.
        noted_s: how far its row does.
    """

    def __init__(self, ring: FrameRing, *, address: str, bundle: str, recent_s: float) -> None:
        self.peak: Peak | None = None
        self.event: StoredEvent | None = None
        self._ring = ring
        self.told_s = self.noted_s = 0.0
        self._address, self._bundle, self._recent_s = address, bundle, recent_s
        self._recent: deque[Recognition] = deque()
        self._open: StoredEvent | None = None
        self._scores: list[tuple[float, float]] = []
        self._best = 0.0

    @property
    def open_id(self) -> int | None:
        """The number of the open event."""
        return self._open.id if self._open else None

    def see(self, found: Recognition) -> StoredEvent | None:
        """Note a result; return the open event as it is now, if this result shows it."""
        self._recent.append(found)
        while found.end_s - self._recent[0].end_s > self._recent_s:
            self._recent.popleft()
        if self._open is None:
            return None
        self._follow(found)
        if found.decision != self._open.label:
            return None
        self._open = dataclasses.replace(
            self._open, end_s=found.end_s, peak=max(self._open.peak, self._best)
        )
        return dataclasses.replace(self._open, scores=tuple(self._scores))

    def begin(self, started: ActionEvent, id: int, *, recorded: float) -> StoredEvent:  # noqa: A002
        """Open an event, with the results that led to it."""
        self.peak, self._scores, self._best = None, [], 0.0
        self._open = StoredEvent(
            id=id,
            source=started.source,
            address=self._address,
            label=started.label,
            start_s=started.time_s,
            end_s=started.time_s + started.duration_s,
            time=started.time,
            recorded=recorded,
            peak=started.peak,
            bundle=self._bundle,
            region=started.region,
            priority=started.priority,
        )
        self.event = self._open
        before: list[Recognition] = []
        for found in reversed(self._recent):
            if found.decision != started.label:
                break
            before.append(found)
        for found in reversed(before):
            self._follow(found)
        return dataclasses.replace(self._open, scores=tuple(self._scores))

    def end(self, ended: ActionEvent) -> StoredEvent | None:
        """Close the open event; None if there is no such event."""
        event, self._open = self._open, None
        if event is None or event.label != ended.label:
            return None
        return dataclasses.replace(
            event,
            end_s=ended.time_s,
            peak=ended.peak,
            state="ended",
            scores=tuple(self._scores),
        )

    def _follow(self, found: Recognition) -> None:
        """Add a result's score, and take its picture if it is the best."""
        event = self._open
        score = next((one.score for one in found.top if event and one.label == event.label), None)
        if event is None or score is None:
            return
        middle_s = (found.start_s + found.end_s) / 2
        add_score(self._scores, middle_s - event.start_s, score)
        if found.decision == event.label and score > self._best:
            self._best = score
            if picture := self._ring.nearest(middle_s):
                self.peak = Peak(middle_s, picture.jpeg, found)
