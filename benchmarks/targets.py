"""python -m stzsar.benchmarks.targets: the project's speed targets, checked in one run.

Targets are ratios of interleaved measurements where possible, so that they hold on a noisy machine.
Weights are random: no time depends on them. Two targets need more: `--peers` reads the record of
`python -m stzsar.benchmarks.peers`, and `--install` installs the runtime in a new environment.
"""

import json
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import click
import cloup
import msgspec
import numpy as np

from ..runtime.bundle.bundle import FRAME_GRAPH, Bundle, shipped_bundle
from ..runtime.bundle.manifest import SeenLabels
from ..runtime.decisions.detector import Detector, Feature, Taught
from ..runtime.decisions.policy import Policy
from ..runtime.errors import StzsarError
from ..runtime.labels.bank import stack_banks
from ..runtime.labels.labels import Label, ignored
from ..runtime.labels.shipped import default_labels
from ..runtime.recognizer import Recognizer
from ..runtime.sources.uri import open_source
from ..runtime.streams.batcher import FILE_BATCH
from ..runtime.streams.stream import StreamOptions
from ..runtime.terminal.progress import bar
from .backbones import count_gmac
from .bench.cold_start import start_cold
from .bench.sources import SHIPPED_CLIP, open_footage
from .bench.stopwatch import Stopwatch
from .bench.task import Task
from .bench.throughput import run_independent, run_streaming
from .decision_time import Step, TimedBundle, time_steps
from .installs import installed_mb
from .random_bundles import FRAMES, SMALLEST, export_random, random_bank
from .recordings import STATES, Encoded, encode, record, replay_s
from .tools.command import benchmark, rounds_option, threads_option
from .tools.tables import markdown, median_and_range
from .tools.timing import in_turn, machine, milliseconds

if TYPE_CHECKING:
    from ..models.stzsar import STZSAR

BACKBONE = "ViT-B-32"
MANY_LABELS, FEW_LABELS = 10_000, 10
_ATTRIBUTES = 8
_IGNORED, _SCENES = 20, 120
_PEAK_SIDE = 1024
_STREAM = "test://moving-shapes?seconds=4"


@dataclass(frozen=True, kw_only=True)
class Options:
    backbone: str = BACKBONE
    rounds: int = 10  # turns of each measurement
    seconds: float = 4.0  # length of a turn of a whole run
    threads: int = 2
    labels: int = 400  # usual size of a bank
    many_labels: int = MANY_LABELS  # size of a large bank
    peers: Path | None = None  # record of stzsar.benchmarks.peers
    install: bool = False  # whether to install the runtime, to weigh it


QUICK = Options(backbone=SMALLEST, rounds=2, seconds=0.2, labels=20, many_labels=100)


@dataclass(frozen=True)
class Target:
    """One target, what was measured, and whether it holds (None: not a target, or not measured)."""

    what: str
    target: str
    measured: str
    holds: bool | None = None


@benchmark(usual=Options(), quick=QUICK)
@rounds_option(Options.rounds, QUICK.rounds)
@cloup.option(
    "--peers", metavar="FILE.json", type=click.Path(path_type=Path),
    help="Take the comparison with X-CLIP from what stzsar.benchmarks.peers wrote with --json.",
)  # fmt: skip
@cloup.option("--install", is_flag=True, help="Install the runtime anew, and weigh it.")
@threads_option()
def main(options: Options) -> None:
    """Check each target, and print a Markdown table."""
    click.echo(table(measure(options)))
    click.echo(
        f"\n{machine()}; {options.backbone}, fp32, {options.labels} labels of {_ATTRIBUTES} "
        f"attributes, windows of {FRAMES} frames; {options.threads} threads, {options.rounds} "
        "rounds; median (range)"
    )


def measure(options: Options) -> list[Target]:
    against_xclip = xclip(options.peers)
    with tempfile.TemporaryDirectory() as temporary, bar() as progress:
        folder = Path(temporary)
        task = progress.add_task(f"exporting {options.backbone}", total=9)
        labels = _labels(options.labels)
        network = export_random(options.backbone, folder, labels=labels, text_encoder=False)
        bundle = Bundle.open(folder / options.backbone)
        checks: dict[str, Callable[[], Iterator[Target]]] = {
            "caching": lambda: caching(bundle, network, options),
            "peers": lambda: iter([against_xclip]),
            "labels": lambda: many_labels(bundle, options),
            "levers": lambda: levers(bundle, options),
            "memory": lambda: memory(bundle),
            "cold start": lambda: cold_start(options),
            "replay": lambda: replay(bundle, options),
            "installing": lambda: installed(folder) if options.install else iter(()),
        }
        rows: list[Target] = []
        for what, check in checks.items():
            progress.update(task, description=what, advance=1)
            rows += check()
    return rows


