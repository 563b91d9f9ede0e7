"""From measurements to the record."""

import datetime
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ...runtime.bundle.bundle import Bundle
from .accuracy import Judged, read_parity
from .cold_start import ColdStart
from .environment import describe_bundle, describe_machine, describe_versions
from .instruments.instrument import Instrument, State
from .live import LiveTurn
from .options import Options
from .percentiles import distribution
from .record import Better, Build, Figure, Live, Measured, Memory, Mode, Record
from .sources import Footage
from .task import Task
from .throughput import REST, STAGES, Turn
from .watch import Watch

MODES = ("independent", "streaming")
WHOLE, AGE = "sum of stages", "capture → decision"


@dataclass(frozen=True, kw_only=True)
class Outcome:
    task: Task
    footage: Footage
    turns: Mapping[str, Sequence[Turn]]  # of "independent" and "streaming"
    lives: Sequence[LiveTurn]  # of streams in real time
    colds: Sequence[ColdStart]
    load_s: float  # time to load the bundle and its graphs
    rss_mib: tuple[float, float, float, float]  # before and after loading, at the end, at most
    build: Build | None
    watch: Watch
    instruments: Sequence[Instrument]
    states: tuple[Mapping[str, State], Mapping[str, State]]  # at the start and at the end
    absent: Mapping[str, str]
    judged: Judged | None
    load_averages: tuple[tuple[float, ...], tuple[float, ...]]  # at the start and at the end


def summarise(options: Options, bundle: Bundle, outcome: Outcome) -> Record:
    modes = {name: _mode(outcome.turns[name]) for name in MODES}
    live, memory = _live(outcome), _memory(outcome)
    measured = {one.name: _measured(one, outcome, modes, live) for one in outcome.instruments}
    return Record(
        created=datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
        command=options.command,
        setup=_setup(options, bundle, outcome),
        load_average={"start": outcome.load_averages[0], "end": outcome.load_averages[1]},
        figures=_figures(outcome, memory, measured),
        modes=modes,
        live=live,
        memory=memory,
        build=outcome.build,
        instruments=measured,
        absent=outcome.absent,
        parity=read_parity(bundle),
        accuracy=outcome.judged,
        notes=tuple(_notes(options, bundle, outcome)),
    )


def _setup(options: Options, bundle: Bundle, outcome: Outcome) -> dict[str, Any]:
    task, scorer = outcome.task, outcome.task.recognizer.scorer
    width, height = outcome.footage.size_wh
    return {
        **describe_bundle(bundle),
        "runs on": task.recognizer.device,
        "engine": options.engine,
        "threads": options.threads or "one per core",
        "frames of a window": task.frames,
        "frames a second": task.rate_fps,
        "labels": len(scorer.labels),
        "labels drawn at random": _drawn(options, bundle),
        "attributes of a label": scorer.bank.attribute_mask.shape[1],
        "attributes in all": int(scorer.bank.attribute_mask.sum()),
        "source": outcome.footage.name,
        "sha256 of the source": outcome.footage.sha256,
        "pictures": f"{width}x{height}",
        "streams": task.streams,
        "seconds": task.seconds,
        "turns": options.repeat,
        **describe_machine(),
        **describe_versions(),
    }


