"""python -m stzsar.benchmarks.targets: what this project promises of its speed, in one run.

Ratios where possible, of things that take turns: they hold on a noisy machine. Weights are random,
since no time depends on them. What needs another run is taken from it: `--peers` reads the record
of `python -m stzsar.benchmarks.peers`, and `--install` weighs a fresh environment.
"""

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click
import cloup
import numpy as np

from ..runtime.bundle.bundle import FRAME_GRAPH, Bundle, shipped_bundle
from ..runtime.errors import StzsarError
from ..runtime.labels.labels import Label
from ..runtime.labels.shipped import default_labels
from ..runtime.recognizer import Recognizer
from ..runtime.recordings.replay import Replay
from ..runtime.streams.batcher import FILE_BATCH
from ..runtime.streams.stream import StreamOptions
from ..runtime.terminal.commandline import at_the_edge
from .backbones import count_gmac
from .bench.cold_start import start_cold
from .bench.sources import open_footage
from .bench.stopwatch import Stopwatch
from .bench.task import WARM_UP_S, Task
from .bench.throughput import Turn, run_independent, run_streaming
from .decision_time import Step, TimedBundle, time_steps
from .random_banks import random_bank
from .random_bundles import FRAMES, export_random, smallest_backbone
from .recordings import Choice, Encoded, encode, record
from .timing import QUICK_ROUNDS, machine, progress_bar, quick_option, threads_option

if TYPE_CHECKING:
    from ..models.stzsar import STZSAR

BACKBONE = "ViT-B-32"
LABELS, ATTRIBUTES = 400, 8
MANY_LABELS, FEW_LABELS = 10_000, 10
_ROUNDS = 10
_PEAK_SIDE = 1024
_SAMPLE = shipped_bundle().parent / "sample.mp4"
_STREAM = "test://moving-shapes?seconds=4"


@dataclass(frozen=True)
class Row:
    """One promise.

    Attributes:
        what: is measured.
        target: as it was set.
        found: what came out.
        holds: whether that is enough; None where there is no target, or nothing was measured.
    """

    what: str
    target: str
    found: str
    holds: bool | None = None


@dataclass(frozen=True, kw_only=True)
class Plan:
    """How long things are measured.

    Attributes:
        rounds: turns that each has.
        seconds: that a turn of a whole run takes.
        threads: of ONNX Runtime.
        labels: in the bank that is usual here.
        many: labels, where there are many.
    """

    rounds: int
    seconds: float
    threads: int
    labels: int = LABELS
    many: int = MANY_LABELS


@cloup.command()
@cloup.option(
    "--rounds",
    metavar="N",
    type=click.IntRange(min=1),
    help=f"Turns that each thing has (default: {_ROUNDS}; {QUICK_ROUNDS} with --quick).",
)
@cloup.option(
    "--peers",
    metavar="FILE.json",
    type=click.Path(path_type=Path),
    help="What stzsar.benchmarks.peers wrote with --json, for the comparison with X-CLIP.",
)
@cloup.option("--install", is_flag=True, help="Install the runtime anew, and weigh it.")
@threads_option
@quick_option
@cloup.option("--debug", is_flag=True, help="Show tracebacks.")
@at_the_edge
def main(
    *, rounds: int | None, peers: Path | None, install: bool, threads: int, quick: bool
) -> None:
    """Measure each promise, and print a Markdown table."""
    against_xclip = xclip(peers)  # what cannot be read is said first
    plan = Plan(rounds=rounds or _ROUNDS, seconds=4.0, threads=threads)
    if quick:
        plan = Plan(rounds=QUICK_ROUNDS, seconds=0.2, threads=threads, labels=20, many=100)
    with tempfile.TemporaryDirectory() as folder, progress_bar() as bar:
        place = Path(folder)
        name = smallest_backbone(place) if quick else BACKBONE
        task = bar.add_task(f"exporting {name}", total=8)
        network = export_random(name, place, labels=_labels(plan.labels), text_encoder=False)
        bundle = Bundle.open(place / name)
        rows: list[Row] = []
        measures: tuple[tuple[str, Callable[[], Iterator[Row]]], ...] = (
            ("caching", lambda: caching(bundle, network, plan)),
            ("peers", lambda: iter([against_xclip])),
            ("labels", lambda: many_labels(bundle, plan)),
            ("memory", lambda: memory(bundle)),
            ("cold start", lambda: cold_start(plan)),
            ("replay", lambda: replay(bundle, plan)),
            ("installing", lambda: installed(place) if install else iter(())),
        )
        bar.advance(task)
        for what, found in measures:
            bar.update(task, description=what)
            rows += found()
            bar.advance(task)
    click.echo(table(rows))
    click.echo(
        f"\n{machine()}; {name}, fp32, {plan.labels} labels of {ATTRIBUTES} attributes, windows of "
        f"{bundle.manifest.sampling.frames} frames; {threads} threads, {plan.rounds} rounds."
    )


