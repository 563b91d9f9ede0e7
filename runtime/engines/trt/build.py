"""Builds an engine from ONNX: TensorRT on the device, TensorRT-RTX ahead of time."""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...errors import EngineError
from ...terminal.signals import ctrl_c_held_back
from .api import Report, create_network, is_rtx, make_log, make_monitor, set_targets
from .key import Limits


@dataclass(frozen=True, kw_only=True)
class BuildPlan:
    """How to build a graph."""

    limits: Limits  # the largest inputs; the smallest have size 1
    workspace_bytes: int = 0  # what kernels may use while they are tried and run; 0 sets no limit
    # TensorRT's timing cache of earlier builds on this GPU, which speeds this one up
    timings: bytes = b""
    targets: tuple[str, ...] = ()  # compute capabilities such as "sm86", for TensorRT-RTX only


def build_engine(
    trt: Any,
    graph: Path,
    plan: BuildPlan,
    *,
    report: Report = lambda _share, _phase: None,
    listen: Callable[[str], None] | None = None,
) -> tuple[bytes, bytes]:
    """Build the engine of an ONNX file.

    Args:
        trt: the module tensorrt or tensorrt_rtx; never tensorrt without a driver.
        graph: the ONNX file, strongly typed.
        plan: how to build it.
        report: called with the share done and the name of the phase.
        listen: called with every message of TensorRT.

    Returns:
        The engine, and the timings with those of this build.

    Raises:
        EngineError: TensorRT refuses the graph; the sentence has its reason.
    """
    # TensorRT often calls back into Python, and drops the exceptions of most callbacks.
    with ctrl_c_held_back() as stop:
        engine, timings, problem = _built(trt, graph, plan, report, listen, stop)
    if problem:
        raise problem
    return engine, timings


def _built(
    trt: Any,
    graph: Path,
    plan: BuildPlan,
    report: Report,
    listen: Callable[[str], None] | None,
    stop: threading.Event,
) -> tuple[bytes, bytes, BaseException | None]:
    log = make_log(trt, listen)
    builder = trt.Builder(log)
    network = create_network(trt, builder)
    _parse(trt, network, log, graph)
    config = builder.create_builder_config()
    if plan.workspace_bytes:
        config.set_memory_pool_limit(trt.MemoryPoolType.WORKSPACE, plan.workspace_bytes)
    profile = builder.create_optimization_profile()
    for index in range(network.num_inputs):
        tensor = network.get_input(index)
        profile.set_shape(tensor.name, *plan.limits.shapes(tensor.name, tuple(tensor.shape)))
    if config.add_optimization_profile(profile) < 0:
        raise EngineError(f"TensorRT refuses the sizes of {graph}: {_reason(log)}.")
    if plan.targets:
        set_targets(trt, config, plan.targets)
    monitor = make_monitor(trt, report, stop)
    config.progress_monitor = monitor
    timings = None if is_rtx(trt) else _timing_cache(config, plan.timings)
    engine = builder.build_serialized_network(network, config)
    if engine is None or monitor.stopped_by:
        refused = EngineError(f"TensorRT cannot build {graph}: {_reason(log)}.")
        return b"", b"", monitor.stopped_by or refused
    return bytes(engine), bytes(timings.serialize()) if timings else b"", None


def _parse(trt: Any, network: Any, log: Any, graph: Path) -> None:
    parser = trt.OnnxParser(network, log)
    try:
        data = graph.read_bytes()
    except OSError as error:
        raise EngineError(f"Cannot read {graph}: {error.strerror}.") from error
    if not parser.parse(data):
        reason = _one_line(str(parser.get_error(0))) if parser.num_errors else _reason(log)
        raise EngineError(
            f"TensorRT {trt.__version__} refuses {graph}: {reason}: export the bundle again, or "
            "run with --engine onnxruntime."
        )


def _timing_cache(config: Any, timings: bytes) -> Any:
    cache = config.create_timing_cache(timings)
    if cache is None and timings:
        cache = config.create_timing_cache(b"")
    if cache is not None:
        config.set_timing_cache(cache, False)
    return cache


def _reason(log: Any) -> str:
    """Return the last error, which names the cause; earlier ones say where."""
    return _one_line(log.errors[-1]) if log.errors else "it gives no reason"


def _one_line(text: str) -> str:
    return " ".join(text.split()).rstrip(".")[:400]