def _mode(turns: Sequence[Turn]) -> Mode:
    stages = {
        name: distribution([ms for turn in turns for ms in turn.stages_ms[name]]) for name in STAGES
    }
    if whole := [ms for turn in turns for ms in turn.whole_ms]:
        stages[WHOLE] = distribution(whole)
    decisions = sum(turn.decisions for turn in turns)
    return Mode(
        stages=stages,
        mean_ms={
            name: sum(turn.mean_ms[name] * turn.decisions for turn in turns) / decisions
            for name in (*STAGES, REST)
        },
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
    run_peaks = [cold.peak_mib for cold in outcome.colds if cold.peak_mib is not None]
    return Memory(
        run_peak=max(run_peaks, default=None),
        before_load=before,
        after_load=after,
        at_end=end,
        peak=peak,
        slope_mib_per_h=slope,
        watched_s=watched_s,
    )


def _measured(one: Instrument, outcome: Outcome, modes: Mapping[str, Mode], live: Live) -> Measured:
    """Return power, and energy per decision: power times time, divided by the decisions."""
    watch, runs = outcome.watch, {**modes, "live": live}
    idle = watch.watts("idle").get(one.name)
    watts = {what: seen[one.name] for what in runs if one.name in (seen := watch.watts(what))}
    largest: dict[str, float] = {}
    for what in runs:
        for name, value in watch.largest(what).get(one.name, {}).items():
            largest[name] = max(value, largest.get(name, value))

    def joules(less_w: float) -> dict[str, float]:
        return {
            what: (power - less_w) * runs[what].seconds / runs[what].decisions
            for what, power in watts.items()
            if runs[what].decisions
        }

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
    figures: dict[str, Figure] = {}

    def add(name: str, unit: str, better: Better, values: Sequence[float | None]) -> None:
        known = tuple(value for value in values if value is not None)
        if known:
            figures[name] = Figure(unit, better, known)

    independent, streaming = (outcome.turns[name] for name in MODES)
    for name, turns in outcome.turns.items():
        add(f"{name} windows/s", "1/s", "more", [turn.windows_per_s for turn in turns])
        add(f"{name} frames/s", "1/s", "more", [turn.frames_per_s for turn in turns])
    pairs = zip(streaming, independent, strict=True)
    ratios = [fast.windows_per_s / slow.windows_per_s for fast, slow in pairs]
    add("streaming ÷ independent", "×", "more", ratios)
    rate_fps = outcome.task.rate_fps
    add("streams that fit", "streams", "more", [turn.frames_per_s / rate_fps for turn in streaming])
    inside = [turn.mean_ms["frame graph"] * turn.windows_per_s / 1000 for turn in streaming]
    add("time in the frame graph", "share", "more", inside)
    ages = [distribution(turn.ages_ms) for turn in outcome.lives]
    for name in ("mean", "p50", "p90", "p99"):
        add(f"live age, {name}", "ms", "less", [getattr(age, name) for age in ages if age])
    add("live share of the rate", "share", "more", [turn.share for turn in outcome.lives])
    decided = [turn.decisions / max(1, turn.due) for turn in outcome.lives]
    add("live decisions of due frames", "share", "more", decided)
    add("time to first decision", "s", "less", [cold.seconds for cold in outcome.colds])
    add("memory of stzsar-run", "MiB", "less", [cold.peak_mib for cold in outcome.colds])
    add("load", "s", "less", [outcome.load_s])
    if outcome.build:
        add("engine build", "s", "less", [outcome.build.seconds])
    for name, turns in outcome.turns.items():
        for stage in (*STAGES, REST):
            values = [turn.mean_ms[stage] for turn in turns]
            if any(values):
                add(f"{name} {stage}", "ms", "less", values)
    add("memory after load", "MiB", "less", [memory.after_load])
    add("memory at the end", "MiB", "less", [memory.at_end])
    add("memory at most", "MiB", "less", [memory.peak])
    add("memory slope", "MiB/h", "less", [memory.slope_mib_per_h])
    for instrument, seen in measured.items():
        for what, joules in seen.joules.items():
            add(f"{what} energy ({instrument})", "J", "less", [joules])
    if outcome.judged:
        add("top-1", "share", "more", [outcome.judged.top1])
    return figures


def _drawn(options: Options, bundle: Bundle) -> int:
    """Return how many labels are random, beyond the bundle's own."""
    count = options.labels if isinstance(options.labels, int) else 0
    return max(0, count - len(bundle.bank.labels))


def _notes(options: Options, bundle: Bundle, outcome: Outcome) -> list[str]:
    notes = []
    drawn = _drawn(options, bundle)
    if drawn:
        notes.append(
            f"{drawn} labels are random unit vectors, which cost as much as embedded ones; the "
            "time to the first decision is measured with the bundle's own labels."
        )
    if not outcome.footage.decoded:
        notes.append(
            "Frames of the live source were kept for independent and streaming, so nothing is "
            "decoded there."
        )
    if outcome.task.streams > 1:
        notes.append(
            "Up to 10 ms of the time from capture to decision are spent waiting for frames of "
            "other streams, to encode them together (stzsar-run --batch-wait)."
        )
    return [
        *notes,
        "Independent windows keep nothing between decisions, as MLPerf's rules ask; streaming "
        "windows keep frame states and cannot be compared with such results.",
        "Streams that fit: frames per second of one file in streaming, divided by the sampling "
        "rate. Live streams are encoded together and may do better; what "
        f"{outcome.task.streams} streams in real time got is under live.",
    ]
