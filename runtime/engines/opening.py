"""Chooses the engine that runs a graph."""

import logging
from collections.abc import Mapping
from pathlib import Path

from ..callbacks import OnBuild
from ..errors import EngineError
from .graph import Array, Graph

ENGINES = ("auto", "onnxruntime", "onnxruntime-tensorrt", "tensorrt")

log = logging.getLogger(__name__)


def gpu_in_use() -> str | None:
    """Return the name of the GPU that `open_graph` runs graphs on by itself, or None."""
    from .cuda import find_driver
    from .ort_import import load_onnxruntime
    from .trt.api import why_no_tensorrt

    driver = find_driver()
    if driver is None:
        return None
    if why_no_tensorrt() is not None:
        try:
            providers = load_onnxruntime().get_available_providers()
        except EngineError:
            return None
        if "CUDAExecutionProvider" not in providers:
            return None
    return driver.gpu().name


def open_graph(
    path: Path,
    *,
    threads: int = 0,
    engine: str = "auto",
    constants: Mapping[str, Array] | None = None,
    trust_engines: bool = False,
    on_build: OnBuild | None = None,
) -> Graph:
    """Load the ONNX file `path` in an engine.

    Args:
        path: the graph's file.
        threads: CPU threads; 0 is one for each core that this process may use.
        engine: "onnxruntime"; the same with its own TensorRT, "onnxruntime-tensorrt"; "tensorrt",
            which requires a GPU and builds its engine once for each device, in minutes; or "auto":
            TensorRT where it is installed and works, else ONNX Runtime.
        constants: what will be bound first, so that an engine has room for it.
        trust_engines: whether to use TensorRT engines that others made, which can run code.
        on_build: called while TensorRT builds.

    Raises:
        EngineError: the engine is not installed, or it refuses the graph.
    """
    if engine not in ENGINES:
        raise EngineError(f"There is no engine {engine!r:.40}: choose from {', '.join(ENGINES)}.")
    if engine in ("auto", "tensorrt"):
        from .trt.api import why_no_tensorrt

        reason = why_no_tensorrt()
        if reason is None:
            from .trt.graph import TrtGraph

            try:
                return TrtGraph(path, constants=constants, trusted=trust_engines, report=on_build)
            except EngineError as error:
                if engine == "tensorrt":
                    raise
                log.warning("%s Using ONNX Runtime instead.", error)
        elif engine == "tensorrt":
            raise EngineError(f"{reason} Or run with --engine onnxruntime.")
    from .ort_engine import OrtGraph

    return OrtGraph(path, threads=threads, tensorrt=engine == "onnxruntime-tensorrt")