def caching(bundle: Bundle, network: "STZSAR", plan: Plan) -> Iterator[Row]:
    """Compare streaming with whole windows and with the frame graph alone, and that with a GEMM."""
    watch = Stopwatch()
    recognizer = Recognizer(bundle, bundle.bank, threads=plan.threads, stages=watch)
    frames = bundle.manifest.sampling.frames
    footage = open_footage(str(_SAMPLE), kept_s=1.0)
    task = Task(
        recognizer=recognizer,
        stopwatch=watch,
        # Every frame of the clip, so that as many are decoded as are encoded.
        looked_at=StreamOptions(rate_fps=_clip_fps()),
        open_endless=footage.endless,
        open_live=footage.live,
        streams=1,
        seconds=plan.seconds,
        warm_up_s=min(WARM_UP_S, plan.seconds),
    )
    windows, streams, alone_ms, peaks = [], [], [], []
    batches = (1, FILE_BATCH, frames)
    for _ in range(plan.rounds):
        windows.append(run_independent(task))
        streams.append(run_streaming(task))
        alone_ms.append([_encoding_ms(recognizer, batch) for batch in batches])
        peaks.append(_peak_gflops())
    ms = np.asarray(alone_ms)
    gained = [_per_second(s) / _per_second(w) for s, w in zip(streams, windows, strict=True)]
    one_by_one = ms[:, 2] / ms[:, 0]
    yield Row(
        f"streaming against whole windows of {frames} frames, one file",
        "≥ 7.5×",
        f"{_spread(gained)}×",
        float(np.median(gained)) >= 7.5,
    )
    yield Row(
        "the same, one camera (frames encoded one by one; the graph alone)",
        "≥ 7.5×",
        f"{_spread(one_by_one)}×",
        float(np.median(one_by_one)) >= 7.5,
    )
    whole = [1000 / _per_second(s) for s in streams]
    ends = ms[:, 1] / FILE_BATCH / whole
    yield Row(
        f"frames/s of one stream against the frame graph alone (batches of {FILE_BATCH})",
        "≥ 0.97",
        _spread(ends),
        float(np.median(ends)) >= 0.97,
    )
    bank = bundle.bank.attribute_embeddings
    patches = int(np.prod(bundle.manifest.patch_grid or (0, 0)))
    gflop = 2 * (count_gmac(network) + (1 + patches) * bank.size / 1e9)
    shares = gflop / ms[:, 0] * 1000 / peaks
    yield Row(
        f"frame graph, one frame, against sgemm's peak here ({max(peaks):.0f} GFLOP/s)",
        "report",
        f"{_spread(shares)}: {gflop:.1f} GFLOP in {np.median(ms[:, 0]):.1f} ms",
    )


