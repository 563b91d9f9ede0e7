"""The engines' common face: a graph that maps named arrays to named arrays.

A Protocol and no base class, so that a test's stand-in and a future engine need no inheritance.
"""

import logging
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any, Protocol

import numpy.typing as npt

from .errors import EngineError

ENGINES = ("auto", "onnxruntime", "onnxruntime-tensorrt", "tensorrt")

# Told of an engine that is being built: the share that is done, and what is being done.
OnBuild = Callable[[float, str], None]
log = logging.getLogger(__name__)

Array = npt.NDArray[Any]
BoundGraph = Callable[[Mapping[str, Array]], dict[str, Array]]
Sizes = tuple[int | None, ...]  # of an array's axes; None where any size will do, or is not known


class Graph(Protocol):
    """One loaded graph, which several threads may run.

    `sizes` are of the inputs and outputs of which the engine knows them; there may be none.
    """

    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    sizes: Mapping[str, Sizes]
    device: str

    def bind(
        self, constants: Mapping[str, Array], outputs: Collection[str] | None = None
    ) -> BoundGraph:
        """Put inputs that stay the same onto the device, once.

        Args:
            constants: inputs by name; more than the graph takes is no harm.
            outputs: what is wanted; the others never leave the device. All if None.

        Returns:
            What runs the graph on these and on the remaining inputs. Several may be in use.
        """
        ...

    def __call__(self, feeds: Mapping[str, Array]) -> dict[str, Array]:
        """Run the graph; `feeds` may hold more than the graph takes."""
        ...


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
        threads: CPU threads; 0 leaves it to the engine.
        engine: "onnxruntime"; the same with its own TensorRT, "onnxruntime-tensorrt"; "tensorrt",
            which needs a GPU and builds its engine once for each device, in minutes; or "auto":
            TensorRT where it is installed and works, else ONNX Runtime.
        constants: what will be bound first, so that an engine has room for it.
        trust_engines: whether to take TensorRT engines that others made, which can run code.
        on_build: called while TensorRT builds.

    Raises:
        EngineError: the engine is not installed, or it refuses the graph.
    """
    if engine not in ENGINES:
        raise EngineError(f"There is no engine {engine!r:.40}: take one of {', '.join(ENGINES)}.")
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
                log.warning("%s Going on with ONNX Runtime.", error)
        elif engine == "tensorrt":
            raise EngineError(f"{reason} Else run with --engine onnxruntime.")
    from .ort_engine import OrtGraph

    return OrtGraph(path, threads=threads, tensorrt=engine == "onnxruntime-tensorrt")
