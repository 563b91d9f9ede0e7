"""A bundle's graphs bound to labels: frames to states, windows to results."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from ..bundle.bundle import FRAME_GRAPH, WINDOW_GRAPH, Bundle
from ..bundle.manifest import FEATURES_SINCE, PATCH_EMBEDDINGS
from ..engines.graph import BoundGraph, Graph, Sizes
from ..errors import BundleError, LabelError
from ..labels.bank import LabelBank
from ..labels.labels import Label, LabelsOf
from ..results import AllScores, Explanation, Recognition
from .explain import check_explainable, explain
from .seen_bias import biases_of
from .window import FrameRing

# Frames in one run of the frame graph: more only take memory.
BATCH = 16
# Cosines of all their patches with all attributes: 16 million take 64 MiB.
MAX_COSINES = 1 << 24

Array = npt.NDArray[Any]


class WindowScorer:
    """The window graph bound to labels; neither ever changes.

    Frame states may depend on the labels, so they belong to the scorer that made them.

    Attributes:
        bank: the labels, embedded.
        labels_of: the labels that compete in each source that is about fewer than all.
        seen_bias: see `Recognizer.load`.
    """

    def __init__(
        self,
        bundle: Bundle,
        bank: LabelBank,
        *,
        window: Graph,
        top_k: int,
        labels_of: LabelsOf | None = None,
        seen_bias: float | None = None,
    ) -> None:
        self.bank: LabelBank = bank
        self.labels_of: LabelsOf = labels_of or {}
        self._bundle = bundle
        self._states = bundle.manifest.states
        self._top_k = top_k
        self._everywhere = _Contest.of(bank.labels, bank.names, "The labels")
        self._contests = {
            source: _Contest.of(bank.labels, names, f"The labels of {source!r:.80}")
            for source, names in self.labels_of.items()
        }
        self._biases = biases_of(bundle.manifest, bank.labels, seen_bias)
        self._window = window.bind(bank.arrays())

    @property
    def labels(self) -> tuple[Label, ...]:
        """The labels, in the order of the logits."""
        return self.bank.labels

    @property
    def states(self) -> tuple[str, ...]:
        """The names of the frame states that a window is scored by."""
        return tuple(self._states)

    def labels_in(self, source: str) -> tuple[Label, ...]:
        """Return the labels that are scored in a source: what competes, then the context."""
        return self._contest_in(source).labels

    def _contest_in(self, source: str) -> "_Contest":
        return self._contests.get(source, self._everywhere)

    def score(self, states: Mapping[str, Array]) -> tuple[Array, Array, float]:
        """Return logits [B, C], saliency [B, C, T] and their scale, for frame states [B, T, ...].

        Raises:
            BundleError: the graph returns wrong shapes, or numbers that are not finite.
            EngineError: the graph fails.
        """
        results = self._window(states)
        logits, saliency, scale = (results[name] for name in ("logits", "saliency", "scale"))
        batch, frames = states[self._states[0]].shape[:2]
        classes = len(self.labels)
        self._check_result("logits", logits, (batch, classes))
        self._check_result("saliency", saliency, (batch, classes, frames))
        self._check_result("scale", scale, ())
        if not (np.isfinite(logits).all() and np.isfinite(saliency).all() and 0 < scale < np.inf):
            raise BundleError(
                f"The graphs of {self._bundle.path} return numbers that are not finite, or a "
                f"scale that is not positive: export it again, in fp32 if it is fp16."
            )
        return logits, saliency, float(scale)

    def recognize(
        self,
        name: str,
        window: FrameRing,
        *,
        rate_fps: float | None = None,
        explained: bool = False,
        top_k: int | None = None,
    ) -> Recognition:
        """Return the complete result for a window; only a `Decider` adds to it.

        Args:
            name: what the result calls the source, whose labels compete.
            window: its frames; with the features too if the result is to be explained.
            rate_fps: frames sampled per second; None for a whole clip.
            explained: whether to explain the best label.
            top_k: the most labels that the result holds; None is the scorer's own number.

        Raises:
            BundleError: the graph returns wrong shapes, or numbers that are not finite; or the
                bundle cannot explain results.
            EngineError: the graph fails.
        """
        states = window.stacked()
        batch, saliency, scale = self.score(states)
        contest = self._contest_in(name)
        logits = batch[0].astype(np.float64)[contest.rows]
        similarities = logits / scale
        if self._biases is not None:
            logits = logits - self._biases[contest.rows]
        everything = AllScores(
            contest.names, softmax(logits[: contest.competing]), similarities, scale
        )
        best = contest.actions[largest(logits[contest.actions], top_k or self._top_k)].tolist()
        top = tuple(everything.of(place) for place in best)
        explanation = None
        if explained:
            row = int(contest.rows[best[0]])
            explanation = self._explain(row, states, saliency[0, row], window.times_s)
        newest = window.newest
        return Recognition(
            source=name,
            start_s=window.start_s,
            end_s=window.end_s,
            frames=len(window),
            top=top,
            rival=contest.rival(logits, logits[best[0]]),
            gap_s=window.gap_s,
            encoded=window.encoded,
            rate_fps=rate_fps,
            time=newest.clock,
            age_ms=newest.age_ms,
            explanation=explanation,
            everything=everything,
        )

    def _explain(
        self, label: int, states: Mapping[str, Array], saliency_t: Array, times_s: Sequence[float]
    ) -> Explanation:
        check_explainable(self._bundle)
        grid, mask = self._bundle.manifest.patch_grid, self.bank.attribute_mask[label]
        patches_tpd = states[PATCH_EMBEDDINGS][0]
        if grid is None or patches_tpd.shape[1] != grid[0] * grid[1]:
            raise BundleError(
                f"The graphs of {self._bundle.path} return {patches_tpd.shape[1]} patches, not "
                f"a grid of {grid}: export the bundle again."
            )
        return explain(
            self.labels[label],
            self.bank.attribute_embeddings[label][mask],
            saliency_t=saliency_t,
            patches_tpd=patches_tpd,
            times_s=times_s,
            grid=grid,
        )

    def _check_result(self, name: str, value: Array, shape: tuple[int, ...]) -> None:
        if value.dtype != np.float32 or value.shape != shape:
            raise BundleError(
                f"The graphs of {self._bundle.path} return {name} as {value.dtype} "
                f"{list(value.shape)}, not as float32 {list(shape)}: export the bundle again."
            )


@dataclass(frozen=True, eq=False)
class _Contest:
    """What is scored in a source, in the order of its scores."""

    rows: Array  # of the bank, [R]: what competes, then the context
    labels: tuple[Label, ...]  # of these rows
    names: tuple[str, ...]
    competing: int  # how many of them compete
    actions: Array  # their places among those
    ignored: Array

    @classmethod
    def of(cls, labels: Sequence[Label], names: Sequence[str], whose: str) -> "_Contest":
        """Set the labels called `names` against each other, with the context of all sources."""
        row_of = {label.name: row for row, label in enumerate(labels)}
        rows = [row_of[name] for name in names if labels[row_of[name]].role != "context"]
        competing = len(rows)
        rows += [row for row, label in enumerate(labels) if label.role == "context"]
        chosen = tuple(labels[row] for row in rows)
        actions, ignored = (
            np.asarray([at for at, label in enumerate(chosen) if label.role == role], np.intp)
            for role in ("action", "ignore")
        )
        if not len(actions):
            raise LabelError(f"{whose} are all to ignore: name at least one action.")
        names = tuple(label.name for label in chosen)
        return cls(np.asarray(rows, np.intp), chosen, names, competing, actions, ignored)

    def rival(self, logits: Array, best: float) -> str | None:
        """Return the ignored label that explains a window better than the best action, if any."""
        if not len(self.ignored):
            return None
        place = self.ignored[logits[self.ignored].argmax()]
        return self.names[place] if logits[place] > best else None


class Scorer(WindowScorer):
    """Both graphs of a bundle, bound to labels; none of them ever changes."""

    def __init__(
        self,
        bundle: Bundle,
        bank: LabelBank,
        *,
        frame: Graph,
        window: Graph,
        top_k: int,
        labels_of: LabelsOf | None = None,
        seen_bias: float | None = None,
    ) -> None:
        super().__init__(
            bundle, bank, window=window, top_k=top_k, labels_of=labels_of, seen_bias=seen_bias
        )
        self._frame_graph = frame
        self._frame = frame.bind(bank.arrays(), self._states)

    def encode(self, images_bhwc: Array, *, features: bool = False) -> dict[str, Array]:
        """Return the frame states of fitted frames.

        Args:
            images_bhwc: uint8 [B, S, S, 3], BGR, from `pixels.fit_frame`.
            features: return the manifest's features too, for explanations and recordings.

        Returns:
            Each of the manifest's states, and of its features if asked for, float32 [B, ...].

        Raises:
            BundleError: a state does not have one row per frame, or the bundle has no features.
            EngineError: the graph fails.
        """
        graph = self._frame_with_features if features else self._frame
        batches = []
        for start in range(0, len(images_bhwc), self.batch):
            images = images_bhwc[start : start + self.batch]
            states = graph({"frames": images})
            for name, value in states.items():
                self._check_result(name, value, (len(images), *value.shape[1:]))
            batches.append(states)
        return {name: np.concatenate([batch[name] for batch in batches]) for name in batches[0]}

    @cached_property
    def batch(self) -> int:
        """Frames in one run of the frame graph; fewer with very many labels."""
        rows, columns = self._bundle.manifest.patch_grid or (0, 0)
        return frames_at_once(self.bank, rows * columns)

    @cached_property
    def _frame_with_features(self) -> BoundGraph:
        """The frame graph with the features among its outputs; bound on first use."""
        wanted = self._bundle.manifest.features
        if not wanted and self._bundle.manifest.label_states:
            raise BundleError(
                f"The bundle {self._bundle.path} has no features, like all bundles before "
                f"format {FEATURES_SINCE}: export it again."
            )
        return self._frame_graph.bind(self.bank.arrays(), (*self._states, *wanted))


def softmax(logits: Array) -> Array:
    """Return the softmax of logits [C], without overflow."""
    powers = np.exp(logits - logits.max())
    return powers / powers.sum()


def frames_at_once(bank: LabelBank, patches: int) -> int:
    """Return how many frames of so many patches to compare with a bank at once; at least one."""
    return max(1, min(BATCH, MAX_COSINES // ((1 + patches) * bank.attribute_mask.size)))


def largest(logits: Array, count: int) -> Array:
    """Return the indices of the `count` largest logits [C], in order; of equal ones the first.

    It does not sort all of them: there may be 10,000 labels.
    """
    rest = len(logits) - count
    if rest <= 0:
        return np.argsort(-logits, kind="stable")
    among = np.flatnonzero(logits >= np.partition(logits, rest)[rest])
    return among[np.argsort(-logits[among], kind="stable")][:count]


def check_graphs(bundle: Bundle, frame: Graph, window: Graph, bank: LabelBank) -> None:
    """Raise BundleError if a graph has an unknown input, a wrong size, or lacks an output."""
    states = set(bundle.manifest.states)
    features = set(bundle.manifest.features)
    side = bundle.manifest.pixels.size_px
    of_bank: dict[str, Sizes] = {name: array.shape for name, array in bank.arrays().items()}
    offered: dict[str, Sizes | None] = {"frames": (None, side, side, 3), **of_bank}
    _check_graph(bundle, FRAME_GRAPH, frame, offered, states | features)
    # The window graph takes the outputs of the frame graph, with time as the second axis.
    in_time = {name: _with_time(frame.sizes.get(name)) for name in states}
    results = {"logits", "saliency", "scale"}
    _check_graph(bundle, WINDOW_GRAPH, window, {**in_time, **of_bank}, results)


def _with_time(sizes: Sizes | None) -> Sizes | None:
    return sizes and (sizes[0], None, *sizes[1:])


def _check_graph(
    bundle: Bundle,
    file: str,
    graph: Graph,
    offered: Mapping[str, Sizes | None],
    wanted: set[str],
) -> None:
    unknown, missing = set(graph.inputs) - set(offered), wanted - set(graph.outputs)
    if unknown or missing:
        wrong = f"takes {sorted(unknown)}" if unknown else f"lacks the outputs {sorted(missing)}"
        raise BundleError(f"{bundle.path / file} {wrong}: it does not belong to this manifest.")
    for name in graph.inputs:
        takes, given = graph.sizes.get(name), offered[name]
        if takes and given and not _fit(takes, given):
            raise BundleError(
                f"{bundle.path / file} takes {name} of {_shown(takes)} and the bundle has "
                f"{_shown(given)}: it does not belong to this manifest, export the bundle again."
            )


def _fit(takes: Sizes, given: Sizes) -> bool:
    return len(takes) == len(given) and all(
        None in pair or pair[0] == pair[1] for pair in zip(takes, given, strict=True)
    )


def _shown(sizes: Sizes) -> str:
    return " x ".join("any" if size is None else str(size) for size in sizes)
