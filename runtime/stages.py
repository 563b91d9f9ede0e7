"""The steps of a run, for whoever wants to know how long each of them takes.

Nobody does in a usual run: `UNTIMED` costs a fifth of a microsecond a step.
"""

import contextlib
from collections.abc import Collection, Mapping
from typing import Any, Literal, Protocol

from .engine import Array, BoundGraph, Graph, Sizes

# "round" is the whole of one, in which all others lie but "decode", which is in a feed's thread;
# "decision" is from the ring of frames to what is decided, and holds the window graph.
Stage = Literal["round", "decode", "preprocess", "frame graph", "window graph", "decision", "sink"]


class Stages(Protocol):
    """Somebody who is told of each step; from the run's thread, and from those of feeds."""

    def of(self, stage: Stage, count: int = 1) -> contextlib.AbstractContextManager[Any]:
        """Return what is entered when a step begins and left when it ends.

        Steps lie within others; each may raise.

        Args:
            stage: which one.
            count: of how many frames or windows; 0 goes on with the step before it of this kind.
        """
        ...


class _Untimed:
    def of(self, stage: Stage, count: int = 1) -> contextlib.AbstractContextManager[Any]:  # noqa: ARG002
        return _NOTHING


_NOTHING = contextlib.nullcontext()
UNTIMED: Stages = _Untimed()


def timed(graph: Graph, stage: Stage, stages: Stages) -> Graph:
    """Return a graph of which each run is a step; the graph itself if nobody wants to know."""
    return graph if stages is UNTIMED else _TimedGraph(graph, stage, stages)


class _TimedGraph:
    def __init__(self, graph: Graph, stage: Stage, stages: Stages) -> None:
        self._graph, self._stages = graph, stages
        self._stage: Stage = stage
        self.inputs, self.outputs = graph.inputs, graph.outputs
        self.sizes: Mapping[str, Sizes] = graph.sizes
        self.device = graph.device

    def bind(
        self, constants: Mapping[str, Array], outputs: Collection[str] | None = None
    ) -> BoundGraph:
        bound = self._graph.bind(constants, outputs)

        def run(feeds: Mapping[str, Array]) -> dict[str, Array]:
            with self._stages.of(self._stage, len(next(iter(feeds.values())))):
                return bound(feeds)

        return run

    def __call__(self, feeds: Mapping[str, Array]) -> dict[str, Array]:
        with self._stages.of(self._stage):
            return self._graph(feeds)
