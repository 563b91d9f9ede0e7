"""The interface of an engine: a graph that maps named arrays to named arrays.

A Protocol and not a base class, so test doubles and new engines need no inheritance.
"""

from collections.abc import Callable, Collection, Mapping
from typing import Any, Protocol

import numpy.typing as npt

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
