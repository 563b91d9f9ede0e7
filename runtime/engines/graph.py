"""The interface of an engine: a graph that maps named arrays to named arrays.

A Protocol and not a base class, so that test doubles and new engines need no inheritance.
"""

from collections.abc import Callable, Collection, Mapping
from typing import Any, Protocol

import numpy.typing as npt

Array = npt.NDArray[Any]
BoundGraph = Callable[[Mapping[str, Array]], dict[str, Array]]
Sizes = tuple[int | None, ...]  # of an array's axes; None where it is dynamic or unknown


class Graph(Protocol):
    """One loaded graph, which several threads may run."""

    inputs: tuple[str, ...]  # names of the inputs
    outputs: tuple[str, ...]  # names of the outputs
    sizes: Mapping[str, Sizes]  # of those inputs and outputs whose sizes the engine knows
    device: str  # "cpu", "cuda" or "tensorrt"

    def bind(
        self, constants: Mapping[str, Array], outputs: Collection[str] | None = None
    ) -> BoundGraph:
        """Put inputs that stay the same onto the device, once.

        Args:
            constants: inputs by name; others are ignored.
            outputs: the outputs to return, all if None; others never leave the device.

        Returns:
            A function that runs the graph on these and on the remaining inputs. Several may be in
            use.
        """
        ...

    def __call__(self, feeds: Mapping[str, Array]) -> dict[str, Array]:
        """Run the graph; `feeds` may hold more than the graph takes."""
        ...
