"""The two modes at full speed: independent windows, and streaming with the cache.

*Independent*: every decision encodes T frames of its own and keeps nothing, as MLPerf's rules ask
and as every system without a cache does. *Streaming*: `stzsar-run` on a file, with the cache of
frame states. Both decode the same source in a thread, and compute in the runtime.
"""

import math
import threading
from array import array
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from time import perf_counter

import numpy as np

from ...runtime.decisions.events import Decider
from ...runtime.decisions.policy import Policy
from ...runtime.preprocessing.pixels import fit_frame
from ...runtime.scoring.window import FrameRing
from ...runtime.sinks.sink import Fanout
from ...runtime.sources.feed import Captured, Feed
from ...runtime.sources.thread_feed import AHEAD
from ...runtime.stages import Stage
from ...runtime.streams.batcher import Batcher
from ...runtime.streams.table import StreamTable
from .stopwatch import Steps, Stopwatch
from .task import (
    JOIN_S,
    LEAST_DECISIONS,
    TICK_S,
    Results,
    Task,
    check_feeds,
    feed_options,
    open_lane,
    open_sink,
    stop_feeds,
    stream_name,
    until,
)

STAGES: tuple[Stage, ...] = (
    "decode", "preprocess", "frame graph", "window graph", "decision", "sink",
)  # fmt: skip
# Our own code between the stages of a round.
REST = "rest"


@dataclass(frozen=True, kw_only=True)
class Turn:
    seconds: float  # how long it was timed
    decisions: int  # windows decided in that time
    frames: int  # frames encoded in that time
    # Of each stage, milliseconds per decision; where frames are encoded in batches, of each batch,
    # divided by its frames
    stages_ms: Mapping[str, Sequence[float]]
    # Of each stage and of REST, all of its time divided by the decisions
    mean_ms: Mapping[str, float]
    busy: float  # share of the time in which the run's thread worked; it waits for frames otherwise
    # Of each independent decision, the sum of its stages; decoding runs in parallel, so decisions
    # may come faster than that
    whole_ms: Sequence[float] = ()

    @property
    def windows_per_s(self) -> float:
        return self.decisions / self.seconds

    @property
    def frames_per_s(self) -> float:
        return self.frames / self.seconds


def run_independent(task: Task) -> Turn:
    """Decide on windows that share nothing, one by one."""
    decoding, wake = Stopwatch(), threading.Event()
    # A whole window may wait, so that decoding runs beside the network as in streaming.
    ahead = max(AHEAD, task.frames)
    feed = task.footage.endless(stream_name(0), feed_options(wake, decoding), task.rate_fps, ahead)
    sink, decider = open_sink(), Decider(Policy(), feed.name)
    waiting = _Waiting(feed, wake)
    windows: list[dict[str, float]] = []
    feed.start()
    try:
        until(task.warm_up_s, 1, lambda: _decide(task, waiting.take(task.frames), decider, sink))
        task.stopwatch.take()
        decoding.take()
        waiting.seconds = 0.0

        def once() -> bool:
            _decide(task, waiting.take(task.frames), decider, sink)
            steps = task.stopwatch.take()
            windows.append({name: math.fsum(of.seconds) for name, of in steps.items()})
            return True

        seconds, decisions = until(task.seconds, LEAST_DECISIONS, once)
    finally:
        stop_feeds([feed])
        sink.close(JOIN_S)
    decoded = decoding.take().get("decode", Steps()).seconds
    of_window = [
        math.fsum(decoded[start : start + task.frames])
        for start in range(0, len(decoded) - task.frames + 1, task.frames)
    ]
    stages = {name: [w.get(name, 0.0) for w in windows] for name in STAGES[1:]}
    stages["decode"] = of_window[:decisions]
    rest = [window.get("batch", 0.0) for window in windows]
    whole = [math.fsum(w.values()) + d for w, d in zip(windows, stages["decode"], strict=False)]
    return Turn(
        seconds=seconds,
        decisions=decisions,
        frames=decisions * task.frames,
        stages_ms={name: _ms(stages[name]) for name in STAGES},
        mean_ms={name: _mean_ms(stages[name], len(stages[name])) for name in STAGES}
        | {REST: _mean_ms(rest, decisions)},
        busy=1 - waiting.seconds / seconds,
        whole_ms=_ms(whole),
    )


