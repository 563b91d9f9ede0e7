"""A graph whose runs are timed as a stage."""

from collections.abc import Collection, Mapping

from ..stages import UNTIMED, Stage, Stages
from .graph import Array, BoundGraph, Graph, Sizes


def timed(graph: Graph, stage: Stage, stages: Stages) -> Graph:
    """Return a graph that reports each run as a stage; the graph itself if nothing is timed."""
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
