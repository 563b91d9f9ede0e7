"""What a decision takes, and which part of it: frame graph, window graph, our own code around them.

Everything is that of a run but the video: the frame graph, the ring, the window graph, the result
and the decision about it. Frames are noise, since only their size matters.
"""

import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from ..runtime.bundle.bundle import FRAME_GRAPH, WINDOW_GRAPH, Bundle
from ..runtime.decisions.events import Decider
from ..runtime.decisions.policy import Policy
from ..runtime.engines.graph import Array, BoundGraph, Graph, Sizes
from ..runtime.engines.opening import open_graph
from ..runtime.labels.bank import LabelBank
from ..runtime.scoring.scorer import Scorer
from ..runtime.scoring.window import FrameRing, WindowFrame

PARTS = ("frame graph", "window graph", "Python")
_PICTURES = 4


@dataclass
class TimedGraph:
    """A graph that adds up the seconds that it runs."""

    graph: Graph
    seconds: float = 0.0
    inputs: tuple[str, ...] = field(init=False)
    outputs: tuple[str, ...] = field(init=False)
    sizes: Mapping[str, Sizes] = field(init=False)
    device: str = field(init=False)

    def __post_init__(self) -> None:
        graph = self.graph
        self.inputs, self.outputs = graph.inputs, graph.outputs
        self.sizes, self.device = graph.sizes, graph.device

    def bind(
        self, constants: Mapping[str, Array], outputs: Collection[str] | None = None
    ) -> BoundGraph:
        """Bind the graph; what runs it is timed."""
        bound = self.graph.bind(constants, outputs)
        return lambda feeds: self._timed(bound, feeds)

    def __call__(self, feeds: Mapping[str, Array]) -> dict[str, Array]:
        """Run the graph, timed."""
        return self._timed(self.graph, feeds)

    def _timed(self, run: BoundGraph, feeds: Mapping[str, Array]) -> dict[str, Array]:
        start = time.perf_counter()
        found = run(feeds)
        self.seconds += time.perf_counter() - start
        return found


@dataclass(frozen=True)
class TimedBundle:
    """A bundle whose graphs are loaded once, for any labels."""

    bundle: Bundle
    frame: TimedGraph
    window: TimedGraph

    @classmethod
    def load(cls, bundle: Bundle, *, threads: int) -> "TimedBundle":
        """Load the graphs in ONNX Runtime."""
        frame, window = (
            TimedGraph(open_graph(bundle.path / name, threads=threads, engine="onnxruntime"))
            for name in (FRAME_GRAPH, WINDOW_GRAPH)
        )
        return cls(bundle, frame, window)


class Step:
    """Streams in which one frame comes after the other, each with a decision.

    The frames of all streams are encoded in batches, as in a run; windows by themselves.
    """

    def __init__(
        self, timed: TimedBundle, bank: LabelBank, *, frames: int, streams: int = 1
    ) -> None:
        """Fill the windows of `streams` streams, each of `frames` frames."""
        self._timed = timed
        self._scorer = Scorer(timed.bundle, bank, frame=timed.frame, window=timed.window, top_k=5)
        side = timed.bundle.manifest.pixels.size_px
        rng = np.random.default_rng(0)
        self._pictures = rng.integers(0, 256, (_PICTURES, side, side, 3), dtype=np.uint8)
        self._rings = [FrameRing(frames) for _ in range(streams)]
        self._deciders = [Decider(Policy(), str(number)) for number in range(streams)]
        self._count = 0
        states = self._scorer.encode(self._pictures)
        for index in range(frames):
            for ring in self._rings:
                ring.push(self._frame(states, index % _PICTURES))
            self._count += 1

    def __call__(self) -> Array:
        """Take a frame of each stream, and decide; return the milliseconds of PARTS, [3]."""
        timed = self._timed
        timed.frame.seconds = timed.window.seconds = 0.0
        start = time.perf_counter()
        picture = self._pictures[self._count % _PICTURES]
        states = self._scorer.encode(np.stack([picture] * len(self._rings)))
        for row, (ring, decider) in enumerate(zip(self._rings, self._deciders, strict=True)):
            ring.push(self._frame(states, row))
            found = self._scorer.recognize(str(row), ring)
            decider.decide(found)
        self._count += 1
        graphs = timed.frame.seconds, timed.window.seconds
        return 1000 * np.asarray([*graphs, time.perf_counter() - start - sum(graphs)])

    def _frame(self, states: Mapping[str, Array], row: int) -> WindowFrame:
        own = {name: state[row].copy() for name, state in states.items()}
        return WindowFrame(own, self._count / 4, encoded=True)


def time_steps(steps: Sequence[Step], *, rounds: int) -> Array:
    """Return the milliseconds [rounds, steps, PARTS] of steps that take turns, after a warm-up."""
    for step in steps:
        step()
    return np.stack([[step() for step in steps] for _ in range(rounds)])