def caching(bundle: Bundle, network: "STZSAR", options: Options) -> Iterator[Target]:
    """Compare streaming with whole windows, and both with the frame graph alone."""
    watch = Stopwatch()
    recognizer = Recognizer(bundle, bundle.bank, threads=options.threads, stages=watch)
    footage = open_footage(SHIPPED_CLIP, kept_s=1.0)
    task = Task(
        recognizer=recognizer,
        stopwatch=watch,
        # Every frame of the clip, so that as many are decoded as are encoded.
        sampling=StreamOptions(rate_fps=_clip_fps()),
        footage=footage,
        streams=1,
        seconds=options.seconds,
    )
    batches = (1, FILE_BATCH, FRAMES)
    rounds = in_turn(
        [
            lambda: run_independent(task).windows_per_s,
            lambda: run_streaming(task).windows_per_s,
            *(lambda batch=batch: _encoding_ms(recognizer, batch) for batch in batches),
            _peak_gflops,
        ],
        options.rounds,
    )
    windows, stream, one_ms, few_ms, window_ms, peak = np.asarray(rounds).T
    yield _at_least(
        f"streaming against whole windows of {FRAMES} frames, one file", stream / windows, 7.5
    )
    yield _at_least(
        "the same, one camera (frames encoded one by one; the graph alone)", window_ms / one_ms, 7.5
    )
    share = few_ms / FILE_BATCH / (1000 / stream)
    yield _at_least(
        f"frames/s of one stream against the frame graph alone (batches of {FILE_BATCH})",
        share, 0.97, unit="",
    )  # fmt: skip
    bank = bundle.bank.attribute_embeddings
    patches = int(np.prod(bundle.manifest.patch_grid or (0, 0)))
    gflop = 2 * (count_gmac(network) + (1 + patches) * bank.size / 1e9)
    yield Target(
        f"frame graph, one frame, against sgemm's peak here ({max(peak):.0f} GFLOP/s)",
        "report",
        f"{median_and_range(gflop / one_ms * 1000 / peak)}: {gflop:.1f} GFLOP in "
        f"{np.median(one_ms):.1f} ms",
    )


def many_labels(bundle: Bundle, options: Options) -> Iterator[Target]:
    """Compare decisions among many labels with those among few."""
    loaded = TimedBundle.load(bundle, threads=options.threads)
    dim = bundle.bank.class_embeddings.shape[1]
    few, many = (
        Step(loaded, random_bank(count, _ATTRIBUTES, dim), frames=FRAMES)
        for count in (FEW_LABELS, options.many_labels)
    )
    few_ms, many_ms = time_steps([few, many], rounds=3 * options.rounds).sum(-1).T
    yield Target(
        f"time of a decision, {options.many_labels:,} labels against {FEW_LABELS}",
        "≤ 2.5×",
        f"{median_and_range(many_ms / few_ms)}×: {np.median(many_ms):.1f} ms against "
        f"{np.median(few_ms):.1f}",
        bool(np.median(many_ms / few_ms) <= 2.5),
    )


def levers(bundle: Bundle, options: Options) -> Iterator[Target]:
    """Compare decisions with all that helps against false alarms with those without any of it."""
    loaded = TimedBundle.load(bundle, threads=options.threads)
    bank, names = bundle.bank, bundle.bank.names
    more = random_bank(_IGNORED, _ATTRIBUTES, bank.class_embeddings.shape[1])
    wide = stack_banks([bank, more.select(range(_IGNORED), ignored(more.labels))])
    rng = np.random.default_rng(0)
    logits = rng.standard_normal((len(names) + _SCENES, len(wide.labels) + 1)).tolist()
    detector = Detector(
        features=tuple(Feature.of(label) for label in wide.labels),
        scale=100.0,
        taught=Taught(
            labels=names,
            weights=tuple(tuple(row[1:]) for row in logits),
            offsets=tuple(row[0] for row in logits),
        ),
    )
    policy = Policy().by_evidence(detector.bind(wide.labels), dict.fromkeys(names, 0.0))
    seen = SeenLabels(labels=names[::2], bias=2.0)
    biased = replace(bundle, manifest=msgspec.structs.replace(bundle.manifest, seen=seen))
    steps = [
        Step(loaded, bank, frames=FRAMES),
        Step(loaded._replace(bundle=biased), wide, frames=FRAMES, policy=policy),
    ]
    without_ms, with_ms = time_steps(steps, rounds=5 * options.rounds).sum(-1).T
    yield Target(
        f"time of a decision with {_IGNORED} labels to ignore, a taught calibration and the bias "
        "of seen labels, against none of them",
        "≤ 1.02×",
        f"{median_and_range(with_ms / without_ms)}×: {np.median(with_ms):.1f} ms against "
        f"{np.median(without_ms):.1f}",
        bool(np.median(with_ms / without_ms) <= 1.02),
    )


def memory(bundle: Bundle) -> Iterator[Target]:
    """Compare the peak memory of stzsar-run with the weights."""
    weights_mib = (bundle.path / FRAME_GRAPH).stat().st_size / 2**20
    for what, source in (("a file", SHIPPED_CLIP), ("a live stream", _STREAM)):
        peak_mib = start_cold(["--bundle", str(bundle.path), "--source", source]).peak_mib
        if peak_mib is None:
            return  # this system does not tell
        yield Target(
            f"memory of stzsar-run on {what}, at its largest, above the weights",
            "≤ 150 MiB",
            f"{peak_mib - weights_mib:.0f} MiB ({peak_mib:.0f} - {weights_mib:.0f})",
            peak_mib - weights_mib <= 150,
        )


