"""Batcher over all streams: what is due is encoded in one batch, and each stream takes its part.

In a round every stream gives one frame at most, so none waits for more than one round, however many
there are and however fast the others are.
"""

import math
import threading
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import replace
from time import monotonic, time

import numpy as np

from ..labels.labels import Label
from ..recordings.recorder import Recorder
from ..results import ActionEvent, Overload, Recognition
from ..scoring.scorer import Scorer
from ..scoring.window import WindowFrame
from ..sinks.sink import Sink
from ..sources.feed import Captured
from ..stages import UNTIMED, Stages
from .governor import Governor
from .lane import Lane
from .stream import Prepared, WindowRecognizer

# A batch for a file is as good as one over streams; more of it only makes results come in bursts.
FILE_BATCH = 4
# Of pictures of a file at once; one in 4K has 25 MB.
MAX_HELD_BYTES = 100_000_000


class Batcher:
    """Leads the frames of many lanes through one recogniser into a sink.

    Attributes:
        lanes: the sources that are being read.
        share: the part of their sampling rates that live sources have, see `Governor`.
        wake: what a feed sets when it has something.
    """

    def __init__(
        self,
        recognizer: WindowRecognizer,
        sink: Sink,
        *,
        wake: threading.Event,
        batch_wait_s: float = 0.01,
        recorder: Recorder | None = None,
        top: int | None = None,
        on_round: Callable[[float, int], None] = lambda _busy_s, _frames: None,
        stages: Stages = UNTIMED,
    ) -> None:
        """Prepare.

        Args:
            recognizer: what recognises.
            sink: where messages and pictures go.
            wake: the event that all feeds set.
            batch_wait_s: how long a due frame waits for those of other streams at most.
            recorder: what keeps the frames' states.
            top: labels of a result that go on to the sink; all that there are if None.
            on_round: told how many seconds each round took, and for how many frames.
            stages: who is told of each step.
        """
        self.lanes: list[Lane] = []
        self.wake = wake
        self._recognizer = recognizer
        self._sink = sink
        self._batch_wait_s = batch_wait_s
        self._recorder = recorder
        self._top = top
        self._scorer = recognizer.scorer
        self._on_round = on_round
        self._stages = stages
        self._governor = Governor(monotonic())

    @property
    def share(self) -> float:
        """The part of their sampling rates that live sources have now."""
        return self._governor.share

    def add(self, lane: Lane) -> None:
        """Take in another source, and start it."""
        self.lanes.append(lane)
        lane.use_share(self.share)
        if self._recorder:
            sampling = lane.stream.options.sampling(self._recognizer.manifest)
            scorer = lane.stream.scorer
            among = scorer.labels_of.get(lane.name)
            self._recorder.begin_stream(lane.name, sampling, scorer.bank, among)
        lane.feed.start()

    def once(self, timeout_s: float) -> bool:
        """Do one round; say whether there was anything to do.

        Args:
            timeout_s: how long to wait for the first frame.

        Raises:
            StzsarError: a graph fails, or a sink cannot go on.
        """
        self.wake.clear()
        taken = self._collect()
        if not taken and not any(lane.feed.finished for lane in self.lanes):
            self.wake.wait(timeout_s)
            self.wake.clear()
            taken = self._collect()
        if taken:
            self._adopt_labels()
            start_s = monotonic()
            with self._stages.of("round"):
                encoded = self._work(taken)
            self._on_round(monotonic() - start_s, encoded)
            self._govern(taken, monotonic() - start_s)
        ended = [lane for lane in self.lanes if lane.feed.finished and lane not in taken]
        for lane in ended:
            self._end(lane)
        return bool(taken or ended)

    def interrupt(self, lane: Lane) -> None:
        """Close the events of a stream that is away."""
        if lane.decider:
            self._put_events(lane.decider.interrupt())

    def close(self) -> None:
        """Ask all feeds to stop, and close the events that are open."""
        for lane in self.lanes:
            lane.feed.stop()
        for lane in self.lanes:
            if lane.decider:
                self._put_events(lane.decider.finish())

    def _collect(self) -> dict[Lane, list[Captured]]:
        """Take what is due, waiting a moment for streams that have nothing yet."""
        taken: dict[Lane, list[Captured]] = {}
        live = [lane for lane in self.lanes if lane.feed.live]
        self._take(live, taken)
        if taken and len(taken) < len(live):
            oldest_s = min(frames[0].monotonic_s for frames in taken.values())
            while (left_s := oldest_s + self._batch_wait_s - monotonic()) > 0:
                if len(taken) == len(live) or not self.wake.wait(left_s):
                    break
                self.wake.clear()
                self._take([lane for lane in live if lane not in taken], taken)
        if live and taken:
            return taken  # a file has the moments in which no stream has anything
        for lane in self.lanes:
            if not lane.feed.live and lane not in taken:
                self._take_file(lane, taken, limit=1 if live else FILE_BATCH)
        return taken

    def _take(self, lanes: Iterable[Lane], taken: dict[Lane, list[Captured]]) -> None:
        for lane in lanes:
            captured = lane.take()
            if captured:
                taken[lane] = [captured]

    def _take_file(self, lane: Lane, taken: dict[Lane, list[Captured]], *, limit: int) -> None:
        """Take frames up to `limit` due ones; where there is time, wait for all of them.

        Batches of the same frames in every run give the same last digits. Pictures that are only
        shown wait for the results of those before them, as long as there is room.
        """
        frames: list[Captured] = []
        due = held_bytes = 0
        while due < limit and held_bytes < MAX_HELD_BYTES:
            captured = lane.take()
            if captured is None:
                if limit == 1 or lane.feed.finished or not self.wake.wait(0.1):
                    break
                self.wake.clear()
                continue
            frames.append(captured)
            due += captured.due
            held_bytes += captured.frame.image_hwc.nbytes
        if frames:
            taken[lane] = frames

    def _adopt_labels(self) -> None:
        """Go over to other labels with all streams, if there are others."""
        scorer, start_s = self._recognizer.scorer, monotonic()
        behind = [lane for lane in self.lanes if lane.stream.scorer is not scorer]
        for lane in behind:
            before = lane.stream.scorer.labels_in(lane.name)
            lane.stream.adopt(scorer)
            self._change_labels(lane, scorer, before)
        if behind:
            # Time has gone on for all of them meanwhile, which is no gap in what they show.
            for lane in self.lanes:
                lane.stream.allow(monotonic() - start_s)
        self._scorer = scorer

    def _work(self, taken: dict[Lane, list[Captured]]) -> int:
        """Encode and score; return how many frames were encoded."""
        due: list[tuple[Lane, Prepared]] = []
        prepared: dict[Lane, deque[Prepared]] = {}
        for lane, frames in taken.items():
            prepared[lane] = deque(self._prepare(lane, frame) for frame in frames if frame.due)
            due += [(lane, frame) for frame in prepared[lane] if not frame.alike]
        states = _encode(self._scorer, due)
        for lane, frames in taken.items():
            for captured in frames:
                if captured.due:
                    frame = prepared[lane].popleft()
                    self._accept(lane, captured, frame, states.get(id(frame)))
                if self._sink.wants_frames:
                    self._sink.show(lane.name, captured.frame, lane.latest)
        return len(due)

    def _prepare(self, lane: Lane, captured: Captured) -> Prepared:
        with self._stages.of("preprocess"):
            return lane.prepare(captured)

    def _accept(
        self, lane: Lane, captured: Captured, frame: Prepared, state: dict[str, np.ndarray] | None
    ) -> None:
        lane.encoded += state is not None
        if frame.breaks:
            self.interrupt(lane)
        with self._stages.of("decision"):
            found = lane.stream.accept(frame, state)
        if self._recorder:
            if frame.breaks:
                self._recorder.flush_window(lane.name)
            self._record(self._recorder, lane, lane.stream.newest, captured.time)
        if found:
            self._decide(lane, found, captured)

    def _change_labels(self, lane: Lane, scorer: Scorer, before: tuple[Label, ...]) -> None:
        """Go by other labels; record the window once more, whose states are others now."""
        labels = scorer.labels_in(lane.name)
        if labels != before:
            self.interrupt(lane)
            if lane.decider and lane.policy_for:
                lane.decider.policy = lane.policy_for(labels)
        if self._recorder:
            self._recorder.use_labels(lane.name, scorer.bank, scorer.labels_of.get(lane.name))
            for frame in lane.stream.window:
                self._record(self._recorder, lane, frame, None, quiet=True)

    def _record(
        self,
        recorder: Recorder,
        lane: Lane,
        frame: WindowFrame,
        clock: float | None,
        *,
        quiet: bool = False,
    ) -> None:
        recorder.add(
            lane.name,
            frame.state,
            frame.time_s,
            clock=clock,
            rate_fps=lane.stream.rate_fps,
            encoded=frame.encoded,
            quiet=quiet,
        )

    def _decide(self, lane: Lane, found: Recognition, captured: Captured | None) -> None:
        if captured and captured.time is not None:
            age_ms = 1000 * (monotonic() - captured.monotonic_s)
            found = replace(found, time=captured.time, age_ms=age_ms)
        events: list[ActionEvent] = []
        if lane.decider:
            with self._stages.of("decision", 0):
                found, events = lane.decider.decide(found)
        # A decision may need more labels than people want to see.
        lane.latest = found = replace(found, top=found.top[: self._top])
        lane.results += 1
        with self._stages.of("sink"):
            self._sink.put(found)
            self._put_events(events)

    def _put_events(self, events: Iterable[ActionEvent]) -> None:
        for event in events:
            self._sink.put(event)

    def _end(self, lane: Lane) -> None:
        self.lanes.remove(lane)
        lane.ended = True
        rest = None if lane.feed.live else lane.stream.finish()
        if rest:
            self._decide(lane, rest, None)
        if lane.decider:
            self._put_events(lane.decider.finish())
        self._sink.source_ended(lane.name)
        if self._recorder:
            self._recorder.end_stream(lane.name, rest=rest is not None)

    def _govern(self, taken: Iterable[Lane], busy_s: float) -> None:
        live = [lane for lane in self.lanes if lane.feed.live]
        frames = sum(lane.feed.live for lane in taken)
        if frames:
            self._governor.observe(frames, busy_s)
        asked_fps = math.fsum(lane.asked_fps for lane in live if lane.asks)
        due = sum(lane.feed.counters.sampled for lane in live)
        if self._governor.adjust(asked_fps, due, monotonic()):
            for lane in live:
                lane.use_share(self.share)
            self._sink.put(Overload(self.share, time()))


def _encode(scorer: Scorer, due: list[tuple[Lane, Prepared]]) -> dict[int, dict[str, np.ndarray]]:
    """Return the state of each frame, by the id of what was prepared."""
    if not due:
        return {}
    features = any(lane.stream.options.features for lane, _ in due)
    states = scorer.encode(np.stack([frame.image for _, frame in due]), features=features)
    return {
        id(frame): {name: state[row].copy() for name, state in states.items()}
        for row, (_, frame) in enumerate(due)
    }
