"""The steps of stzsar-verify. Each returns facts, or raises `Impossible` or what went wrong."""

import importlib.util
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from ...runtime.bundle.bundle import FRAME_GRAPH, WINDOW_GRAPH, Bundle
from ...runtime.command.checks import look_at_everything
from ...runtime.engines.graph import Array
from ...runtime.errors import StzsarError
from ...runtime.recognizer import Recognizer
from ...runtime.streams.stream import StreamOptions
from .report import Fact, Plan

# Those of export/parity.py for engines, which needs torch: TensorRT multiplies fp32 as TF32.
LEAST_COSINE, LARGEST_SCORE_DIFFERENCE = 0.999, 0.05
_COMPARED_FRAMES = 64


class ImpossibleError(Exception):
    """This machine cannot do the step; the text says why."""


@dataclass
class Findings:
    """The facts of a step so far, which are kept if it fails."""

    facts: dict[str, Fact] = field(default_factory=dict)


Run = Callable[[Bundle, Plan, Findings], None]


def doctor(_bundle: Bundle, _plan: Plan, found: Findings) -> None:
    """Note every finding of stzsar-doctor, and fail where stzsar-run would not start."""
    wrong: list[str] = []
    for one in look_at_everything():
        found.facts[one.what] = f"{one.status}: {one.found}"
        if one.status == "wrong":
            wrong.append(one.what)
    if wrong:
        raise StzsarError(f"stzsar-run would not start: see {', '.join(wrong)}.")


def export_parity(bundle: Bundle, plan: Plan, found: Findings) -> None:
    """Export a small network and compare its graphs with torch; else read the bundle's report."""
    from ..bench.accuracy import read_parity
    from ..random_bundles import SMALLEST, export_random

    with tempfile.TemporaryDirectory() as folder:
        has_torch = all(map(importlib.util.find_spec, ("torch", "open_clip", "onnxscript")))
        if has_torch and not plan.quick:  # half a minute
            export_random(SMALLEST, Path(folder))  # raises where a graph is out of bounds
            bundle = Bundle.open(Path(folder) / SMALLEST)
            found.facts["compared"] = "on this machine, with torch"
        else:
            found.facts["compared"] = "where the bundle was exported" + (
                "" if has_torch else "; torch is not installed here"
            )
        parity = read_parity(bundle)
    if parity is None:
        raise ImpossibleError(
            "The bundle has no report of its export, and nothing is exported here: "
            + ("--quick leaves it out." if has_torch else "torch is not installed.")
        )
    found.facts |= {
        "windows": parity.windows,
        "smallest cosine": parity.smallest_cosine,
        "largest difference of a score": parity.scores,
        "same best label, share": parity.top1,
    }


def engine_build(bundle: Bundle, _plan: Plan, found: Findings) -> None:
    """Build the engines of both graphs, in a copy of the bundle that has none."""
    from ...runtime.engines.trt.graph import TrtGraph
    from ...runtime.engines.trt.store import EngineStore

    _require_tensorrt()
    for name in (FRAME_GRAPH, WINDOW_GRAPH):
        begun = time.perf_counter()
        TrtGraph(bundle.path / name)
        found.facts[f"{name}, seconds"] = round(time.perf_counter() - begun, 1)
        engine = EngineStore(bundle.path).find(Path(name).stem)
        if engine:
            found.facts[f"{name}, engine MiB"] = round(engine.stat().st_size / 2**20, 2)


def engine_parity(bundle: Bundle, _plan: Plan, found: Findings) -> None:
    """Compare TensorRT with ONNX Runtime, from the pixels of the sample clip to scores."""
    _require_tensorrt()
    if importlib.util.find_spec("onnxruntime") is None:
        raise ImpossibleError("ONNX Runtime is not installed: there is nothing to compare with.")
    with (
        Recognizer.load(bundle, engine="tensorrt") as ours,
        Recognizer.load(bundle, engine="onnxruntime") as reference,
    ):
        compare(ours, reference, found)


def compare(ours: Recognizer, reference: Recognizer, found: Findings) -> None:
    """Note how far two engines are apart, and fail if that is too far."""
    size = reference.manifest.pixels.size_px
    pictures = _pictures(size)
    length = reference.manifest.sampling.frames
    starts = np.arange(len(pictures) - length + 1)[:, None] + np.arange(length)
    states = [engine.scorer.encode(pictures) for engine in (ours, reference)]
    cosines = [_smallest_cosine(states[0][name], states[1][name]) for name in states[1]]
    logits = [
        engine.scorer.score({name: state[starts] for name, state in own.items()})[0]
        for engine, own in zip((ours, reference), states, strict=True)
    ]
    scores = [_softmax(each) for each in logits]
    cosine, apart = min(cosines), float(np.abs(scores[0] - scores[1]).max())
    same = float((scores[0].argmax(1) == scores[1].argmax(1)).mean())
    found.facts |= {
        "runs on": ours.device,
        "compared with": f"ONNX Runtime on {reference.device}",
        "windows": len(starts),
        "smallest cosine": cosine,
        "largest difference of a score": apart,
        "same best label, share": same,
    }
    # Written so that not-a-number fails.
    if not (cosine >= LEAST_COSINE and apart <= LARGEST_SCORE_DIFFERENCE):
        raise StzsarError(
            f"{ours.device} and ONNX Runtime differ too much (cosine {cosine:.5f}, at least "
            f"{LEAST_COSINE}; scores by {apart:.3g}, at most {LARGEST_SCORE_DIFFERENCE}): run with "
            "--engine onnxruntime."
        )