def run_streaming(task: Task) -> Turn:
    """Run the source through the runtime at full speed, as `stzsar-run` does a file."""
    decoding, table, counted = Stopwatch(), StreamTable(), Results()
    sink = open_sink(counted)
    batches_s, batches = array("d"), array("l")

    def on_batch(busy_s: float, frames: int) -> None:
        batches_s.append(busy_s)
        batches.append(frames)

    batcher = Batcher(task.recognizer, sink, table=table, on_batch=on_batch, stages=task.stopwatch)
    feed = task.footage.endless(
        stream_name(0), feed_options(table.wake, decoding), task.rate_fps, AHEAD
    )
    batcher.add(open_lane(task, feed))
    try:
        until(task.warm_up_s, 1, lambda: _step(batcher, feed, counted))
        task.stopwatch.take()
        decoding.take()
        del batches_s[:], batches[:]
        before = counted.results
        seconds, _ = until(task.seconds, LEAST_DECISIONS, lambda: _step(batcher, feed, counted))
        decisions = counted.results - before
    finally:
        batcher.close()
        stop_feeds([feed])
        sink.close(JOIN_S)
    steps = defaultdict(Steps, {**task.stopwatch.take(), **decoding.take()})
    # The feed is a few frames ahead of the decisions: its mean is over its own frames.
    decoded = steps["decode"].seconds
    return Turn(
        seconds=seconds,
        decisions=decisions,
        frames=sum(batches),
        stages_ms={name: _ms(steps[name].each_s()) for name in STAGES},
        mean_ms={
            **{name: _mean_ms(steps[name].seconds, decisions) for name in STAGES},
            "decode": _mean_ms(decoded, len(decoded)),
            REST: _mean_ms(steps["batch"].seconds, decisions),
        },
        busy=math.fsum(batches_s) / seconds,
    )


class _Waiting:
    """Takes frames from a feed, and counts the seconds that it waits."""

    def __init__(self, feed: Feed, wake: threading.Event) -> None:
        self.seconds = 0.0
        self._feed, self._wake = feed, wake

    def take(self, count: int) -> list[Captured]:
        taken: list[Captured] = []
        while len(taken) < count:
            self._wake.clear()
            captured = self._feed.take()
            if captured:
                taken.append(captured)
                continue
            check_feeds([self._feed])
            start_s = perf_counter()
            self._wake.wait(TICK_S)
            self.seconds += perf_counter() - start_s
        return taken


def _decide(task: Task, window: Sequence[Captured], decider: Decider, sink: Fanout) -> bool:
    scorer, watch = task.recognizer.scorer, task.stopwatch
    size_px = task.recognizer.manifest.pixels.size_px
    with watch.of("batch"):
        with watch.of("preprocess", len(window)):
            images = np.stack([fit_frame(one.frame.image_hwc, size_px) for one in window])
        states = scorer.encode(images)
        with watch.of("decision"):
            times_s = [one.frame.time_s for one in window]
            found = scorer.recognize(stream_name(), FrameRing.of(states, times_s))
            found, events = decider.decide(found)
        with watch.of("sink"):
            for message in (found, *events):
                sink.put(message)
    return True


def _step(batcher: Batcher, feed: Feed, counted: Results) -> int:
    before = counted.results
    batcher.step(TICK_S)
    check_feeds([feed])
    return counted.results - before


def _ms(seconds: Sequence[float]) -> "array[float]":
    return array("d", (1000 * each for each in seconds))


def _mean_ms(seconds: Sequence[float], count: int) -> float:
    return 1000 * math.fsum(seconds) / count if count else 0.0
