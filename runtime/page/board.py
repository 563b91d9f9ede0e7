"""What is true of a run now, and what is new: the sink behind the page.

The run's thread puts messages in and returns at once; the server's thread takes them out.
"""

import threading
import time
from collections import deque
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ..decisions.policy import Policy
from ..results import (
    ActionEvent,
    Duty,
    Explanation,
    Message,
    Overload,
    Recognition,
    StreamState,
    place_of,
)
from ..sinks.sink import Sink
from ..sources.frames import Frame
from ..streams.lane import Lane
from ..streams.table import StreamTable
from .messages.run import Moment
from .pictures import Pictures

# Of a chart: five minutes, two moments a second.
HISTORY, HISTORY_S = 600, 0.5
MOST_NEWS = 500
MAX_LANES = 1000
# A strip of the window's frames, and why, at most this often.
WHY_S = 0.5
# Results of one lane that viewers get.
RESULT_S = 0.2


class LaneState:
    """What was recognised in a lane."""

    def __init__(self) -> None:
        self.latest: Recognition | None = None
        self.values: tuple[float, ...] = ()
        self.action: str | None = None
        self.results = 0
        self.came: float | None = None
        self.told_s = self.kept_s = self.why_s = float("-inf")
        self.history: deque[Moment] = deque(maxlen=HISTORY)


class Board(Sink):
    """Follows the messages of a run.

    Attributes:
        started: when the run began.
        states: what each live source is doing.
        share: the share of their rates that live streams get.
    """

    name = "page"

    def __init__(self, table: StreamTable, pictures: Pictures) -> None:
        self.started = time.time()
        self.states: dict[str, StreamState] = {}
        self.share = 1.0
        self.explained: frozenset[str] = frozenset()
        self._table, self._pictures = table, pictures
        self._lanes: dict[str, LaneState] = {}
        self._news: deque[Message] = deque(maxlen=MOST_NEWS)
        self._results: dict[str, tuple[Recognition, tuple[float, ...]]] = {}
        self._whys: dict[str, tuple[Recognition, Explanation]] = {}
        self._lock = threading.Lock()

    def put(self, message: Message) -> None:
        """Note a message."""
        match message:
            case Recognition():
                self._see(message)
            case ActionEvent():
                state = self.lane(place_of(message))
                state.action = None if message.event == "end" else message.label
                self._pictures.stir(message.source)
                self._add(message)
            case StreamState():
                self.states[message.source] = message
                self._add(message)
            case Overload():
                self.share = message.share
                self._add(message)
            case Duty():
                self._add(message)

    def show(self, source: str, frame: Frame, latest: Recognition | None) -> None:
        """Do nothing: pictures come from the feeds."""

    def source_ended(self, source: str) -> None:
        """Note that a source has ended; a live one says so by itself."""
        if source not in self.states or self.states[source].state != "ended":
            self.put(StreamState(source, "ended", "", time.time()))

    def close(self, timeout_s: float) -> None:
        """Do nothing: the server ends by itself."""

    def lane(self, name: str) -> LaneState:
        """Return what was recognised in a lane."""
        state = self._lanes.get(name)
        if state is None:
            state = LaneState()
            if len(self._lanes) < MAX_LANES:
                self._lanes[name] = state
        return state

    def forget(self, lanes: frozenset[str]) -> None:
        """Forget lanes that are no more."""
        for name in lanes:
            self._lanes.pop(name, None)

    def news(self) -> tuple[list[Message], dict[str, tuple[Recognition, tuple[float, ...]]]]:
        """Return what has happened since this was asked last, and the newest results."""
        with self._lock:
            news, self._news = list(self._news), deque(maxlen=MOST_NEWS)
            results, self._results = self._results, {}
        return news, results

    def whys(self) -> dict[str, tuple[Recognition, Explanation]]:
        """Return the newest explanations since this was asked last, by lane."""
        with self._lock:
            whys, self._whys = self._whys, {}
        return whys

    def _add(self, message: Message) -> None:
        with self._lock:
            self._news.append(message)

    def _see(self, found: Recognition) -> None:
        name, now_s = place_of(found), time.monotonic()
        state, lane = self.lane(name), self._lane_called(name)
        policy = lane.decider.policy if lane and lane.decider else None
        values = values_of(found, policy)
        state.latest, state.values = found, values
        state.results += 1
        state.came = time.time()
        if found.decision is not None:
            self._pictures.stir(found.source)
        if now_s - state.kept_s >= HISTORY_S:
            state.kept_s = now_s
            state.history.append(moment_of(found, values, state.came))
        is_new = now_s - state.told_s >= RESULT_S
        is_why = found.explanation and name in self.explained and now_s - state.why_s >= WHY_S
        with self._lock:
            if is_new:
                state.told_s = now_s
                self._results[name] = found, values
            if is_why and found.explanation:
                self._whys[name] = found, found.explanation
        if is_why and lane:
            state.why_s = now_s
            window = lane.stream.window
            images = [frame.image for frame in window if frame.image is not None]
            if images:
                self._pictures.show_window(name, images, [frame.time_s for frame in window])

    def _lane_called(self, name: str) -> Lane | None:
        return next((lane for lane in self._table.lanes if lane.name == name), None)


def values_of(found: Recognition, policy: Policy | None) -> tuple[float, ...]:
    """Return what the thresholds of a policy are compared with, for each label of a result."""
    if policy is None or policy.thresholds is None:
        return tuple(round(one.score, 4) for one in found.top)
    if policy.evidence is None or found.everything is None:
        return tuple(round(one.similarity, 4) for one in found.top)
    evidence: Mapping[str, float] = dict(
        zip(policy.names, policy.evidence.of(found.everything.similarities).tolist(), strict=True)
    )
    return tuple(round(evidence.get(one.label, 0.0), 4) for one in found.top)


def moment_of(found: Recognition, values: tuple[float, ...], came: float) -> Moment:
    """Return a result as a chart shows it."""
    return Moment(
        time=round(found.time if found.time is not None else came, 2),
        decision=found.decision,
        top=tuple((one.label, value) for one, value in zip(found.top, values, strict=True)),
    )


def told(found: Recognition, values: tuple[float, ...]) -> dict[str, Any]:
    """Return a result as viewers get it: the line of stzsar-run with its lane and values."""
    result = replace(found, explanation=None).to_dict()  # those who ask why are told besides
    return {**result, "lane": place_of(found), "values": values}
