"""Compares TensorRT engines with the graphs they were built from, in ONNX Runtime.

The graphs were compared with torch when the bundle was written.
"""

from pathlib import Path

import numpy as np

from ..runtime.bundle.bundle import Bundle
from ..runtime.engines.graph import Array, Graph
from ..runtime.engines.opening import open_graph
from ..runtime.engines.trt.graph import TrtGraph
from ..runtime.errors import ParityError
from .engines import GRAPHS
from .parity import (
    BOUNDS,
    END_TO_END,
    FRAMES,
    MAX_LABELS,
    WINDOWS,
    Difference,
    ParityReport,
    choose_windows,
    draw_images,
    top1_agreement,
    window_differences,
)

_BATCH = 8


def compare_engines(bundle: Bundle) -> ParityReport:
    """Compare this device's engines with ONNX Runtime, on drawn images.

    Raises:
        EngineError: an engine cannot run.
    """
    frame, window = (TrtGraph(bundle.path / name) for name in GRAPHS)
    ort_frame, ort_window = (
        open_graph(bundle.path / name, engine="onnxruntime") for name in GRAPHS
    )
    labels = range(min(MAX_LABELS, len(bundle.bank.labels)))
    bank = bundle.bank.select(labels).arrays()
    images = draw_images(FRAMES, bundle.manifest.pixels.size_px)
    actual, expected = (_states(graph, images, bank) for graph in (frame, ort_frame))
    names = bundle.manifest.states
    differences = {
        f"frame.{name}": Difference.between(actual[name], expected[name]) for name in names
    }
    choice = choose_windows(FRAMES, bundle.manifest.sampling.frames, in_order=False)
    reference = ort_window({name: expected[name][choice] for name in names} | bank)
    similarities = reference["logits"] / reference["scale"]
    agreement = {}
    for graph, states in (("window", expected), (END_TO_END, actual)):
        scores = window({name: states[name][choice] for name in names} | bank)
        differences |= window_differences(graph, scores, reference)
        tie = BOUNDS["fp16"].tie
        agreement[graph] = top1_agreement(scores["logits"], similarities, tie=tie)
    precision = bundle.manifest.precision
    return ParityReport(precision, differences, agreement, WINDOWS, "drawn pictures", True)


def check_engines(report: ParityReport, folder: Path) -> None:
    """Remove the engines in `folder` if they are out of bounds; raise ParityError if they were."""
    try:
        report.check()
    except ParityError:
        for name in GRAPHS:
            for suffix in (".engine", ".json"):
                (folder / name).with_suffix(suffix).unlink(missing_ok=True)
        raise


def _states(graph: Graph, images: Array, bank: dict[str, Array]) -> dict[str, Array]:
    starts = range(0, len(images), _BATCH)
    parts = [graph({"frames": images[start : start + _BATCH]} | bank) for start in starts]
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
