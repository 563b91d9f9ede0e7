"""The loop over the sources of a run: live ones side by side, files in order.

`stzsar-run` and `Recognizer.stream` both run it; a stream has no other loop.
"""

import logging
import queue
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from itertools import groupby
from time import monotonic
from typing import cast

from ..decisions.events import Decider
from ..duty import Duties, why_off
from ..errors import SourceError
from ..recordings.frame_recorder import FrameRecorder
from ..recordings.recorder import Recorder
from ..results import ActionEvent, Message, Recognition, StreamState
from ..sinks.sink import Sink
from ..sources.areas import Mask, Region
from ..sources.feed import Feed, FeedOptions, FrameTap
from ..sources.shared_feed import SharedFeed
from ..terminal.commandline import leave_threads_behind
from .batcher import Batcher
from .lane import Lane
from .plan import StreamPlan
from .result_stream import ResultStream
from .stream import Stream, WindowRecognizer
from .table import StreamTable

TICK_S = 0.1
# An address that has given no picture by then is most likely wrong.
FIRST_PICTURE_S = 10.0
# How long the end waits for threads that hang in a driver; a run has two seconds in all.
JOIN_S = 0.3

log = logging.getLogger(__name__)


class StreamLoop:
    """Reads sources, and sends the results to a sink.

    One of several sources that fails does not stop the others.

    Attributes:
        batcher: encodes and scores the frames.
        current: the number of the file that is being read, from 0, and its first lane; None before
            the first file and after the last.
        files: number of files.
        failures: what ended sources that failed.
    """

    def __init__(
        self,
        recognizer: WindowRecognizer,
        sink: Sink,
        plans: Sequence[StreamPlan],
        *,
        table: StreamTable | None = None,
        feeds: FeedOptions | None = None,
        batch_wait_s: float = 0.01,
        recorder: Recorder | None = None,
        archive: FrameRecorder | None = None,
        tap: FrameTap | None = None,
        duties: Duties | None = None,
        idle: bool = False,
        top: int | None = None,
        on_batch: Callable[[float, int], None] = lambda _busy_s, _frames: None,
        on_failure: Callable[[SourceError], None] = lambda _error: None,
        on_end: Callable[[], None] = lambda: None,
    ) -> None:
        """Prepare to read; nothing is opened yet.

        Args:
            recognizer: the graphs with the labels in use.
            sink: receives messages and pictures; the caller closes it.
            plans: the sources.
            table: lists the streams while they run; its `end` ends the loop.
            feeds: time limits of all feeds.
            batch_wait_s: see `Batcher`.
            recorder: see `Batcher`.
            archive: see `Batcher`.
            tap: sees pictures in the threads of the feeds.
            duties: which live sources make events now; None is all of them.
            idle: encode nothing of a source that makes no events.
            top: labels that a result keeps once it is decided on.
            on_batch: see `Batcher`.
            on_failure: called for each of several sources that fails.
            on_end: called when the loop begins to end, for whatever reason.
        """
        table = table or StreamTable()
        self._sources = [
            tuple(group) for _, group in groupby(plans, lambda plan: plan.source or plan.name)
        ]
        self.files: int = sum(not group[0].live for group in self._sources)
        self.current: tuple[int, Lane] | None = None
        self.failures: list[SourceError] = []
        self.batcher: Batcher = Batcher(
            recognizer,
            sink,
            table=table,
            batch_wait_s=batch_wait_s,
            recorder=recorder,
            archive=archive,
            on_batch=on_batch,
        )
        self._recognizer, self._sink, self._table = recognizer, sink, table
        self._states: queue.SimpleQueue[StreamState] = queue.SimpleQueue()
        self._feed_options = replace(
            feeds or FeedOptions(),
            every_frame=sink.wants_frames,
            tap=tap,
            on_state=self._states.put,
            wake=table.wake,
        )
        self._top = top
        self._duties, self._idle = duties, idle
        self._on_failure, self._on_end = on_failure, on_end
        self._feeds: list[Feed] = []  # their threads may still run
        self._feed_of: dict[str, Feed] = {}  # of each source
        self._away: dict[str, StreamState] = {}  # sources that are lost or stalled
        self._had_picture = False

    def steps(self) -> Generator[None, None, None]:
        """Read the sources; yield after each batch.

        Raises:
            SourceError: the only source failed, or some of several did.
            StzsarError: an output cannot be written, or a graph fails.
        """
        try:
            yield from self._read()
        finally:
            self._stop()
        if self.failures:
            failed = SourceError(f"{len(self.failures)} of {len(self._sources)} sources failed.")
            raise self.failures[0] if len(self._sources) == 1 else failed

    def explain(self, lanes: frozenset[str]) -> None:
        """Explain the results of these lanes from now on, and of no others."""
        self.batcher.explain(lanes)

    def record_with(self, recorder: Recorder | None) -> None:
        """Record with another recorder from now on, or with none."""
        self.batcher.record_with(recorder)

    def look_at(self, source: str, regions: Sequence[Region], mask: Mask | None) -> None:
        """Look at other regions of a live source, none is all of it, and hide other parts of it.

        The source is read on. Its open events end, and its windows begin anew.

        Raises:
            SourceError: it has ended, or is a file.
        """
        before = [lane for lane in self.batcher.lanes if lane.source == source]
        if not before or not before[0].feed.live:
            raise SourceError(f"{source!r:.80} is not watched live: only such a stream can change.")
        group = next(one for one in self._sources if (one[0].source or one[0].name) == source)
        feed = self._feed_of[source]
        feed.hide(mask)
        for lane in before:
            self.batcher.remove(lane)
        own = {plan.name: plan for plan in group}
        plans = [
            replace(
                own.get(f"{source}/{region.name}", group[0]),
                name=f"{source}/{region.name}",
                region=region,
                source=source,
            )
            for region in regions
        ] or [replace(own.get(source, group[0]), name=source, region=None, source=source)]
        levels = {lane.name: lane.levels for lane in before}
        for lane in self._add_lanes(plans, feed, is_read=True):
            lane.levels = levels.get(lane.name, {})
            lane.decide_by(lane.stream.scorer.labels_in(lane.name))
            if self._duties and source in self._duties.streams and not self._duties.of(source).on:
                self.batcher.be_on(lane, False, resting=self._idle)

    def _read(self) -> Iterator[None]:
        start_s = monotonic()
        for group in self._sources:
            if group[0].live:
                self._open(group)
        files = deque(enumerate(group for group in self._sources if not group[0].live))
        lanes: list[Lane] = []
        while not self._table.over and (files or self.batcher.lanes):
            if self.current and all(lane.ended for lane in lanes):
                self.current = None
            if files and not self.current:
                number, group = files.popleft()
                lanes = self._open(group)
                self.current = number, lanes[0]
            self._change_duties()
            self._table.run_errands(self)
            self.batcher.step(TICK_S)
            self._pass_on_states()
            self._drop_ended()
            if not files and all(lane.feed.live for lane in self.batcher.lanes):
                self._check_first_picture(start_s)
            yield

    def _open(self, plans: Sequence[StreamPlan]) -> list[Lane]:
        """Open a source, and return its lanes: one, or one for each of its regions."""
        source = plans[0].open(self._feed_options, max(map(self._rate_of, plans)))
        self._feeds = [*(one for one in self._feeds if not one.join(0)), source]
        self._feed_of[source.name] = source
        return self._add_lanes(plans, source)

    def _add_lanes(
        self, plans: Sequence[StreamPlan], source: Feed, *, is_read: bool = False
    ) -> list[Lane]:
        rates_fps = [self._rate_of(plan) for plan in plans]
        # A view computes some attributes of a feed, which a type checker does not let pass.
        shared = SharedFeed(source, rates_fps) if len(plans) > 1 else None
        feeds = cast(Sequence[Feed], shared.views if shared else (source,))
        lanes = [self._lane(plan, feed) for plan, feed in zip(plans, feeds, strict=True)]
        for lane in lanes:
            lane.shown = lane is lanes[0]
            self.batcher.add(lane, is_read=is_read)
        return lanes

    def _rate_of(self, plan: StreamPlan) -> float:
        return plan.options.sampling(self._recognizer.manifest).rate_fps

    def _lane(self, plan: StreamPlan, feed: Feed) -> Lane:
        stream = Stream(self._recognizer, plan.name, plan.options, source_fps=plan.source_fps)
        decider = None
        if plan.policy_for:
            labels = self._recognizer.scorer.labels_in(plan.name)
            decider = Decider(
                plan.policy_for(labels),
                feed.name,
                region=plan.region.name if plan.region else None,
                top=self._top,
            )
        return Lane(feed, stream, self._rate_of(plan), decider, plan.policy_for, plan.region)

    def _change_duties(self) -> None:
        """Have sources make events or none, as people and schedules say now."""
        for duty in self._duties.news() if self._duties else ():
            for lane in self._table.lanes:
                if lane.source == duty.source:
                    self.batcher.be_on(lane, duty.on, resting=self._idle and not duty.on)
            self._sink.put(duty)
            what = f"makes no events: it is {why_off(duty)}" if why_off(duty) else "makes events"
            log.info("%s %s.", duty.source, what)

    def _pass_on_states(self) -> None:
        """Send the states of live sources to the sink, and log each loss and return once."""
        while True:
            try:
                state = self._states.get_nowait()
            except queue.Empty:
                return
            self._sink.put(state)
            if state.state == "live":
                self._had_picture = True
                if self._away.pop(state.source, None) is not None:
                    log.info("%s is back.", state.source)
            elif state.state in ("lost", "stalled"):
                for lane in self._table.lanes:
                    if lane.source == state.source:
                        self.batcher.interrupt(lane)
                if state.source not in self._away:
                    log.warning("%s is %s: %s", state.source, state.state, state.reason)
                self._away[state.source] = state

    def _drop_ended(self) -> None:
        for lane in [lane for lane in self._table.lanes if lane.ended]:
            error = lane.feed.error
            if error or not lane.feed.live:
                self._table.remove(lane)
            if error:
                self.failures.append(error)
                if len(self._sources) > 1:
                    self._on_failure(error)

    def _check_first_picture(self, start_s: float) -> None:
        """End a run whose addresses are most likely wrong; one that had a picture never ends.

        Raises:
            SourceError: no source has given a picture, and each of them is lost or stalled.
        """
        if self._feed_options.give_up_s is not None or self._had_picture or not self._away:
            return
        away = [self._away.get(lane.source) for lane in self.batcher.lanes]
        if None in away:
            return  # that one is still being opened
        # One that takes long to open may wait for others: OpenCV opens one address at a time.
        waits = any(state and state.state == "stalled" for state in away)
        if monotonic() - start_s > FIRST_PICTURE_S * (len(away) if waits else 1):
            first = next(iter(self._away.values()))
            raise SourceError(
                f"{first.source} has given no picture in {monotonic() - start_s:.0f} s: "
                f"{first.reason}"
            )

    def _stop(self) -> None:
        """End events, pass on the last states, and leave threads that hang behind."""
        self._on_end()
        try:
            self.batcher.close()
        finally:
            deadline_s = monotonic() + JOIN_S
            for feed in self._feeds:
                if not feed.join(max(0.0, deadline_s - monotonic())):
                    leave_threads_behind()
            self._pass_on_states()
            self._table.run_errands(None)


