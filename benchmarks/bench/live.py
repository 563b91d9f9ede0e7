"""The third mode: streams in real time, as `stzsar-run` watches cameras."""

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from time import monotonic

from ...runtime.errors import SourceError
from ...runtime.streams.batcher import Batcher
from ...runtime.streams.lane import Lane
from ...runtime.streams.table import StreamTable
from .task import (
    JOIN_S,
    PATIENCE_S,
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


@dataclass(frozen=True, kw_only=True)
class LiveTurn:
    seconds: float  # how long they were timed, with full windows
    ages_ms: Sequence[float]  # of each decision, time since its newest frame was captured
    due: int  # frames that the sampling rates asked for
    dropped: int  # frames that a newer one replaced
    decisions: int  # windows decided
    share: float  # lowest share of their rates that the streams got


def run_live(task: Task, on_full: Callable[[], None] = lambda: None) -> LiveTurn:
    """Watch streams in real time, as `stzsar-run` does cameras.

    Streams start spread over one sampling period, as independent cameras would. `on_full` is called
    when all windows are full and timing starts.
    """
    table, counted = StreamTable(), Results()
    wake = table.wake
    task.stopwatch.running = False  # its notes would look like growing memory
    sink = open_sink(counted)
    batcher = Batcher(task.recognizer, sink, table=table)
    names = deque(stream_name(index) for index in range(task.streams))
    lanes: list[Lane] = []
    start_s = monotonic()

    def once() -> bool:
        begun = len(lanes) / task.streams / task.rate_fps
        if names and monotonic() - start_s >= begun:
            feed = task.footage.live(names.popleft(), feed_options(wake), task.rate_fps)
            lanes.append(open_lane(task, feed))
            batcher.add(lanes[-1])
        batcher.step(min(TICK_S, 1 / task.rate_fps / task.streams) if names else TICK_S)
        check_feeds([lane.feed for lane in lanes])
        return True

    try:
        while names or not all(lane.results for lane in lanes):
            once()
            _give_up_on_silence(lanes, start_s, task)
        on_full()
        before, counted.share = _counts(lanes), batcher.share
        del counted.ages_ms[:]
        seconds, _ = until(task.seconds, 1, once)
        after = _counts(lanes)
        share = min(counted.share, batcher.share)
    finally:
        task.stopwatch.running = True
        batcher.close()
        stop_feeds([lane.feed for lane in lanes])
        sink.close(JOIN_S)
    due, dropped, decisions = (late - early for early, late in zip(before, after, strict=True))
    return LiveTurn(
        seconds=seconds,
        ages_ms=tuple(counted.ages_ms),
        due=due,
        dropped=dropped,
        decisions=decisions,
        share=share,
    )


def _give_up_on_silence(lanes: Sequence[Lane], start_s: float, task: Task) -> None:
    patience_s = PATIENCE_S + 4 * task.frames / task.rate_fps
    if monotonic() - start_s > patience_s:
        mute = next((lane.name for lane in lanes if not lane.results), "a stream")
        raise SourceError(
            f"{mute} gave no window within {patience_s:.0f} s: check the source with stzsar-run, "
            "or watch fewer --streams."
        )


def _counts(lanes: Sequence[Lane]) -> tuple[int, int, int]:
    counters = [lane.counters() for lane in lanes]
    due, dropped, results = (
        sum(each[name] for each in counters) for name in ("sampled", "dropped", "results")
    )
    return due, dropped, results
