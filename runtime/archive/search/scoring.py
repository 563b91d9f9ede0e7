"""Windows of an archive's frames, scored by the head as a replay does, or against an example."""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from ...bundle.bundle import STATE_GRAPH, WINDOW_GRAPH, Bundle
from ...decisions.policy import Policy
from ...engines.opening import open_graph
from ...labels.bank import LabelBank
from ...recordings.recorder import BREAK, ENCODED, QUIET
from ...recordings.states import of_features
from ...results import Recognition
from ...scoring.scorer import WindowScorer
from ...scoring.window import FrameRing, WindowFrame
from .moments import WindowScore

Array = npt.NDArray[Any]


@dataclass(frozen=True, eq=False)
class Rows:
    """Neighbouring frames of one video, oldest first, N of them.

    Attributes:
        frames: their numbers in the video, int64 [N].
        times_s: in the source, [N].
        clocks: in seconds since 1970, [N]; NaN for a file.
        rates_fps: frames looked at per second, [N].
        flags: as in a recording, [N].
        values: features and states that know no labels, float32 [N, ...], as manifests name them.
        whole: whether these are all frames of a file.
    """

    frames: Array
    times_s: Array
    clocks: Array
    rates_fps: Array
    flags: Array
    values: Mapping[str, Array]
    whole: bool = False

    def __len__(self) -> int:
        return len(self.frames)


class Scorer(Protocol):
    """What scores windows."""

    frames: int  # of a window

    def queries(self) -> Array:
        """Return unit vectors [Q, D] whose nearest frames are candidates."""
        ...

    def score(self, rows: Rows) -> list[WindowScore]:
        """Return the windows in which something that was asked for is best, oldest first."""
        ...


class HeadScorer:
    """The window graph and the state graph, bound to labels: the scores are those of a replay."""

    def __init__(
        self,
        bundle: Bundle,
        bank: LabelBank,
        *,
        policy: Policy | None = None,
        frames: int | None = None,
        threads: int = 0,
        engine: str = "auto",
        trust_engines: bool = False,
        seen_bias: float | None = None,
    ) -> None:
        """Load the graphs.

        Args:
            bundle: the one that encoded the frames.
            bank: the labels, with those to ignore and the context.
            policy: of a calibration: only windows that it decides on count. None takes all windows
                that no label to ignore explains better.
            frames: of a window; the bundle's if None.
            threads: CPU threads; 0 leaves it to the engine.
            engine: see `open_graph`.
            trust_engines: see `open_graph`.
            seen_bias: see `Recognizer.load`.

        Raises:
            StzsarError: a graph or the engine cannot be used.
        """
        manifest = bundle.manifest
        self.frames = frames or manifest.sampling.frames
        self.bank = bank
        self._policy = policy
        window = open_graph(
            bundle.path / WINDOW_GRAPH,
            threads=threads,
            engine=engine,
            constants=bank.arrays(),
            trust_engines=trust_engines,
        )
        self._scorer = WindowScorer(
            bundle,
            bank,
            window=window,
            top_k=policy.labels_needed if policy else 1,
            seen_bias=seen_bias,
        )
        self._state = None
        if manifest.label_states:
            graph = open_graph(bundle.path / STATE_GRAPH, threads=threads, engine="onnxruntime")
            self._state = graph.bind(bank.arrays())

    def queries(self) -> Array:
        """Return the text of each action, and the mean of its attributes where it has others."""
        rows = [at for at, label in enumerate(self.bank.labels) if label.role == "action"]
        mask = self.bank.attribute_mask[rows][..., None]
        means = (self.bank.attribute_embeddings[rows] * mask).sum(1)
        both = np.concatenate([self.bank.class_embeddings[rows], means]).astype(np.float32)
        lengths = np.linalg.norm(both, axis=1, keepdims=True)
        unit = both[lengths[:, 0] > 0] / lengths[lengths[:, 0] > 0]
        # Of two that are the same the first stays: a label without attributes has its text as one.
        _, first = np.unique(unit.round(5), axis=0, return_index=True)
        return unit[np.sort(first)]

    def recognitions(self, rows: Rows) -> Iterator[tuple[int, Recognition]]:
        """Yield each window's last frame and its result, as a replay of these rows has it.

        Raises:
            StzsarError: a graph fails.
        """
        if not len(rows):
            return
        values: Mapping[str, Array] = rows.values
        if self._state is not None:
            values = of_features(self._state, self.bank, values)
        states = {name: values[name] for name in self._scorer.states}
        for at, ring in windows(rows, states, self.frames):
            rate_fps = float(rows.rates_fps[at])
            yield int(rows.frames[at]), self._scorer.recognize("", ring, rate_fps=rate_fps)

    def score(self, rows: Rows) -> list[WindowScore]:
        """Return the windows that show one of the actions, with the best of them."""
        found: list[WindowScore] = []
        before = None
        for frame, result in self.recognitions(rows):
            best, rank = self._best(result, before)
            before = None if best is None else best.label
            if best is not None:
                found.append(
                    WindowScore(
                        label=best.label,
                        frame=frame,
                        start_s=result.start_s,
                        end_s=result.end_s,
                        clock=result.time,
                        score=best.score,
                        similarity=best.similarity,
                        rank=rank,
                    )
                )
        return found

    def _best(self, result: Recognition, before: str | None) -> tuple[Any, float]:
        policy = self._policy
        if policy is None:
            best = None if result.rival is not None else result.top[0]
            return best, 0.0 if best is None else best.similarity
        best = policy.decide(result, before)
        if best is None:
            return None, 0.0
        if policy.evidence is None:
            return best, best.similarity - (policy.thresholds or {}).get(best.label, 0.0)
        assert result.everything is not None
        above = policy.evidence.of(result.everything.similarities) - policy.levels
        return best, float(above[policy.evidence.names.index(best.label)])


