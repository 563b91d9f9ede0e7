"""A record for people: two tables and a few lines of text."""

from collections.abc import Iterable, Mapping
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from ...runtime.terminal.commandline import printable
from ..tools.tables import DASH, median_and_range, number
from .percentiles import NEEDED, Distribution
from .record import Record
from .results import AGE, WHOLE
from .throughput import REST, STAGES
from .watch import LEAST_WATCHED_S

# Without lines, so that all digits fit into 80 columns.
_PLAIN: dict[str, Any] = {
    "title_justify": "left", "box": None, "pad_edge": False, "padding": (0, 2, 0, 0),
}  # fmt: skip
# A device that is fast enough may lose this share of the due frames to a hiccup.
_TOLERABLE = 0.05
_TITLES = {"independent": "independent, without a cache", "streaming": "streaming, cached"}


def show(record: Record, console: Console) -> None:
    console.print(Text(title(record), "bold"))
    console.print(Text(_machine_line(record.setup)))
    console.print(_stages(record))
    console.print(_throughput(record))
    console.print()
    console.print(Group(*(Text(printable(line)) for line in _lines(record))))


def title(record: Record) -> str:
    setup = record.setup
    attributes = setup["attributes of a label"]
    return printable(
        f"{setup['bundle']} {setup['precision']}, {setup['image px']} px, "
        f"{setup['labels']} labels × {attributes} attribute{'s' * (attributes != 1)}, "
        f"T = {setup['frames of a window']} at {setup['frames a second']:g}/s, "
        f"on {setup['runs on']}"
    )


def device(setup: Mapping[str, Any]) -> str:
    gpu = f" · {setup['GPU']}" if "GPU" in setup else ""
    return printable(f"{setup['processor']}{gpu}")


def _machine_line(setup: Mapping[str, Any]) -> str:
    return f"{device(setup)}; threads: {setup['threads']}; governor: {setup['governor']}"


def _stages(record: Record) -> RenderableType:
    table = Table(title="\nmilliseconds per decision", **_PLAIN)
    table.add_column("", no_wrap=True)
    for name in ("mean", *(f"p{percent}" for percent in NEEDED), "max", "n"):
        table.add_column(name, justify="right", no_wrap=True)
    for name, mode in record.modes.items():
        table.add_row()
        table.add_row(Text(_TITLES[name], "bold"))
        for stage, found in mode.stages.items():
            if found and found.samples:
                shown = f"  {stage}"
                # Per decision, also where several frames are encoded together.
                mean = mode.mean_ms.get(stage) if stage in STAGES else None
                table.add_row(shown, *_cells(found, mean))
        table.add_row("  rest of our code", _milliseconds(mode.mean_ms[REST]))
        if WHOLE not in mode.stages:
            table.add_row("  sum", _milliseconds(sum(mode.mean_ms.values())))
    table.add_row()
    live = record.live
    table.add_row(Text(f"live, {live.streams} streams", "bold"))
    if live.ages:
        table.add_row(f"  {AGE}", *_cells(live.ages))
    return table


def _cells(found: Distribution, mean: float | None = None) -> Iterable[str]:
    values = (found.mean if mean is None else mean, found.p50, found.p90, found.p95, found.p99,
              found.largest)  # fmt: skip
    yield from (DASH if value is None else _milliseconds(value) for value in values)
    yield f"{found.samples}"


def _milliseconds(value: float) -> str:
    return f"{value:.2f}" if value < 100 else f"{value:.0f}"


def _throughput(record: Record) -> RenderableType:
    table = Table(title="\nat full speed", **_PLAIN)
    table.add_column("")
    for name in ("independent", "streaming"):
        table.add_column(name, justify="right", no_wrap=True)
    figures = record.figures
    for unit in ("windows/s", "frames/s"):
        pair = (figures[f"{mode} {unit}"].values for mode in ("independent", "streaming"))
        table.add_row(unit, *map(median_and_range, pair))
    table.add_row(
        "streaming ÷ independent", "", median_and_range(figures["streaming ÷ independent"].values)
    )
    rate = record.setup["frames a second"]
    fit = median_and_range(figures["streams that fit"].values)
    table.add_row(f"streams that fit at {rate:g}/s", "", fit)
    for name, measured in record.instruments.items():
        joules = measured.joules
        if joules:
            cells = (
                f"{joules[mode]:.3g}" if mode in joules else DASH
                for mode in ("independent", "streaming")
            )
            table.add_row(f"joules per decision ({name}: {measured.measures})", *cells)
    return table


