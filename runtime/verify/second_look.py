"""Holds events back until somebody has taken a second look at them."""

import logging
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from ..events.keeper import EventKeeper
from ..results import ActionEvent, Message, Recognition, Verdict, place_of
from ..sinks.queued import Patience, Queued
from ..sinks.sink import Fanout, Sink
from ..sources.areas import Region
from ..sources.frames import Frame
from .judge import Judge, Question

log = logging.getLogger(__name__)

# More events than this at once are told unverified: nobody would wait for them.
MAX_WAITING = 16
# A file, which is read faster than it plays, waits for its events; not for one that hangs.
PATIENCE_S = 2.0
# The part of its time that closing waits for verdicts.
_CLOSING_SHARE = 0.7
_PAUSE_S = 0.02


@dataclass(frozen=True, kw_only=True)
class Watched:
    """Which events of a stream or region get a second look.

    Attributes:
        judge: who looks.
        labels: events with these labels only; empty is all.
        threshold: the score from which a label is decided on, 0 to 1.
        region: the part of the pictures that is looked at; None is all of them.
    """

    judge: Judge
    threshold: float
    labels: frozenset[str] = frozenset()
    region: Region | None = None


@dataclass(eq=False)
class _Case:
    """A question on its way; the judge's thread sets the verdict."""

    question: Question
    verdict: Verdict | None = None
    given_up: bool = False


@dataclass(eq=False)
class _Held:
    """A start that is held back, with what follows it."""

    start: ActionEvent
    judge: Judge
    id: int
    case: _Case
    until_s: float  # by `time.monotonic`
    rest: list[ActionEvent] = field(default_factory=list)


class _Delivery:
    """Has a judge look at cases, in the queue's thread."""

    def __init__(self, judge: Judge) -> None:
        self.name = f"the second look by {judge.name}"
        self._judge = judge

    def deliver(self, item: _Case, patience: Patience) -> None:
        if not (item.given_up or patience.over):
            item.verdict = self._judge.judge(item.question)

    def finish(self, patience: Patience) -> None: ...