class LikeScorer:
    """More of the same: windows whose frames look like those of an example, one after the other."""

    def __init__(self, name: str, embeddings: Array, column: str) -> None:
        """Compare with frame embeddings [T, D], oldest first; `column` is what `Rows` call them."""
        self.frames = len(embeddings)
        self._name, self._column = name, column
        self._example = _unit(embeddings)

    def queries(self) -> Array:
        """Return the frames and their mean."""
        mean = _unit(self._example.mean(0, keepdims=True))
        return np.concatenate([mean, self._example])

    def score(self, rows: Rows) -> list[WindowScore]:
        """Return all windows; their score is the mean cosine of their frames with the example's."""
        if not len(rows):
            return []
        states = {self._column: _unit(rows.values[self._column])}
        found = []
        for at, ring in windows(rows, states, self.frames):
            if len(ring) < self.frames:
                continue
            cosine = float((ring.stacked()[self._column][0] * self._example).sum(1).mean())
            newest = ring.newest
            found.append(
                WindowScore(
                    label=self._name,
                    frame=int(rows.frames[at]),
                    start_s=ring.start_s,
                    end_s=ring.end_s,
                    clock=newest.clock,
                    score=cosine,
                    similarity=cosine,
                    rank=cosine,
                )
            )
        return found


def windows(
    rows: Rows, states: Mapping[str, Array], frames: int
) -> Iterator[tuple[int, FrameRing]]:
    """Yield each full window with the place of its last row; and the one of a file that is short.

    As in a replay, no window spans a break, nor frames that are missing.
    """
    ring, said = FrameRing(frames), False
    for at, flags in enumerate(rows.flags.tolist()):
        if at and (flags & BREAK or rows.frames[at] != rows.frames[at - 1] + 1):
            ring.flush()
            said = False
        clock = float(rows.clocks[at])
        ring.push(
            WindowFrame(
                {name: value[at] for name, value in states.items()},
                float(rows.times_s[at]),
                bool(flags & ENCODED),
                clock=clock if math.isfinite(clock) else None,
            )
        )
        if ring.full and not flags & QUIET:
            said = True
            yield at, ring
    if rows.whole and not said and len(ring):
        yield len(rows) - 1, ring


def joined(parts: Sequence[Rows]) -> Rows:
    """Return rows of one video as one, oldest first, each frame once."""
    frames = np.concatenate([part.frames for part in parts])
    _, first = np.unique(frames, return_index=True)

    def column(arrays: Iterable[Array]) -> Array:
        return np.concatenate(list(arrays))[first]

    return Rows(
        frames=frames[first],
        times_s=column(part.times_s for part in parts),
        clocks=column(part.clocks for part in parts),
        rates_fps=column(part.rates_fps for part in parts),
        flags=column(part.flags for part in parts),
        values={name: column(part.values[name] for part in parts) for name in parts[0].values},
        whole=any(part.whole for part in parts),
    )


def _unit(rows_nd: Array) -> Array:
    lengths = np.linalg.norm(rows_nd, axis=-1, keepdims=True)
    return (rows_nd / np.maximum(lengths, 1e-12)).astype(np.float32)
