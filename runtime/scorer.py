"""A bundle's graphs with one set of labels bound to them: frames to states, states to results."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from .bundle import FRAME_GRAPH, WINDOW_GRAPH, Bundle
from .engine import Graph, Sizes
from .errors import BundleError
from .labels import Label, LabelBank
from .results import Recognition, Score

# Frames that are encoded at once: more of them only take memory.
BATCH = 16

Array = npt.NDArray[Any]


class Scorer:
    """Graphs and labels that belong together; neither ever changes.

    Frame states may depend on the labels, so the states of one scorer are for that scorer only.

    Attributes:
        bank: the labels, embedded.
    """

    def __init__(
        self, bundle: Bundle, bank: LabelBank, *, frame: Graph, window: Graph, top_k: int
    ) -> None:
        self.bank = bank
        self._bundle = bundle
        self._states = bundle.manifest.states
        self._top_k = min(top_k, len(bank.labels))
        self._frame = frame.bind(bank.arrays())
        self._window = window.bind(bank.arrays())

    @property
    def labels(self) -> tuple[Label, ...]:
        """What is recognised, in the order of the logits."""
        return self.bank.labels

    def encode(self, images_bhwc: Array) -> dict[str, Array]:
        """Return the frame states of fitted frames.

        Args:
            images_bhwc: uint8 [B, S, S, 3], BGR, as `pixels.fit_frame` makes them.

        Returns:
            Each of the manifest's states, float32 [B, ...].

        Raises:
            BundleError: a state has not one row for each frame.
            EngineError: the graph fails.
        """
        batches = []
        for start in range(0, len(images_bhwc), BATCH):
            images = images_bhwc[start : start + BATCH]
            states = self._frame({"frames": images})
            for name in self._states:
                self._check_result(name, states[name], (len(images), *states[name].shape[1:]))
            batches.append(states)
        return {name: np.concatenate([batch[name] for batch in batches]) for name in self._states}

    def score(self, states: Mapping[str, Array]) -> tuple[Array, Array, float]:
        """Return logits [B, C], saliency [B, C, T] and their scale, for frame states [B, T, ...].

        Raises:
            BundleError: the graph gives other shapes, or numbers that are not finite.
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
                f"The graphs of {self._bundle.path} give numbers that are not finite, or a scale "
                f"that is not positive: export it again, in fp32 if it is fp16."
            )
        return logits, saliency, float(scale)

    def recognize(
        self, name: str, states: Mapping[str, Array], start_s: float, end_s: float
    ) -> Recognition:
        """Return the result for the states [1, T, ...] of one window.

        Raises:
            BundleError: the graph gives other shapes, or numbers that are not finite.
            EngineError: the graph fails.
        """
        batch, _, scale = self.score(states)
        logits = batch[0].astype(np.float64)
        scores, similarities = softmax(logits), logits / scale
        best = np.argsort(-logits, kind="stable")[: self._top_k]
        top = (Score(self.labels[c].name, float(scores[c]), float(similarities[c])) for c in best)
        frames = states[self._states[0]].shape[1]
        return Recognition(name, start_s, end_s, frames, tuple(top))

    def _check_result(self, name: str, value: Array, shape: tuple[int, ...]) -> None:
        if value.dtype != np.float32 or value.shape != shape:
            raise BundleError(
                f"The graphs of {self._bundle.path} give {name} as {value.dtype} "
                f"{list(value.shape)} and not as float32 {list(shape)}: export the bundle again."
            )


def softmax(logits: Array) -> Array:
    """Return the softmax of logits [C]; large ones do not overflow."""
    powers = np.exp(logits - logits.max())
    return powers / powers.sum()


def check_graphs(bundle: Bundle, frame: Graph, window: Graph, bank: LabelBank) -> None:
    """Raise BundleError if a graph takes what nobody gives, in name or size, or lacks a result."""
    states = set(bundle.manifest.states)
    side = bundle.manifest.pixels.size_px
    of_bank: dict[str, Sizes] = {name: array.shape for name, array in bank.arrays().items()}
    offered: dict[str, Sizes | None] = {"frames": (None, side, side, 3), **of_bank}
    _check_graph(bundle, FRAME_GRAPH, frame, offered, states)
    # The window takes what the frame graph gives, with an axis of time after the first.
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
        wrong = f"takes {sorted(unknown)}" if unknown else f"does not give {sorted(missing)}"
        raise BundleError(f"{bundle.path / file} {wrong}: it is not the graph of this manifest.")
    for name in graph.inputs:
        takes, given = graph.sizes.get(name), offered[name]
        if takes and given and not _fit(takes, given):
            raise BundleError(
                f"{bundle.path / file} takes {name} of {_shown(takes)} and the bundle has "
                f"{_shown(given)}: it is not the graph of this manifest, export the bundle again."
            )


def _fit(takes: Sizes, given: Sizes) -> bool:
    return len(takes) == len(given) and all(
        None in pair or pair[0] == pair[1] for pair in zip(takes, given, strict=True)
    )


def _shown(sizes: Sizes) -> str:
    return " x ".join("any" if size is None else str(size) for size in sizes)