def results_of(
    recognizer: WindowRecognizer,
    plans: Sequence[StreamPlan],
    *,
    top: int,
    events: bool,
) -> ResultStream[Recognition | ActionEvent]:
    """Return what is recognised in sources over time; see `Recognizer.stream`.

    Args:
        recognizer: the graphs with the labels in use.
        plans: the sources.
        top: labels that a result keeps once it is decided on.
        events: give the starts and ends of actions, too.
    """
    table, results = StreamTable(), _Results(events)
    loop = StreamLoop(
        recognizer,
        results,
        plans,
        table=table,
        top=top,
        on_failure=lambda error: log.warning("%s", error),
    )

    def taken() -> Generator[Recognition | ActionEvent, None, None]:
        with closing(loop.steps()) as steps:
            for _ in steps:
                while results.waiting:
                    yield results.waiting.popleft()
        yield from results.waiting  # what ended when the loop did

    return ResultStream(taken(), table.end)


class _Results(Sink):
    """A sink that holds results until they are taken."""

    name = "results"

    def __init__(self, events: bool) -> None:
        self.waiting: deque[Recognition | ActionEvent] = deque()
        self._events = events

    def put(self, message: Message) -> None:
        if isinstance(message, Recognition) or (self._events and isinstance(message, ActionEvent)):
            self.waiting.append(message)

    def close(self, timeout_s: float) -> None: ...