def cold_start(options: Options) -> Iterator[Target]:
    """Time a process from its start to its first decision."""
    arguments = ["--bundle", str(shipped_bundle()), "--source", SHIPPED_CLIP]
    taken_s = [start_cold(arguments).seconds for _ in range(options.rounds)]
    yield Target(
        "start of a process to its first decision, the bundle that ships",
        "≤ 1.5 s",
        f"{median_and_range(taken_s)} s",
        bool(np.median(taken_s) <= 1.5),
    )


def replay(bundle: Bundle, options: Options) -> Iterator[Target]:
    """Compare the replay of recorded states with real time."""
    recognizer = Recognizer(bundle, bundle.bank, top_k=5, threads=options.threads)
    clip = encode(recognizer, SHIPPED_CLIP)
    rate_fps = bundle.manifest.sampling.rate_fps
    frames: list[Encoded] = [
        (number / rate_fps, clip[number % len(clip)][1]) for number in range(20 * len(clip))
    ]
    seconds = (len(frames) - FRAMES + 1) / rate_fps
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "recording"
        record(path, bundle, bundle.bank, frames, STATES)
        taken_s = [
            replay_s(path, bundle, bundle.bank, options.threads) for _ in range(options.rounds)
        ]
    yield _at_least(
        f"replay of recorded states, {options.labels} labels, against real time ({rate_fps:g} fps)",
        seconds / np.asarray(taken_s),
        200,
    )


def installed(folder: Path) -> Iterator[Target]:
    """Weigh a new environment that holds the runtime, without pip."""
    for what, bytecode in (("pip's bytecode", True), ("no bytecode", False)):
        megabytes = installed_mb("cpu", folder / "environment", bytecode=bytecode)
        yield Target(
            f"runtime alone, [cpu], with {what}",
            "≤ 320 MB",
            f"{megabytes:.0f} MB",
            megabytes <= 320,
        )


def xclip(path: Path | None) -> Target:
    """Compare with X-CLIP from the record of a run of the peers."""
    what, target = "decisions/s, streaming against X-CLIP in PyTorch, as in its example", "≥ 12×"
    if path is None:
        return Target(what, target, "run stzsar.benchmarks.peers --json, and pass it as --peers")
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        sizes = {name: document["sizes"][name] for name in ("backbone", "labels", "frames")}
        ratios = {row["name"]: row["ratio"] for row in document["rows"]}
        example, once = float(ratios["xclip"]), float(ratios["xclip-once"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise StzsarError(
            f"{path} is not a record of stzsar.benchmarks.peers with X-CLIP in it ({error!r}): "
            "make one with --json."
        ) from error
    expected = {"backbone": BACKBONE, "labels": Options.labels, "frames": FRAMES}
    if sizes != expected:
        raise StzsarError(
            f"{path} was made with {sizes}, but the target is for {expected}: run "
            "stzsar.benchmarks.peers again without other sizes."
        )
    measured = f"{example:.1f}×; {once:.1f}× with its labels encoded once"
    return Target(what, target, measured, example >= 12)


def table(rows: Sequence[Target]) -> str:
    holds = {True: "yes", False: "**no**", None: ""}
    return markdown(
        ("what", "target", "measured", "holds"),
        ((row.what, row.target, row.measured, holds[row.holds]) for row in rows),
    )


def _at_least(what: str, ratios: np.ndarray, least: float, *, unit: str = "×") -> Target:
    measured = f"{median_and_range(ratios)}{unit}"
    return Target(what, f"≥ {least:g}{unit}", measured, bool(np.median(ratios) >= least))


def _labels(count: int) -> tuple[Label, ...]:
    names = [label.name for label in default_labels()[:count]]
    return tuple(
        Label(name, attributes=tuple(f"{name.split()[0]} {n} {row}" for n in range(_ATTRIBUTES)))
        for row, name in enumerate(names)
    )


def _clip_fps() -> float:
    source = open_source(SHIPPED_CLIP)
    source.close()
    return source.fps or 25.0


def _encoding_ms(recognizer: Recognizer, batch: int) -> float:
    side = recognizer.manifest.pixels.size_px
    images = np.random.default_rng(0).integers(0, 256, (batch, side, side, 3), dtype=np.uint8)
    return float(
        np.median([milliseconds(lambda: recognizer.scorer.encode(images)) for _ in range(3)])
    )


def _peak_gflops() -> float:
    """Return the rate of the fastest of five products of square matrices."""
    square = np.random.default_rng(0).standard_normal((_PEAK_SIDE, _PEAK_SIDE), dtype=np.float32)
    fastest_ms = min(milliseconds(lambda: np.matmul(square, square)) for _ in range(5))
    return 2 * _PEAK_SIDE**3 / fastest_ms / 1e6


if __name__ == "__main__":
    main()
