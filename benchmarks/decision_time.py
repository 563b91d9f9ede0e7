"""The time of one decision, split into frame graph, window graph and Python.

Everything runs as in a live run, except that frames are noise: only their size matters.
"""

import math
import time
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from ..runtime.bundle.bundle import FRAME_GRAPH, WINDOW_GRAPH, Bundle
from ..runtime.decisions.events import Decider
from ..runtime.decisions.policy import Policy
from ..runtime.engines.graph import Array, Graph
from ..runtime.engines.opening import open_graph
from ..runtime.engines.timed_graph import timed
from ..runtime.labels.bank import LabelBank
from ..runtime.scoring.scorer import Scorer
from ..runtime.scoring.window import FrameRing, WindowFrame
from .bench.stopwatch import Stopwatch
from .tools.timing import in_turn

PARTS = ("frame graph", "window graph", "Python")
_PICTURES = 4


class TimedBundle(NamedTuple):
    """A bundle whose graphs are loaded once, for any labels, and report to a stopwatch."""

    bundle: Bundle
    frame: Graph
    window: Graph
    stopwatch: Stopwatch

    @classmethod
    def load(cls, bundle: Bundle, *, threads: int) -> "TimedBundle":
        watch = Stopwatch()
        frame, window = (
            open_graph(bundle.path / name, threads=threads, engine="onnxruntime")
            for name in (FRAME_GRAPH, WINDOW_GRAPH)
        )
        return cls(
            bundle, timed(frame, "frame graph", watch), timed(window, "window graph", watch), watch
        )


class Step:
    """Streams with full windows; each call takes a frame of every stream, and decides.

    The frames of all streams are encoded in batches, windows one by one, as in a run.
    """

    def __init__(
        self,
        loaded: TimedBundle,
        bank: LabelBank,
        *,
        frames: int,
        streams: int = 1,
        policy: Policy | None = None,
    ) -> None:
        """Fill the windows of `streams` streams, each of `frames` frames, for a policy."""
        bundle, frame, window, self._stopwatch = loaded
        self._scorer = Scorer(bundle, bank, frame=frame, window=window, top_k=5)
        side = bundle.manifest.pixels.size_px
        rng = np.random.default_rng(0)
        self._pictures = rng.integers(0, 256, (_PICTURES, side, side, 3), dtype=np.uint8)
        self._rings = [FrameRing(frames) for _ in range(streams)]
        self._deciders = [Decider(policy or Policy(), str(n)) for n in range(streams)]
        self._count = 0
        states = self._scorer.encode(self._pictures)
        for index in range(frames):
            for ring in self._rings:
                ring.push(self._frame(states, index % _PICTURES))
            self._count += 1

    def __call__(self) -> Array:
        """Return the milliseconds of PARTS, [3]."""
        self._stopwatch.take()
        start_s = time.perf_counter()
        picture = self._pictures[self._count % _PICTURES]
        states = self._scorer.encode(np.stack([picture] * len(self._rings)))
        for row, (ring, decider) in enumerate(zip(self._rings, self._deciders, strict=True)):
            ring.push(self._frame(states, row))
            decider.decide(self._scorer.recognize(str(row), ring))
        self._count += 1
        whole_s = time.perf_counter() - start_s
        steps = self._stopwatch.take()
        graphs_s = [math.fsum(steps[stage].seconds) for stage in ("frame graph", "window graph")]
        return 1000 * np.asarray([*graphs_s, whole_s - sum(graphs_s)])

    def _frame(self, states: Mapping[str, Array], row: int) -> WindowFrame:
        own = {name: state[row].copy() for name, state in states.items()}
        return WindowFrame(own, self._count / 4, encoded=True)


def time_steps(steps: Sequence[Step], *, rounds: int) -> Array:
    """Return the milliseconds [rounds, steps, PARTS] of interleaved steps, after a warm-up."""
    in_turn(steps, 1)
    return np.asarray(in_turn(steps, rounds))