class SecondLook(Sink):
    """Passes everything on but starts that are to be looked at again, and their ends.

    The keeper hears of events at once. The others do when the verdict is there: of "yes", and of
    "unverified", which is also what an event becomes that has waited too long. An event with a "no"
    stays in the store alone. Judges work in threads of their own; `tick` looks what they have done.

    Attributes: see `sinks.sink.Sink`.
    """

    name = "second look"

    def __init__(
        self,
        keeper: EventKeeper,
        told: Sink,
        watched: Mapping[str, Watched],
        *,
        timeout_s: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Begin with nothing held back.

        Args:
            keeper: has the pictures, and keeps verdicts.
            told: gets the events that are told, and all other messages.
            watched: by stream, with the region where there is one, as `place_of` names them.
            timeout_s: how long an event is held back at most.
            clock: `time.monotonic`.
        """
        self._keeper, self._told, self._watched = keeper, told, watched
        self.wants_frames = told.wants_frames
        self._timeout_s, self._clock = timeout_s, clock
        self._held: dict[str, deque[_Held]] = {}
        # How the last event of a place that is still open was judged.
        self._open: dict[str, tuple[str, Verdict]] = {}
        self._queues = {
            id(one.judge): Queued(_Delivery(one.judge), max_items=MAX_WAITING)
            for one in watched.values()
        }

    def put(self, message: Message) -> None:
        """Take a message; hold it back if it belongs to an event that is to be looked at."""
        self._keeper.put(message)
        self.tick()
        if isinstance(message, ActionEvent):
            self._put_event(message)
        else:
            self._told.put(message)

    def show(self, source: str, frame: Frame, latest: Recognition | None) -> None:
        """Pass a picture on."""
        self._told.show(source, frame, latest)

    def source_ended(self, source: str) -> None:
        """Pass it on."""
        self._keeper.source_ended(source)
        self._told.source_ended(source)

    def tick(self) -> None:
        """Tell the events that are judged, and those that have waited too long."""
        for place in list(self._held):
            self._release(place)

    def close(self, timeout_s: float) -> None:
        """Wait a while for verdicts, tell what is left as unverified, and close all sinks."""
        start_s = time.monotonic()
        while self._held and time.monotonic() - start_s < _CLOSING_SHARE * timeout_s:
            self.tick()
            time.sleep(_PAUSE_S)
        for held in (one for row in self._held.values() for one in row):
            held.until_s = -1.0
        try:
            self.tick()
        finally:
            for queue in self._queues.values():
                queue.end(0.0)
            left_s = max(0.1, timeout_s - (time.monotonic() - start_s))
            Fanout([self._keeper, self._told]).close(left_s)

    def _put_event(self, event: ActionEvent) -> None:
        place = place_of(event)
        watched = self._watched.get(place)
        if event.event == "start" and watched and self._is_watched(event, watched):
            self._hold(event, place, watched)
        elif row := self._held.get(place):
            row[-1].rest.append(event)  # in order, whatever its label
        else:
            self._tell(event, place)

    def _is_watched(self, event: ActionEvent, watched: Watched) -> bool:
        return not watched.labels or event.label in watched.labels

    def _hold(self, event: ActionEvent, place: str, watched: Watched) -> None:
        judge = watched.judge
        evidence = self._keeper.evidence(event, judge.back_s)
        if evidence is None:
            # Nothing to look at, and so nothing to wait for.
            self._tell(replace(event, verdict=_unverified(judge, "there is no picture")), place)
            return
        case = _Case(
            Question(event.label, place, watched.region, watched.threshold, evidence.pictures)
        )
        self._queues[id(judge)].offer(case, precious=True)
        until_s = self._clock() + self._timeout_s
        self._held.setdefault(place, deque()).append(
            _Held(event, judge, evidence.id, case, until_s)
        )
        if event.time is None:  # a file
            deadline_s = time.monotonic() + PATIENCE_S
            while case.verdict is None and time.monotonic() < deadline_s:
                time.sleep(_PAUSE_S)
            self._release(place)

    def _release(self, place: str) -> None:
        row = self._held[place]
        while row:
            held = row[0]
            verdict = held.case.verdict
            if verdict is None:
                if self._clock() < held.until_s:
                    return
                held.case.given_up = True
                why = f"no answer in {self._timeout_s:g} s"
                verdict = _unverified(held.judge, why if held.until_s > 0 else "the run ended")
            row.popleft()
            self._keeper.judged(held.id, verdict)
            _log(held.start, verdict)
            self._open[place] = held.start.label, verdict
            if verdict.answer != "no":
                self._told.put(replace(held.start, verdict=verdict))
            for event in held.rest:
                self._tell(event, place)
        del self._held[place]

    def _tell(self, event: ActionEvent, place: str) -> None:
        """Tell what follows a start as that was told, or not at all."""
        label, verdict = self._open.get(place, (None, None))
        if event.event == "start" or label != event.label or verdict is None:
            self._told.put(event)
            return
        if event.event == "end":
            del self._open[place]
        if verdict.answer != "no":
            self._told.put(replace(event, verdict=verdict))


def _unverified(judge: Judge, why: str) -> Verdict:
    return Verdict("unverified", judge.name, said=why)


def _log(event: ActionEvent, verdict: Verdict) -> None:
    what = f"{place_of(event)}: {event.label} at {event.time_s:.1f} s"
    score = "" if verdict.score is None else f" ({verdict.score:.2f})"
    if verdict.answer == "no":
        log.info("%s is not told, %s says no%s: %s", what, verdict.by, score, verdict.said)
    elif verdict.answer == "unverified":
        log.warning("%s is told unverified, %s: %s", what, verdict.by, verdict.said)
