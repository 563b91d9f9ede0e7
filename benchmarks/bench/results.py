"""What was measured, made into a record."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .accuracy import Accuracy, read_parity
from .instruments.instrument import Instrument, State
from .live import LiveTurn
from .percentiles import distribution
from .record import Better, Build, Figure, Live, Measured, Memory, Mode, Record
from .setting import describe_bundle, describe_machine, describe_versions
from .sources import Footage
from .task import Task
from .throughput import REST, STAGES, Turn
from .watch import Watch

if TYPE_CHECKING:
    from .request import Request

MODES = ("independent", "streaming")
WHOLE, AGE = "sum of stages", "capture → decision"


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """Everything that a run of the benchmark left.

    Attributes:
        turns: of "independent" and "streaming".
        lives: the turns with streams in real time.
        cold_s: seconds to the first line of a fresh process, in each turn.
        run_peaks_mib: the memory of these processes.
        load_s: seconds to load the bundle and its graphs.
        rss_mib: memory before and after loading, at the end, and the most.
        states: of the instruments, at the start and at the end.
        load_averages: at the start and at the end.
    """

    task: Task
    footage: Footage
    turns: Mapping[str, Sequence[Turn]]
    lives: Sequence[LiveTurn]
    cold_s: Sequence[float]
    run_peaks_mib: Sequence[float | None]
    load_s: float
    rss_mib: tuple[float, float, float, float]
    build: Build | None
    watch: Watch
    instruments: Sequence[Instrument]
    states: tuple[Mapping[str, State], Mapping[str, State]]
    absent: Mapping[str, str]
    accuracy: Accuracy | None
    load_averages: tuple[tuple[float, ...], tuple[float, ...]]


def summarise(request: Request, outcome: Outcome) -> Record:
    """Return the record of a run."""
    modes = {name: _mode(outcome.turns[name]) for name in MODES}
    memory = _memory(outcome)
    measured = {one.name: _measured(one, outcome, modes) for one in outcome.instruments}
    return Record(
        created=datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
        command=request.command,
        setup=_setup(request, outcome),
        load_average={"start": outcome.load_averages[0], "end": outcome.load_averages[1]},
        figures=_figures(outcome, memory, measured),
        modes=modes,
        live=_live(outcome),
        memory=memory,
        build=outcome.build,
        instruments=measured,
        absent=outcome.absent,
        parity=read_parity(request.bundle),
        accuracy=outcome.accuracy,
        notes=_notes(request, outcome),
    )


def _setup(request: Request, outcome: Outcome) -> dict[str, Any]:
    task, scorer = outcome.task, outcome.task.recognizer.scorer
    own = min(len(scorer.labels), len(request.bundle.bank.labels))
    width, height = outcome.footage.size_wh
    return {
        **describe_bundle(request.bundle),
        "runs on": task.recognizer.device,
        "engine": request.engine,
        "threads": request.threads or "as many as cores",
        "frames of a window": task.frames,
        "frames a second": task.rate_fps,
        "labels": len(scorer.labels),
        "labels drawn at random": len(scorer.labels) - own,
        "attributes of a label": scorer.bank.attribute_mask.shape[1],
        "attributes in all": int(scorer.bank.attribute_mask.sum()),
        "source": outcome.footage.name,
        "sha256 of the source": outcome.footage.sha256,
        "pictures": f"{width}x{height}",
        "streams": task.streams,
        "seconds": task.seconds,
        "turns": request.repeat,
        **describe_machine(),
        **describe_versions(),
    }


def _mode(turns: Sequence[Turn]) -> Mode:
    stages = {
        name: distribution([ms for turn in turns for ms in turn.stages_ms[name]]) for name in STAGES
    }
    whole = [ms for turn in turns for ms in turn.whole_ms]
    decisions = sum(turn.decisions for turn in turns)
    means = {
        name: sum(turn.mean_ms[name] * turn.decisions for turn in turns) / decisions
        for name in (*STAGES, REST)
    }
    return Mode(
        stages={**stages, **({WHOLE: distribution(whole)} if whole else {})},
        mean_ms=means,
        busy=tuple(turn.busy for turn in turns),
        decisions=decisions,
        seconds=sum(turn.seconds for turn in turns),
    )


def _live(outcome: Outcome) -> Live:
    lives = outcome.lives
    return Live(
        streams=outcome.task.streams,
        asked_fps=outcome.task.streams * outcome.task.rate_fps,
        ages=distribution([ms for turn in lives for ms in turn.ages_ms]),
        due=sum(turn.due for turn in lives),
        dropped=sum(turn.dropped for turn in lives),
        decisions=sum(turn.decisions for turn in lives),
        share=tuple(turn.share for turn in lives),
        seconds=sum(turn.seconds for turn in lives),
    )


def _memory(outcome: Outcome) -> Memory:
    before, after, end, peak = outcome.rss_mib
    slope, watched_s = outcome.watch.slope_mib_per_h("live")
    peaks = [peak for peak in outcome.run_peaks_mib if peak is not None]
    return Memory(
        run_peak=max(peaks, default=None),
        before_load=before,
        after_load=after,
        at_end=end,
        peak=peak,
        slope_mib_per_h=slope,
        watched_s=watched_s,
    )


def _measured(one: Instrument, outcome: Outcome, modes: Mapping[str, Mode]) -> Measured:
    watch = outcome.watch
    idle = watch.watts("idle").get(one.name)
    watts = {what: watch.watts(what)[one.name] for what in (*MODES, "live")
             if one.name in watch.watts(what)}  # fmt: skip
    seconds = {name: (mode.seconds, mode.decisions) for name, mode in modes.items()}
    live = _live(outcome)
    seconds["live"] = (live.seconds, live.decisions)

    def joules(less_w: float) -> dict[str, float]:
        return {
            what: (power - less_w) * seconds[what][0] / seconds[what][1]
            for what, power in watts.items()
            if seconds[what][1]
        }

    largest: dict[str, float] = {}
    for what in (*MODES, "live"):
        for name, value in watch.largest(what).get(one.name, {}).items():
            largest[name] = max(value, largest.get(name, value))
    return Measured(
        measures=one.measures,
        start=outcome.states[0].get(one.name, {}),
        end=outcome.states[1].get(one.name, {}),
        idle_w=idle,
        watts=watts,
        joules=joules(0.0),
        net_joules={} if idle is None else joules(idle),
        largest=largest,
    )


def _figures(
    outcome: Outcome, memory: Memory, measured: Mapping[str, Measured]
) -> dict[str, Figure]:
    independent, streaming = (outcome.turns[name] for name in MODES)
    figures: dict[str, Figure] = {}

    def add(name: str, unit: str, better: Better, values: Sequence[float | None]) -> None:
        known = tuple(value for value in values if value is not None)
        if known:
            figures[name] = Figure(unit, better, known)

    def of(turns: Sequence[Turn], value: Callable[[Turn], float]) -> list[float]:
        return [value(turn) for turn in turns]

    for name, turns in (("independent", independent), ("streaming", streaming)):
        add(f"{name} windows/s", "1/s", "more", of(turns, lambda t: t.decisions / t.seconds))
        add(f"{name} frames/s", "1/s", "more", of(turns, lambda t: t.frames / t.seconds))
    ratios = [
        (fast.decisions / fast.seconds) / (slow.decisions / slow.seconds)
        for fast, slow in zip(streaming, independent, strict=True)
    ]
    add("streaming ÷ independent", "×", "more", ratios)
    rate = outcome.task.rate_fps
    fits = of(streaming, lambda t: t.frames / t.seconds / rate)
    add("streams that fit", "streams", "more", fits)
    inside = of(streaming, lambda t: t.mean_ms["frame graph"] * t.decisions / 1000 / t.seconds)
    add("time in the frame graph", "share", "more", inside)
    ages = [distribution(turn.ages_ms) for turn in outcome.lives]
    add("live age, mean", "ms", "less", [age and age.mean for age in ages])
    add("live age, p50", "ms", "less", [age and age.p50 for age in ages])
    add("live age, p90", "ms", "less", [age and age.p90 for age in ages])
    add("live age, p99", "ms", "less", [age and age.p99 for age in ages])
    add("live share of the rate", "share", "more", [turn.share for turn in outcome.lives])
    done = [turn.decisions / max(1, turn.due) for turn in outcome.lives]
    add("live decisions of due frames", "share", "more", done)
    add("time to first decision", "s", "less", outcome.cold_s)
    add("memory of stzsar-run", "MiB", "less", outcome.run_peaks_mib)
    add("load", "s", "less", [outcome.load_s])
    if outcome.build:
        add("engine build", "s", "less", [outcome.build.seconds])
    for name, turns in (("independent", independent), ("streaming", streaming)):
        for stage in (*STAGES, REST):
            values = of(turns, lambda t, stage=stage: t.mean_ms[stage])
            if any(values):
                add(f"{name} {stage}", "ms", "less", values)
    for name, mib in (("after load", memory.after_load), ("at the end", memory.at_end),
                      ("at most", memory.peak)):  # fmt: skip
        add(f"memory {name}", "MiB", "less", [mib])
    add("memory slope", "MiB/h", "less", [memory.slope_mib_per_h])
    for instrument, seen in measured.items():
        for what, joules in seen.joules.items():
            add(f"{what} energy ({instrument})", "J", "less", [joules])
    if outcome.accuracy:
        add("top-1", "share", "more", [outcome.accuracy.top1])
    return figures


def _notes(request: Request, outcome: Outcome) -> tuple[str, ...]:
    notes = []
    drawn = len(outcome.task.recognizer.labels) - len(request.bundle.bank.labels)
    if drawn > 0:
        notes.append(
            f"{drawn} labels are random unit vectors, as heavy as embedded ones; the time to the "
            "first decision is that of the bundle's own labels."
        )
    if not outcome.footage.decoded:
        notes.append(
            "Pictures of the live source were kept for the two modes, so nothing is decoded there."
        )
    if outcome.task.streams > 1:
        notes.append(
            "Of the time from capture to decision up to 10 ms are spent waiting for frames of "
            "other streams, to encode them together (stzsar-run --batch-wait)."
        )
    notes.append(
        "Independent windows keep nothing between decisions, as MLPerf's rules ask; streaming "
        "ones keep frame states and cannot be compared with such results."
    )
    notes.append(
        "Streams that fit are frames a second of one file in streaming, divided by the sampling "
        "rate; live streams are encoded together and may do better. What "
        f"{outcome.task.streams} streams in real time really got stands under live."
    )
    return tuple(notes)
