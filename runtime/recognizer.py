"""The recogniser: a bundle and its labels, ready to say what is in a clip or a stream."""

import logging
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from .bundle import FRAME_GRAPH, WINDOW_GRAPH, Bundle, open_default_bundle
from .clips import Clip, read_clip
from .engine import Graph, OnBuild, open_graph
from .errors import BundleError
from .frames import Source
from .label_choice import choose_labels
from .labels import Label, LabelBank
from .manifest import Manifest
from .results import Recognition, Score
from .sources import open_source
from .stream import Stream, follow
from .text import Progress

# Frames that are encoded at once: more of them only take memory.
BATCH = 16

Array = npt.NDArray[Any]
log = logging.getLogger(__name__)


class Recognizer:
    """A loaded bundle with chosen labels.

    Several streams may share one; it keeps nothing of what it has seen.

    Attributes:
        bundle: the opened bundle.
        bank: the labels in use, embedded.
        device: "cpu", "cuda" or "tensorrt", as the graphs really run.
    """

    def __init__(
        self,
        bundle: Bundle,
        bank: LabelBank,
        *,
        top_k: int = 5,
        threads: int = 0,
        engine: str = "auto",
        on_build: OnBuild | None = None,
    ) -> None:
        """Load the graphs; `load` is the usual way here.

        Raises:
            BundleError: the graphs are not what the manifest says.
            EngineError: no inference engine is installed, or it refuses a graph.
        """
        if top_k < 1:
            raise ValueError(f"a result has at least one label, got {top_k=}")
        self.bundle = bundle
        self.bank = bank
        self._top_k = min(top_k, len(bank.labels))
        self._frame_graph, self._window_graph = (
            open_graph(bundle.path / name, threads=threads, engine=engine, on_build=on_build)
            for name in (FRAME_GRAPH, WINDOW_GRAPH)
        )
        self._bank_arrays = bank.arrays()
        states, arrays = set(self.manifest.states), set(self._bank_arrays)
        _check_graph(bundle, FRAME_GRAPH, self._frame_graph, {"frames"} | arrays, states)
        results = {"logits", "saliency", "scale"}
        _check_graph(bundle, WINDOW_GRAPH, self._window_graph, states | arrays, results)
        self.device = self._frame_graph.device

    @classmethod
    def load(
        cls,
        bundle: str | Path | Bundle | None = None,
        labels: Sequence[str | Label] | None = None,
        *,
        top_k: int = 5,
        threads: int = 0,
        engine: str = "auto",
        progress: Progress | None = None,
        on_build: OnBuild | None = None,
    ) -> "Recognizer":
        """Open a bundle and choose its labels.

        Args:
            bundle: its folder; None takes the newest under runs/, else the one that is shipped,
                which logs a warning that says what it knows.
            labels: what to recognise, names or `Label`s; None takes all that the bundle knows.
            top_k: how many labels a result holds at most.
            threads: CPU threads; 0 leaves it to the engine.
            engine: "auto", "onnxruntime" or "tensorrt", see `engine.open_graph`.
            progress: called with how many texts are embedded, and of how many, if any must be.
            on_build: called with the share that is done and what is being done, if TensorRT
                builds an engine.

        Raises:
            StzsarError: the bundle, the labels or the engine cannot be used.
        """
        if bundle is None:
            bundle = open_default_bundle()
        elif not isinstance(bundle, Bundle):
            bundle = Bundle.open(bundle)
        bank = choose_labels(bundle, labels, threads=threads, progress=progress)
        return cls(bundle, bank, top_k=top_k, threads=threads, engine=engine, on_build=on_build)

    @property
    def manifest(self) -> Manifest:
        """What the bundle says of itself."""
        return self.bundle.manifest

    @property
    def labels(self) -> tuple[Label, ...]:
        """What is recognised, in the order of the logits."""
        return self.bank.labels

    def classify(self, path: str | Path) -> Recognition:
        """Say what is in a whole video file, from T frames spread over it.

        A file that is cut short or damaged is judged by the frames that it has, and a warning is
        logged: a data set should not stop at one bad clip, nor should it go unnoticed.

        Raises:
            SourceError: the file is missing or holds no frame that can be decoded.
        """
        clip = self.read_clip(path)
        if clip.damage:
            log.warning("%s", clip.damage)
        return self.classify_clip(clip, str(path))

    def read_clip(self, path: str | Path) -> Clip:
        """Read from a video file the frames that `classify` looks at."""
        spec = self.manifest
        return read_clip(path, frames=spec.sampling.frames, size_px=spec.pixels.size_px)

    def classify_clip(self, clip: Clip, name: str) -> Recognition:
        """Say what is in a clip that has been read."""
        states = {key: state[None] for key, state in self.encode(clip.images_thwc).items()}
        return self.recognize(name, states, clip.start_s, clip.end_s)

    def stream(
        self, source: Source | str | int | Path, *, rate_fps: float | None = None
    ) -> Iterator[Recognition]:
        """Yield what is recognised over time, one result for each sampled frame.

        Args:
            source: a file, an address, a camera's number, or an opened source. A source that is
                opened here is closed at the end.
            rate_fps: frames that are looked at per second; the bundle's rate if None.

        Raises:
            SourceError: the source cannot be opened, or breaks off.
        """
        opened = open_source(source) if isinstance(source, str | int | Path) else source
        stream = self.open_stream(opened.name, rate_fps=rate_fps, source_fps=opened.fps)
        try:
            for _, recognition in follow(opened, stream):
                if recognition:
                    yield recognition
        finally:
            if opened is not source:
                opened.close()

    def open_stream(
        self, name: str, *, rate_fps: float | None = None, source_fps: float | None = None
    ) -> Stream:
        """Return the state of a new stream, for frames that the caller brings.

        Args:
            name: what its results call the source.
            rate_fps: frames that are looked at per second; the bundle's rate if None.
            source_fps: the stream's own rate where it is known, so that a slow one has no gaps.
        """
        rate_fps = rate_fps or self.manifest.sampling.rate_fps
        return Stream(self, name, rate_fps, source_fps)

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
            states = self._frame_graph({"frames": images, **self._bank_arrays})
            for name in self.manifest.states:
                self._check_result(name, states[name], (len(images), *states[name].shape[1:]))
            batches.append(states)
        return {
            name: np.concatenate([batch[name] for batch in batches])
            for name in self.manifest.states
        }

    def score(self, states: Mapping[str, Array]) -> tuple[Array, Array, float]:
        """Return logits [B, C], saliency [B, C, T] and their scale, for frame states [B, T, ...].

        Raises:
            BundleError: the graph gives other shapes, or numbers that are not finite.
            EngineError: the graph fails.
        """
        results = self._window_graph({**states, **self._bank_arrays})
        logits, saliency, scale = (results[name] for name in ("logits", "saliency", "scale"))
        batch, frames = states[self.manifest.states[0]].shape[:2]
        classes = len(self.labels)
        self._check_result("logits", logits, (batch, classes))
        self._check_result("saliency", saliency, (batch, classes, frames))
        self._check_result("scale", scale, ())
        if not (np.isfinite(logits).all() and np.isfinite(saliency).all() and 0 < scale < np.inf):
            raise BundleError(
                f"The graphs of {self.bundle.path} give numbers that are not finite, or a scale "
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
        frames = states[self.manifest.states[0]].shape[1]
        return Recognition(name, start_s, end_s, frames, tuple(top))

    def _check_result(self, name: str, value: Array, shape: tuple[int, ...]) -> None:
        if value.dtype != np.float32 or value.shape != shape:
            raise BundleError(
                f"The graphs of {self.bundle.path} give {name} as {value.dtype} "
                f"{list(value.shape)} and not as float32 {list(shape)}: export the bundle again."
            )


def softmax(logits: Array) -> Array:
    """Return the softmax of logits [C]; large ones do not overflow."""
    powers = np.exp(logits - logits.max())
    return powers / powers.sum()


def _check_graph(
    bundle: Bundle, file: str, graph: Graph, offered: set[str], wanted: set[str]
) -> None:
    """Raise BundleError if a graph takes what nobody gives, or lacks a result."""
    unknown, missing = set(graph.inputs) - offered, wanted - set(graph.outputs)
    if unknown or missing:
        wrong = f"takes {sorted(unknown)}" if unknown else f"does not give {sorted(missing)}"
        raise BundleError(f"{bundle.path / file} {wrong}: it is not the graph of this manifest.")
