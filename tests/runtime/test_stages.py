"""The steps of a run, as a timer sees them."""

import contextlib
import threading
from collections import Counter

import pytest

from stzsar.runtime.bundle.bundle import Bundle, shipped_bundle
from stzsar.runtime.command.summary import Summaries
from stzsar.runtime.decisions.events import Decider
from stzsar.runtime.decisions.policy import Policy
from stzsar.runtime.engines.timed_graph import timed
from stzsar.runtime.recognizer import Recognizer
from stzsar.runtime.sources.feed import FeedOptions
from stzsar.runtime.sources.open_feed import open_feed
from stzsar.runtime.sources.spec import spec_of
from stzsar.runtime.stages import UNTIMED
from stzsar.runtime.streams.batcher import Batcher
from stzsar.runtime.streams.lane import Lane
from stzsar.runtime.streams.table import StreamTable


class StepCounter:
    """Counts the steps and what they were of, and sees which lie within which."""

    def __init__(self):
        self.steps, self.frames, self.within = Counter(), Counter(), set()
        self._open = threading.local()

    @contextlib.contextmanager
    def of(self, stage, count=1):
        outer = getattr(self._open, "stage", None)
        self._open.stage = stage
        self.steps[stage] += count > 0
        self.frames[stage] += count
        self.within.add((outer, stage))
        yield
        self._open.stage = outer


@pytest.fixture
def clip(root):
    return root / "runtime" / "shipped" / "sample.mp4"


def test_every_step_of_a_run_is_timed_once_for_each_frame_or_decision(clip):
    steps_seen, table = StepCounter(), StreamTable()
    bundle = Bundle.open(shipped_bundle())
    recognizer = Recognizer(bundle, bundle.bank, stages=steps_seen)
    batcher = Batcher(recognizer, Summaries(), table=table, stages=steps_seen)
    feed = open_feed(spec_of(clip), FeedOptions(wake=table.wake, stages=steps_seen), 4.0)
    stream = recognizer.open_stream(feed.name)
    lane = Lane(feed, stream, 4.0, Decider(Policy(), feed.name))
    batcher.add(lane)
    while batcher.lanes:
        batcher.step(0.1)
    assert lane.encoded > lane.results > 20
    assert steps_seen.steps["preprocess"] == steps_seen.frames["frame graph"] == lane.encoded
    assert steps_seen.steps["window graph"] == steps_seen.steps["sink"] == lane.results
    assert steps_seen.steps["decision"] == lane.encoded
    assert steps_seen.steps["decode"] >= lane.encoded
    inside = {"preprocess", "frame graph", "decision", "sink"}
    assert steps_seen.within == {
        (None, "decode"), (None, "batch"), ("decision", "window graph"),
        *(("batch", stage) for stage in inside),
    }  # fmt: skip


def test_a_graph_that_nobody_times_is_the_graph_itself():
    graph = Recognizer.load(shipped_bundle())._graphs["frame"]
    assert timed(graph, "frame graph", UNTIMED) is graph
    other = timed(graph, "frame graph", StepCounter())
    assert (other.inputs, other.outputs, other.device) == (
        graph.inputs, graph.outputs, graph.device,
    )  # fmt: skip