def bench(bundle: Bundle, plan: Plan, found: Findings) -> None:
    """Measure as stzsar-bench does, and note the median of each figure."""
    from ..bench.benchmark import measure
    from ..bench.options import Options

    quick = {"seconds": 0.3, "repeat": 1, "streams": 1} if plan.quick else {}
    record, _ = measure(Options(bundle=bundle.path, **quick), bundle)
    found.facts["runs on"] = str(record.setup["runs on"])
    for name, figure in record.figures.items():
        found.facts[f"{name}, {figure.unit}"] = figure.median
    found.facts |= {f"{name} is missing": why for name, why in record.absent.items()}


def streams(bundle: Bundle, plan: Plan, found: Findings) -> None:
    """Watch the sample clip as so many cameras, for so long."""
    from ..bench.instruments.find import find_instruments
    from ..bench.live import run_live
    from ..bench.percentiles import distribution
    from ..bench.sources import SHIPPED_CLIP, open_footage
    from ..bench.stopwatch import Stopwatch
    from ..bench.task import Task
    from ..bench.watch import Watch, rss_mib

    stopwatch = Stopwatch()
    instruments, _ = find_instruments()
    task = Task(
        recognizer=Recognizer(bundle, bundle.bank, stages=stopwatch),
        stopwatch=stopwatch,
        sampling=StreamOptions(),
        footage=open_footage(SHIPPED_CLIP, kept_s=1),
        streams=plan.streams,
        seconds=1.0 if plan.quick else 60 * plan.minutes,
    )
    with Watch(instruments) as watch, watch.during("filling windows"):
        turn = run_live(task, on_full=lambda: watch.go_over_to("live"))
    ages, (slope, _) = distribution(turn.ages_ms), watch.slope_mib_per_h("live")
    found.facts |= {
        "runs on": task.recognizer.device,
        "streams": plan.streams,
        "seconds": turn.seconds,
        "decisions": turn.decisions,
        "frames due": turn.due,
        "frames dropped": turn.dropped,
        "lowest share of the rates": turn.share,
        "memory at the end, MiB": rss_mib(),
        **({} if slope is None else {"memory slope, MiB/h": slope}),
        **{f"{name}, W": power for name, power in watch.watts("live").items()},
    }
    for name in ("mean", "p50", "p99", "largest"):
        value = getattr(ages, name, None)
        if value is not None:
            found.facts[f"age of a decision, {name}, ms"] = value
    if not turn.decisions:
        raise StzsarError("The streams came to no decision.")


# In their order, with the seconds after which a step counts as hanging, the streams' time aside.
STEPS: dict[str, tuple[Run, float]] = {
    "doctor": (doctor, 600),
    "export parity": (export_parity, 1800),
    "engine build": (engine_build, 7200),
    "engine against ONNX Runtime": (engine_parity, 3600),
    "bench": (bench, 7200),
    "streams": (streams, 1800),
}


def _require_tensorrt() -> None:
    from ...runtime.engines.trt.api import why_no_tensorrt

    reason = why_no_tensorrt()
    if reason is not None:
        raise ImpossibleError(reason)


def _pictures(size_px: int) -> Array:
    """Return consecutive frames of the sample clip, uint8 BGR [B, S, S, 3]."""
    from ...runtime.preprocessing.opencv import load_cv2
    from ..bench.sources import SHIPPED_CLIP

    cv2 = load_cv2()
    capture = cv2.VideoCapture(SHIPPED_CLIP)
    frames: list[Array] = []
    while len(frames) < _COMPARED_FRAMES:
        read, frame = capture.read()
        if not read:
            break
        frames.append(cv2.resize(frame, (size_px, size_px), interpolation=cv2.INTER_AREA))
    return np.stack(frames)


def _smallest_cosine(actual: Array, expected: Array) -> float:
    a, b = (np.asarray(one, np.float64).reshape(len(one), -1) for one in (actual, expected))
    norms = np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1)
    return float(((a * b).sum(1) / np.maximum(norms, 1e-12)).min())


def _softmax(logits: Array) -> Array:
    powers = np.exp(logits - logits.max(1, keepdims=True))
    return powers / powers.sum(1, keepdims=True)