def _lines(record: Record) -> Iterable[str]:
    live, memory, figures = record.live, record.memory, record.figures
    lost = live.dropped / max(1, live.due)
    yield (
        f"Live: {live.streams} streams asked for {live.asked_fps:g} frames/s together and got "
        f"{min(live.share):.0%} of that; {live.decisions} decisions; newer frames replaced "
        f"{lost:.1%} of the due ones."
    )
    if lost > _TOLERABLE or min(live.share) < 1:
        yield (
            f"{live.streams} streams are too many for this device: use fewer --streams to see how "
            "old decisions are when it keeps up."
        )
    yield (
        f"Time to first decision: {median_and_range(figures['time to first decision'].values)} s "
        f"from the start of stzsar-run; the bundle loads in {figures['load'].median:.2f} s."
    )
    slope = (
        f"slope {DASH} (watched {memory.watched_s:.0f} s, needs {LEAST_WATCHED_S:.0f}: --seconds)"
    )
    if memory.slope_mib_per_h is not None:
        slope = f"slope {memory.slope_mib_per_h:.1f} MiB/h (watched {memory.watched_s:.0f} s)"
    own = "" if memory.run_peak is None else f"stzsar-run {memory.run_peak:.0f} MiB; the benchmark "
    yield (
        f"Memory: {own}{memory.after_load:.0f} MiB after load, {memory.at_end:.0f} at the end, "
        f"{memory.peak:.0f} at most; {slope}."
    )
    yield from _instrument_lines(record)
    if record.build:
        gpu = record.build.peak_gpu_mib
        of_gpu = f", {gpu:.0f} MiB of the GPU" if gpu is not None else ""
        yield f"The engines took {record.build.seconds:.0f} s to build{of_gpu}."
    yield from _accuracy_lines(record)
    yield from _percentile_note(record)
    yield from record.notes


def _instrument_lines(record: Record) -> Iterable[str]:
    for name, measured in record.instruments.items():
        parts = [f"{what} {watts:.1f} W" for what, watts in measured.watts.items()]
        idle = [f"idle {measured.idle_w:.1f} W"] if measured.idle_w is not None else []
        most = [f"{key} up to {number(value)}" for key, value in measured.largest.items()]
        of = f" ({measured.measures})" if parts else ""
        yield f"{name}{of}: {', '.join([*idle, *parts, *most])}."
        for when, state in (("start", measured.start), ("end", measured.end)):
            if state:
                shown = ", ".join(f"{key} {_short(value)}" for key, value in state.items())
                yield f"  at the {when}: {shown}"
    if record.absent:
        reasons = "; ".join(f"{name} ({why})" for name, why in record.absent.items())
        yield f"Absent instruments: {reasons}."


def _short(value: Any) -> str:
    return number(value) if isinstance(value, float) else str(value)


def _accuracy_lines(record: Record) -> Iterable[str]:
    parity, judged = record.parity, record.accuracy
    if parity:
        yield (
            f"Parity with torch at export: same best label in {parity.top1:.1%} of "
            f"{parity.windows} windows, scores within {parity.scores:.1e}."
        )
    else:
        yield "Parity with torch: the bundle has no report."
    if judged is None:
        return
    broken = f"; {len(judged.broken)} without frames" if judged.broken else ""
    damaged = f"; {len(judged.damaged)} damaged" if judged.damaged else ""
    yield (
        f"Accuracy: top-1 {judged.top1:.1%}, top-5 {judged.top5:.1%} of {judged.clips} clips "
        f"among {judged.labels} labels{broken}{damaged}."
    )
    yield from (f"  {path}" for path in (*judged.broken, *judged.damaged))


def _percentile_note(record: Record) -> Iterable[str]:
    found = [d for mode in record.modes.values() for d in mode.stages.values() if d]
    found += [record.live.ages] if record.live.ages else []
    if any(None in (d.p90, d.p95, d.p99) for d in found):
        needed = ", ".join(f"p{p} {count:,}" for p, count in NEEDED.items() if count > 1)
        yield f"{DASH}: too few samples ({needed} needed); raise --seconds."
