"""Batcher over many streams, with feeds that give what the test puts into them."""

import threading
import time
from collections import deque

import numpy as np
import pytest

from stzsar.runtime.decisions.events import Decider
from stzsar.runtime.decisions.policy import Policy
from stzsar.runtime.errors import SourceError
from stzsar.runtime.results import ActionEvent, Overload
from stzsar.runtime.sources.feed import Captured, FeedCounters
from stzsar.runtime.sources.frames import Frame
from stzsar.runtime.streams.batcher import FILE_BATCH, Batcher
from stzsar.runtime.streams.governor import Governor
from stzsar.runtime.streams.lane import Lane
from stzsar.runtime.streams.table import StreamTable

from .memory import Sink


class Feed:
    """A feed out of memory: live ones keep their newest frame, files all."""

    source_fps: float | None = None
    frame_count: int | None = None
    error: SourceError | None = None

    def __init__(self, name, wake, *, live=True):
        self.name, self.live, self.wake, self.rate_fps = name, live, wake, 4.0
        self.counters = FeedCounters()
        self.waiting: deque[Captured] = deque(maxlen=1 if live else None)
        self.ended = False

    @property
    def finished(self):
        return self.ended and not self.waiting

    def give(self, image, time_s, *, due=True, connection=1):
        frame = Frame(image, time_s, 0)
        now = time.time() if self.live else None
        self.waiting.append(Captured(frame, due, time.monotonic(), now, connection))
        self.wake.set()

    def take(self):
        return self.waiting.popleft() if self.waiting else None

    def start(self): ...
    def hide(self, mask): ...
    def stop(self): ...
    def join(self, timeout_s):
        return True


@pytest.fixture
def sink():
    return Sink()


@pytest.fixture
def table():
    return StreamTable()


@pytest.fixture
def batcher(recognizer, sink, table):
    return Batcher(recognizer, sink, table=table, batch_wait_s=0.0)


@pytest.fixture
def add(batcher, recognizer, table):
    def add_lane(name, *, live=True, policy=None):
        feed = Feed(name, table.wake, live=live)
        decider = Decider(policy, name) if policy else None
        batcher.add(Lane(feed, recognizer.open_stream(name), 4.0, decider))
        return feed

    return add_lane


@pytest.fixture
def batches(recognizer, monkeypatch):
    """The sizes of the batches that are encoded."""
    sizes = []
    encode = recognizer.scorer.encode
    monkeypatch.setattr(
        recognizer.scorer,
        "encode",
        lambda images, **how: (sizes.append(len(images)), encode(images, **how))[1],
    )
    return sizes


def test_frames_of_all_streams_are_encoded_in_one_batch(batcher, add, batches, sink, picture):
    feeds = {colour: add(colour) for colour in ("red", "green", "blue")}

    for number in range(5):
        for colour, feed in feeds.items():
            feed.give(picture(colour), number / 4)
        assert batcher.step(0)

    assert batches == [3] * 5
    for colour in feeds:
        assert [found.label for found in sink.results(colour)] == [colour] * 2


def test_a_stream_gets_the_same_scores_beside_others_as_alone(
    batcher, add, sink, recognizer, picture
):
    alone = recognizer.open_stream("red")
    feeds, expected = [add("red"), add("blue")], None

    for number in range(4):
        for feed in feeds:
            feed.give(picture(feed.name), number / 4)
        batcher.step(0)
        expected = alone.push(picture("red"), number / 4)

    (found,) = sink.results("red")
    assert expected is not None
    for ours, theirs in zip(found.top, expected.top, strict=True):
        assert ours.label == theirs.label
        assert ours.score == pytest.approx(theirs.score, abs=1e-6)


def test_no_stream_waits_for_more_than_one_round(batcher, add, batches, picture):
    fast, slow = add("red"), add("blue")

    for number in range(10):
        fast.give(picture("red"), number / 4)
        fast.give(picture("red"), number / 4 + 0.1)  # newer before it was taken
        if number == 5:
            slow.give(picture("blue"), 0.0)
        batcher.step(0)

    assert batches == [1, 1, 1, 1, 1, 2, 1, 1, 1, 1]


