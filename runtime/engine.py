"""The engines' common face: a graph that maps named arrays to named arrays.

A Protocol and no base class, so that a test's stand-in and a future engine need no inheritance.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol

import numpy.typing as npt

Array = npt.NDArray[Any]
BoundGraph = Callable[[Mapping[str, Array]], dict[str, Array]]


class Graph(Protocol):
    """One loaded graph, which several threads may run."""

    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    device: str

    def bind(self, constants: Mapping[str, Array]) -> BoundGraph:
        """Put inputs that stay the same onto the device, once.

        Args:
            constants: inputs by name; more than the graph takes is no harm.

        Returns:
            What runs the graph on these and on the remaining inputs. Several may be in use.
        """
        ...

    def __call__(self, feeds: Mapping[str, Array]) -> dict[str, Array]:
        """Run the graph; `feeds` may hold more than the graph takes."""
        ...


def open_graph(path: Path, *, threads: int = 0) -> Graph:
    """Load the ONNX file `path` in the engine that is installed.

    Args:
        path: the graph's file.
        threads: CPU threads; 0 leaves it to the engine.

    Raises:
        EngineError: no engine is installed, or it refuses the graph.
    """
    from .ort_engine import OrtGraph

    return OrtGraph(path, threads=threads)