def many_labels(bundle: Bundle, plan: Plan) -> Iterator[Row]:
    """Compare decisions among many labels with those among few."""
    timed, frames = TimedBundle.load(bundle, threads=plan.threads), bundle.manifest.sampling.frames
    dim = bundle.bank.class_embeddings.shape[1]
    few, many = (
        Step(timed, random_bank(count, ATTRIBUTES, dim), frames=frames)
        for count in (FEW_LABELS, plan.many)
    )
    took = time_steps([few, many], rounds=3 * plan.rounds).sum(-1)
    ratios = took[:, 1] / took[:, 0]
    yield Row(
        f"time of a decision, {plan.many:,} labels against {FEW_LABELS}",
        "≤ 2.5×",
        f"{_spread(ratios)}×: {np.median(took[:, 1]):.1f} ms against {np.median(took[:, 0]):.1f}",
        float(np.median(ratios)) <= 2.5,
    )


def memory(bundle: Bundle) -> Iterator[Row]:
    """Weigh stzsar-run at its largest, less the weights."""
    weights_mib = (bundle.path / FRAME_GRAPH).stat().st_size / 2**20
    for what, source in (("a file", str(_SAMPLE)), ("a live stream", _STREAM)):
        peak_mib = start_cold(["--bundle", str(bundle.path), "--source", source]).peak_mib
        if peak_mib is None:
            return  # no system that tells it
        yield Row(
            f"memory of stzsar-run on {what}, at its largest, above the weights",
            "≤ 150 MiB",
            f"{peak_mib - weights_mib:.0f} MiB ({peak_mib:.0f} - {weights_mib:.0f})",
            peak_mib - weights_mib <= 150,
        )


def cold_start(plan: Plan) -> Iterator[Row]:
    """Time a process from its start to its first decision."""
    options = ["--bundle", str(shipped_bundle()), "--source", str(_SAMPLE)]
    taken = [start_cold(options).seconds for _ in range(plan.rounds)]
    yield Row(
        "start of a process to its first decision, the bundle that ships",
        "≤ 1.5 s",
        f"{_spread(taken)} s",
        float(np.median(taken)) <= 1.5,
    )


def replay(bundle: Bundle, plan: Plan) -> Iterator[Row]:
    """Time the replay of recorded states against the time that they were of."""
    recognizer = Recognizer(bundle, bundle.bank, top_k=5, threads=plan.threads)
    few = encode(recognizer, str(_SAMPLE))
    rate_fps = bundle.manifest.sampling.rate_fps
    frames: list[Encoded] = [
        (number / rate_fps, few[number % len(few)][1]) for number in range(20 * len(few))
    ]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "recording"
        record(path, bundle, bundle.bank, frames, Choice("states alone"))
        times = [_replayed(path, bundle, plan.threads) / rate_fps for _ in range(plan.rounds)]
    yield Row(
        f"replay of recorded states, {plan.labels} labels, against real time at {rate_fps:g} fps",
        "≥ 200×",
        f"{_spread(times)}×",
        float(np.median(times)) >= 200,
    )


def installed(place: Path) -> Iterator[Row]:
    """Weigh a new environment with the runtime in it, without pip."""
    for what, options in (("pip's bytecode", ()), ("no bytecode", ("--no-compile",))):
        folder = place / "environment"
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(folder)], check=True)
        python, root = folder / "bin" / "python", Path(__file__).parents[1]
        pip = [str(python), "-m", "pip"]
        install = [*pip, "install", "--quiet", *options, f"{root}[cpu]"]
        done = subprocess.run(install, capture_output=True, text=True, check=False)
        if done.returncode:
            why = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
            raise StzsarError(f"pip cannot install the runtime for --install: {why}")
        subprocess.run([*pip, "uninstall", "--quiet", "--yes", "setuptools", "pip"], check=True)
        library = next((folder / "lib").iterdir())
        megabytes = sum(f.stat().st_size for f in library.rglob("*") if f.is_file()) / 1e6
        yield Row(
            f"runtime alone, [cpu], with {what}",
            "≤ 320 MB",
            f"{megabytes:.0f} MB",
            megabytes <= 320,
        )