def test_a_frame_waits_a_moment_for_those_of_other_streams(
    recognizer, sink, table, batches, picture
):
    batcher = Batcher(recognizer, sink, table=table, batch_wait_s=30.0)
    feeds = [Feed(name, table.wake) for name in ("red", "blue")]
    for feed in feeds:
        batcher.add(Lane(feed, recognizer.open_stream(feed.name), 4.0))
    feeds[0].give(picture("red"), 0.0)
    later = threading.Timer(0.05, lambda: feeds[1].give(picture("blue"), 0.0))
    later.start()

    batcher.step(0)

    assert batches == [2]


def test_a_file_is_encoded_in_batches_and_all_of_it(batcher, add, batches, sink, picture):
    file = add("red", live=False)
    for number in range(10):
        file.give(picture("red"), number / 4)
    file.ended = True

    while batcher.lanes:
        batcher.step(0)

    assert batches == [FILE_BATCH, FILE_BATCH, 10 - 2 * FILE_BATCH]
    assert [found.end_s for found in sink.results("red")] == [n / 4 for n in range(3, 10)]
    assert all(found.time is None and found.age_ms is None for found in sink.results("red"))
    assert sink.ended == ["red"]


def test_a_file_beside_a_camera_has_the_moments_in_which_that_has_nothing(
    batcher, add, batches, sink, picture
):
    file, camera = add("red", live=False), add("blue")
    for number in range(8):
        file.give(picture("red"), number / 4)

    for number in range(8):
        if number % 2:
            camera.give(picture("blue"), number / 4)
        batcher.step(0)

    assert batches == [1] * 8
    assert len(file.waiting) == 4
    assert [found.label for found in sink.results("blue")] == ["blue"]


def test_a_live_result_says_when_it_was_captured_and_how_old_it_is(batcher, add, sink, picture):
    camera = add("red")
    before = time.time()
    for number in range(4):
        camera.give(picture("red"), number / 4)
        batcher.step(0)

    (found,) = sink.results("red")
    assert before <= found.time <= time.time()
    assert 0 < found.age_ms < 60_000
    assert (found.frames, found.encoded, found.gap_s, found.rate_fps) == (4, 4, 0.25, 4.0)


def test_no_window_spans_two_connections_however_short_the_gap(batcher, add, sink, picture):
    camera = add("red")
    for number in range(8):
        camera.give(picture("red"), number / 4, connection=1 + (number >= 3))
        batcher.step(0)

    assert [found.start_s for found in sink.results("red")] == [0.75, 1.0]


def test_a_short_file_gives_one_result_at_its_end(batcher, add, sink, picture):
    file = add("red", live=False)
    file.give(picture("red"), 0.0)
    file.ended = True

    while batcher.lanes:
        batcher.step(0)

    assert [found.frames for found in sink.results("red")] == [1]


def test_pictures_are_shown_with_what_was_known_at_their_time(batcher, add, sink, picture):
    sink.wants_frames = True
    file = add("red", live=False)
    for number in range(10):
        file.give(picture("red"), number / 8, due=number % 2 == 0)
    file.ended = True

    while batcher.lanes:
        batcher.step(0)

    assert [time_s for _, time_s, _ in sink.shown] == [number / 8 for number in range(10)]
    assert [end_s for *_, end_s in sink.shown] == [None] * 6 + [0.75, 0.75, 1.0, 1.0]


def test_events_come_with_results_and_are_closed_at_the_end(batcher, add, sink, picture):
    camera = add("red", policy=Policy(min_length_s=0.0))
    for number in range(8):
        camera.give(picture("red"), number / 4)
        batcher.step(0)
    assert {found.decision for found in sink.results("red")} == {"red"}

    batcher.close()

    events = [message for message in sink.messages if isinstance(message, ActionEvent)]
    assert [(event.event, event.label) for event in events] == [("start", "red"), ("end", "red")]


def test_a_machine_that_is_too_slow_samples_all_streams_less_and_says_so(
    batcher, add, sink, picture, monkeypatch
):
    def adjust(self, _asked_fps, _due, _now_s):
        changed, self.share = self.share != 0.5, 0.5
        return changed

    monkeypatch.setattr(Governor, "adjust", adjust)
    feeds = [add("red"), add("blue")]
    for number in range(10):
        for feed in feeds:
            feed.give(picture(feed.name), number / 2)
        batcher.step(0)

    assert [feed.rate_fps for feed in feeds] == [2.0, 2.0]
    assert [m.share for m in sink.messages if isinstance(m, Overload)] == [0.5]
    assert {found.rate_fps for found in sink.results("red")[1:]} == {2.0}


