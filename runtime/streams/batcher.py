"""The batcher: encodes the due frames of all streams together, and scores each stream's window.

A batch takes at most one frame of each live stream, so no stream waits for more than one batch,
however many streams there are and however fast the others are.
"""

import math
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from time import monotonic, time

import numpy as np

from ..labels.labels import Label
from ..recordings.frame_recorder import FrameRecorder
from ..recordings.recorder import Recorder
from ..results import ActionEvent, Overload, Recognition
from ..scoring.scorer import Scorer
from ..scoring.window import State, WindowFrame
from ..sinks.sink import Sink
from ..sources.feed import Captured
from ..stages import UNTIMED, Stages
from .governor import Governor
from .lane import Lane
from .stream import Prepared, WindowRecognizer
from .table import StreamTable

# Frames of a file in a batch: more of them are not faster, and results would come in bursts.
FILE_BATCH = 4
# Pictures of a file that wait for a batch; one in 4K has 25 MB.
MAX_HELD_BYTES = 100_000_000


class Batcher:
    """Encodes frames of many streams in shared batches, and passes results on to a sink.

    Attributes:
        lanes: the sources that are being read.
        share: the share of their sampling rates that live sources get, see `Governor`.
    """

    def __init__(
        self,
        recognizer: WindowRecognizer,
        sink: Sink,
        *,
        table: StreamTable | None = None,
        batch_wait_s: float = 0.01,
        recorder: Recorder | None = None,
        archive: FrameRecorder | None = None,
        on_batch: Callable[[float, int], None] = lambda _busy_s, _frames: None,
        stages: Stages = UNTIMED,
    ) -> None:
        """Start with no streams.

        Args:
            recognizer: the graphs with the labels in use.
            sink: receives messages and pictures.
            table: the run's streams; feeds set its `wake`.
            batch_wait_s: how long a due frame waits for those of other streams.
            recorder: records the frame states.
            archive: takes them too, from the first to the last.
            on_batch: called after each batch with its seconds and its frames.
            stages: times the steps of a batch.
        """
        self.lanes: list[Lane] = []
        self._table = table or StreamTable()
        self._wake = self._table.wake
        self._recognizer = recognizer
        self._sink = sink
        self._batch_wait_s = batch_wait_s
        self._recorder, self._archive = recorder, archive
        self._scorer = recognizer.scorer
        self._on_batch = on_batch
        self._stages = stages
        self._governor = Governor(monotonic())

    @property
    def share(self) -> float:
        """The share of their sampling rates that live sources get now."""
        return self._governor.share

    @property
    def _recorders(self) -> Iterator[FrameRecorder]:
        yield from (one for one in (self._recorder, self._archive) if one)

    def add(self, lane: Lane, *, is_read: bool = False) -> None:
        """Add a lane, and start to read its source, unless that `is_read` already."""
        self.lanes.append(lane)
        self._table.add(lane)
        lane.use_share(self.share)
        for recorder in self._recorders:
            self._begin_recording(recorder, lane)
        if not is_read:
            lane.feed.start()

    def remove(self, lane: Lane) -> None:
        """Remove a lane whose source is read on: its event ends."""
        self.interrupt(lane)
        self.lanes.remove(lane)
        self._table.remove(lane)
        for recorder in self._recorders:
            recorder.end_stream(lane.name, rest=False)

    def record_with(self, recorder: Recorder | None) -> None:
        """Record with another recorder from now on, or with none; the caller closes the one before.

        A recorder that wants features makes all frames encoded with them.
        """
        self._recorder, start_s = recorder, monotonic()
        for lane in self.lanes:
            if recorder:
                self._begin_recording(recorder, lane)
            else:
                lane.stream.use(keep_features=bool(self._archive))
        self._excuse(monotonic() - start_s)

    def step(self, timeout_s: float) -> bool:
        """Process one batch; return False if there was none, and no source ended.

        Args:
            timeout_s: how long to wait for the first frame.

        Raises:
            StzsarError: a graph fails, or a sink cannot go on.
        """
        self._wake.clear()
        taken = self._collect()
        if not taken and not any(lane.feed.finished for lane in self.lanes):
            self._wake.wait(timeout_s)
            self._wake.clear()
            taken = self._collect()
        if taken:
            self._adopt_labels()
            start_s = monotonic()
            with self._stages.of("batch"):
                encoded = self._process(taken)
            self._on_batch(monotonic() - start_s, encoded)
            self._govern(taken, monotonic() - start_s)
        ended = [lane for lane in self.lanes if lane.feed.finished and lane not in taken]
        for lane in ended:
            self._end(lane)
        return bool(taken or ended)

    def interrupt(self, lane: Lane) -> None:
        """End the open event of a stream that is away."""
        if lane.decider:
            self._put(lane.decider.interrupt())

    def be_on(self, lane: Lane, is_on: bool, *, resting: bool) -> None:
        """Make events of a stream or none, and encode nothing of it while it is `resting`."""
        lane.resting = resting
        if lane.decider:
            self._put(lane.decider.be_on(is_on))

    def explain(self, names: frozenset[str]) -> None:
        """Explain the results of the lanes with these names, and of no others."""
        start_s = monotonic()
        changed = [lane for lane in self.lanes if lane.stream.use(explain=lane.name in names)]
        if changed:
            self._excuse(monotonic() - start_s)

    def close(self) -> None:
        """Stop all feeds, and end open events."""
        for lane in self.lanes:
            lane.feed.stop()
        for lane in self.lanes:
            if lane.decider:
                self._put(lane.decider.finish())

    def _collect(self) -> dict[Lane, list[Captured]]:
        """Take due frames, and wait a moment for streams that have none yet."""
        taken: dict[Lane, list[Captured]] = {}
        live = [lane for lane in self.lanes if lane.feed.live]
        _take(live, taken)
        if taken and len(taken) < len(live):
            oldest_s = min(frames[0].monotonic_s for frames in taken.values())
            while (left_s := oldest_s + self._batch_wait_s - monotonic()) > 0:
                if len(taken) == len(live) or not self._wake.wait(left_s):
                    break
                self._wake.clear()
                _take([lane for lane in live if lane not in taken], taken)
        if live and taken:
            return taken  # files get the time in which no live stream has a frame
        for lane in self.lanes:
            if not lane.feed.live and lane not in taken:
                self._take_file(lane, taken, limit=1 if live else FILE_BATCH)
        return taken

    def _take_file(self, lane: Lane, taken: dict[Lane, list[Captured]], *, limit: int) -> None:
        """Take up to `limit` due frames of a file; without live streams, wait for all of them.

        The same batches in every run give the same digits. Pictures that are only shown wait for
        the results before them, within `MAX_HELD_BYTES`.
        """
        frames: list[Captured] = []
        due = held_bytes = 0
        while due < limit and held_bytes < MAX_HELD_BYTES:
            captured = lane.take()
            if captured is None:
                if limit == 1 or lane.feed.finished or not self._wake.wait(0.1):
                    break
                self._wake.clear()
                continue
            frames.append(captured)
            due += captured.due
            held_bytes += captured.frame.image_hwc.nbytes
        if frames:
            taken[lane] = frames

    def _adopt_labels(self) -> None:
        """Switch all streams to the recogniser's labels, if these have changed."""
        scorer, start_s = self._recognizer.scorer, monotonic()
        behind = [lane for lane in self.lanes if lane.stream.scorer is not scorer]
        for lane in behind:
            before = lane.stream.scorer.labels_in(lane.name)
            lane.stream.adopt(scorer)
            self._change_labels(lane, scorer, before)
        if behind:
            self._excuse(monotonic() - start_s)
        self._scorer = scorer

    def _excuse(self, delay_s: float) -> None:
        """Note that every stream had to wait, which is not a gap in its pictures."""
        for lane in self.lanes:
            lane.stream.excuse(delay_s)

    def _process(self, taken: dict[Lane, list[Captured]]) -> int:
        """Encode and score; return how many frames were encoded."""
        to_encode: list[tuple[Lane, Prepared]] = []
        prepared: dict[Lane, deque[Prepared]] = {}
        for lane, frames in taken.items():
            prepared[lane] = deque(self._prepare(lane, frame) for frame in frames if frame.due)
            to_encode += [(lane, frame) for frame in prepared[lane] if not frame.alike]
        states = _encode(self._scorer, to_encode)
        for lane, frames in taken.items():
            for captured in frames:
                if captured.due:
                    frame = prepared[lane].popleft()
                    self._accept(lane, frame, states.get(id(frame)))
                if self._sink.wants_frames and lane.shown:
                    self._sink.show(lane.source, captured.frame, self._latest(lane))
        return len(to_encode)

    def _prepare(self, lane: Lane, captured: Captured) -> Prepared:
        with self._stages.of("preprocess"):
            return lane.prepare(captured)

    def _accept(self, lane: Lane, frame: Prepared, state: State | None) -> None:
        lane.encoded += state is not None
        if frame.breaks:
            self.interrupt(lane)
        with self._stages.of("decision"):
            found = lane.stream.accept(frame, state)
        for recorder in self._recorders:
            if frame.breaks:
                recorder.flush_window(lane.name)
            self._record(recorder, lane, lane.stream.newest)
        if found:
            self._decide(lane, found)

    def _begin_recording(self, recorder: FrameRecorder, lane: Lane) -> None:
        scorer = lane.stream.scorer
        if recorder.feature_names:
            lane.stream.use(keep_features=True)
        recorder.begin_stream(
            lane.name,
            lane.stream.options.sampling(self._recognizer.manifest),
            scorer.bank,
            scorer.labels_of.get(lane.name),
            source=lane.source,
            region=lane.region.name if lane.region else None,
        )

    def _change_labels(self, lane: Lane, scorer: Scorer, before: tuple[Label, ...]) -> None:
        """Decide by other labels, and record the window again, whose states have changed."""
        labels = scorer.labels_in(lane.name)
        if labels != before:
            self.interrupt(lane)
            lane.decide_by(labels)
        for recorder in self._recorders:
            recorder.use_labels(lane.name, scorer.bank, scorer.labels_of.get(lane.name))
            for frame in lane.stream.window:
                self._record(recorder, lane, frame, quiet=True)

    def _record(
        self, recorder: FrameRecorder, lane: Lane, frame: WindowFrame, *, quiet: bool = False
    ) -> None:
        recorder.add(
            lane.name,
            frame.state,
            frame.time_s,
            clock=frame.clock,
            rate_fps=lane.stream.rate_fps,
            encoded=frame.encoded,
            quiet=quiet,
        )

    def _decide(self, lane: Lane, found: Recognition) -> None:
        events: list[ActionEvent] = []
        if lane.decider:
            with self._stages.of("decision", 0):
                found, events = lane.decider.decide(found)
        lane.latest = found = lane.told(found)
        lane.results += 1
        with self._stages.of("sink"):
            self._sink.put(found)
            self._put(events)

    def _latest(self, lane: Lane) -> Recognition | None:
        """Return the result to show with a picture: of a source's regions, the surest decision."""
        if lane.region is None:
            return lane.latest
        every = [one.latest for one in self.lanes if one.source == lane.source and one.latest]
        return max(every, key=lambda one: (one.decision is not None, one.score), default=None)

    def _put(self, events: Iterable[ActionEvent]) -> None:
        for event in events:
            self._sink.put(event)

    def _end(self, lane: Lane) -> None:
        self.lanes.remove(lane)
        lane.ended = True
        rest = None if lane.feed.live else lane.stream.finish()
        if rest:
            self._decide(lane, rest)
        if lane.decider:
            self._put(lane.decider.finish())
        if all(other.source != lane.source for other in self.lanes):
            self._sink.source_ended(lane.source)
        for recorder in self._recorders:
            recorder.end_stream(lane.name, rest=rest is not None)

    def _govern(self, taken: Iterable[Lane], busy_s: float) -> None:
        live = [lane for lane in self.lanes if lane.feed.live]
        frames = sum(lane.feed.live and not lane.resting for lane in taken)
        if frames:
            self._governor.observe(frames, busy_s)
        asked_fps = math.fsum(lane.asked_fps for lane in live if lane.active)
        due = sum(lane.feed.counters.sampled for lane in live)
        if self._governor.adjust(asked_fps, due, monotonic()):
            for lane in live:
                lane.use_share(self.share)
            self._sink.put(Overload(self.share, time()))


def _take(lanes: Iterable[Lane], taken: dict[Lane, list[Captured]]) -> None:
    for lane in lanes:
        if captured := lane.take():
            taken[lane] = [captured]


def _encode(scorer: Scorer, frames: list[tuple[Lane, Prepared]]) -> dict[int, State]:
    """Return the state of each frame, by the id of its `Prepared`."""
    if not frames:
        return {}
    features = any(lane.stream.options.features for lane, _ in frames)
    states = scorer.encode(np.stack([frame.image for _, frame in frames]), features=features)
    return {
        id(frame): {
            name: state[row].copy()
            for name, state in states.items()
            if lane.stream.options.features or name in scorer.states
        }
        for row, (lane, frame) in enumerate(frames)
    }