def xclip(written: Path | None) -> Row:
    """Compare with X-CLIP by the record of a run of the peers.

    Raises:
        StzsarError: it is no such record.
    """
    what, target = "decisions/s, streaming against X-CLIP in PyTorch, as in its example", "≥ 12×"
    if written is None:
        return Row(what, target, "run stzsar.benchmarks.peers --json, and give it as --peers")
    try:
        found = json.loads(written.read_text(encoding="utf-8"))
        sizes = {name: found["sizes"][name] for name in ("backbone", "labels", "frames")}
        rows = {row["name"]: row for row in found["rows"]}
        ratios = {name: float(rows[name]["ratio"]) for name in ("xclip", "xclip-once")}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise StzsarError(
            f"{written} is no record of stzsar.benchmarks.peers with X-CLIP in it ({error!r}): "
            "make one with --json."
        ) from error
    if sizes != {"backbone": BACKBONE, "labels": LABELS, "frames": FRAMES}:
        raise StzsarError(f"{written} is of {sizes}, which no target is about: leave sizes out.")
    shown = f"{ratios['xclip']:.1f}×; {ratios['xclip-once']:.1f}× with its labels encoded once"
    return Row(what, target, shown, ratios["xclip"] >= 12)


def table(rows: Sequence[Row]) -> str:
    """Return the rows as Markdown."""
    lines = ["| what | target | measured | holds |", "|---|---|---|---|"]
    said = {True: "yes", False: "**no**", None: ""}
    lines += [f"| {row.what} | {row.target} | {row.found} | {said[row.holds]} |" for row in rows]
    return "\n".join(lines)


def _labels(count: int) -> tuple[Label, ...]:
    """Return labels with attributes of the usual length; none is embedded twice."""
    names = [label.name for label in default_labels()[:count]]
    return tuple(
        Label(name, attributes=tuple(f"{name.split()[0]} {n} {row}" for n in range(ATTRIBUTES)))
        for row, name in enumerate(names)
    )


def _clip_fps() -> float:
    from ..runtime.sources.uri import open_source

    source = open_source(str(_SAMPLE))
    source.close()
    return source.fps or 25.0


def _encoding_ms(recognizer: Recognizer, batch: int) -> float:
    """Return what one call of the frame graph takes, the median of three."""
    side = recognizer.manifest.pixels.size_px
    images = np.random.default_rng(0).integers(0, 256, (batch, side, side, 3), dtype=np.uint8)
    taken = []
    for _ in range(3):
        start_s = time.perf_counter()
        recognizer.scorer.encode(images)
        taken.append(time.perf_counter() - start_s)
    return 1000 * float(np.median(taken))


def _replayed(path: Path, bundle: Bundle, threads: int) -> float:
    """Return how many windows a second a replay scores."""
    replayed = Replay(path, bundle, threads=threads)
    start_s = time.perf_counter()
    windows = sum(1 for _ in replayed)
    return windows / (time.perf_counter() - start_s)


def _peak_gflops() -> float:
    """Return the fastest of some products of square matrices, in GFLOP/s."""
    square = np.random.default_rng(0).standard_normal((_PEAK_SIDE, _PEAK_SIDE), dtype=np.float32)
    taken = []
    for _ in range(5):
        start_s = time.perf_counter()
        np.matmul(square, square)
        taken.append(time.perf_counter() - start_s)
    return 2 * _PEAK_SIDE**3 / min(taken) / 1e9


def _per_second(turn: Turn) -> float:
    return turn.decisions / turn.seconds


def _spread(ratios: Sequence[float] | np.ndarray) -> str:
    """Return the median, and the range from the lowest to the highest."""
    return f"{np.median(ratios):.3g} ({min(ratios):.3g} … {max(ratios):.3g})"


if __name__ == "__main__":
    main()