def test_a_stream_that_comes_later_is_sampled_like_the_others(batcher, add):
    batcher._governor.share = 0.25

    late = add("late")

    assert late.rate_fps == batcher.lanes[-1].stream.rate_fps == 1.0


def test_labels_change_for_all_streams_between_two_batcher(batcher, add, sink, recognizer, picture):
    feeds = [add("red"), add("blue")]
    before = [label.name for label in recognizer.labels]
    try:
        for number in range(6):
            if number == 4:
                recognizer.use_labels(
                    ["yellow", "red", "blue"], labels_of={"blue": ["yellow", "blue"]}
                )
            for feed in feeds:
                feed.give(picture(feed.name), number / 4)
            batcher.step(0)
    finally:
        recognizer.use_labels(before)

    seen = [{score.label for score in found.top} for found in sink.results("blue")]
    assert seen == [{"red", "green", "blue"}, {"yellow", "blue"}, {"yellow", "blue"}]
    assert sum(s.score for s in sink.results("blue")[-1].top) == pytest.approx(1)
    assert len(sink.results("red")[-1].top) == 3


def test_labels_that_take_long_to_take_up_are_a_gap_for_no_stream(
    batcher, add, sink, recognizer, picture, monkeypatch
):
    """All windows are encoded anew before the round goes on, and each stream waits for all."""
    clock = [1000.0]
    monkeypatch.setattr("stzsar.runtime.streams.batcher.monotonic", lambda: clock[0])

    def slow(encode):
        def encode_slowly(images, **how):
            clock[0] += 0.5 * (len(images) == 4)  # a whole window
            return encode(images, **how)

        return encode_slowly

    before = [label.name for label in recognizer.labels]
    feeds = [add(name) for name in ("red", "green", "blue")]
    try:
        for number in range(6):
            if number == 4:
                recognizer.use_labels([*before, "yellow"])
                monkeypatch.setattr(recognizer.scorer, "encode", slow(recognizer.scorer.encode))
            late_s = 1.5 if number > 4 else 0.0
            for feed in feeds:
                feed.give(picture(feed.name), number / 4 + late_s)
            batcher.step(0)
    finally:
        recognizer.use_labels(before)

    for feed in feeds:
        assert len(sink.results(feed.name)) == 3
        assert {len(found.top) for found in sink.results(feed.name)[1:]} == {4}


def test_labels_of_another_stream_that_change_end_no_event(batcher, add, sink, recognizer, picture):
    feeds = [add(name, policy=Policy(min_length_s=0.0)) for name in ("red", "blue")]
    before = [label.name for label in recognizer.labels]
    own = {"blue": ["red", "green", "blue"]}
    try:
        for number in range(8):
            if number == 5:
                recognizer.use_labels([*before, "yellow"], labels_of={"red": ["red"], **own})
            for feed in feeds:
                feed.give(picture(feed.name), number / 4)
            batcher.step(0)
    finally:
        recognizer.use_labels(before)

    ended = {m.source for m in sink.messages if isinstance(m, ActionEvent) and m.event == "end"}
    assert ended == {"red"}


def test_pictures_that_are_only_shown_do_not_pile_up(batcher, add, sink, picture, monkeypatch):
    monkeypatch.setattr("stzsar.runtime.streams.batcher.MAX_HELD_BYTES", 5 * picture("red").nbytes)
    sink.wants_frames = True
    file = add("red", live=False)
    for number in range(30):
        file.give(picture("red"), number / 8, due=number % 10 == 0)
    file.ended = True

    batcher.step(0)
    assert len(sink.shown) == 5
    while batcher.lanes:
        batcher.step(0)
    assert [time_s for _, time_s, _ in sink.shown] == [number / 8 for number in range(30)]


def test_states_of_a_batch_do_not_keep_the_batch(batcher, add, picture):
    feeds = [add(name) for name in ("red", "blue")]
    for feed in feeds:
        feed.give(picture(feed.name), 0.0)
    batcher.step(0)

    newest = batcher.lanes[0].stream._ring.newest
    assert all(np.asarray(state).base is None for state in newest.state.values())
