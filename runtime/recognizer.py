"""The recogniser: a bundle and its labels, loaded to recognise actions in clips and streams."""

import logging
from collections.abc import Generator, Sequence
from pathlib import Path

import numpy as np

from .bundle.bundle import FRAME_GRAPH, WINDOW_GRAPH, Bundle, open_default_bundle
from .bundle.manifest import Manifest
from .callbacks import OnBuild, OnEmbedded
from .engines.opening import open_graph
from .engines.timed_graph import timed
from .labels.bank import LabelBank
from .labels.labels import Label, LabelsOf
from .results import Recognition
from .scoring.scorer import Scorer, check_graphs
from .scoring.window import FrameRing
from .sources.clips import Clip, read_clip
from .sources.frames import Source
from .sources.spec import spec_of
from .stages import UNTIMED, Stages
from .streams.stream import Stream, StreamOptions
from .text.choose_labels import choose_labels

log = logging.getLogger(__name__)


class Recognizer:
    """A loaded bundle with chosen labels.

    Several streams may share one: it holds no state of any stream. Labels may change while streams
    run, from any thread.

    Attributes:
        bundle: the opened bundle.
        scorer: the graphs with the labels in use; replaced when the labels change.
        device: "cpu", "cuda" or "tensorrt", where the graphs really run.
    """

    def __init__(
        self,
        bundle: Bundle,
        bank: LabelBank,
        *,
        top_k: int = 5,
        threads: int = 0,
        engine: str = "auto",
        trust_engines: bool = False,
        on_build: OnBuild | None = None,
        labels_of: LabelsOf | None = None,
        stages: Stages = UNTIMED,
        context: Sequence[Label] = (),
        shipped_attributes: bool = True,
    ) -> None:
        """Load the graphs; `load` finds the bundle and the labels, too.

        `stages` times each run of a graph.

        Raises:
            BundleError: the graphs do not fit the manifest.
            EngineError: no inference engine is installed, or it refuses a graph.
        """
        if top_k < 1:
            raise ValueError(f"a result has at least one label, got {top_k=}")
        self.bundle: Bundle = bundle
        self._top_k, self._threads = top_k, threads
        self._shipped_attributes = shipped_attributes
        self._context = tuple(context)
        self._frame, self._window = (
            open_graph(
                bundle.path / name,
                threads=threads,
                engine=engine,
                constants=bank.arrays(),
                trust_engines=trust_engines,
                on_build=on_build,
            )
            for name in (FRAME_GRAPH, WINDOW_GRAPH)
        )
        check_graphs(bundle, self._frame, self._window, bank)
        self._frame = timed(self._frame, "frame graph", stages)
        self._window = timed(self._window, "window graph", stages)
        self.device: str = self._frame.device
        self.scorer: Scorer = self._bind(bank, labels_of)

    @classmethod
    def load(
        cls,
        bundle: str | Path | Bundle | None = None,
        labels: Sequence[str | Label] | None = None,
        *,
        ignore: Sequence[str | Label] = (),
        context: Sequence[Label] = (),
        top_k: int = 5,
        threads: int = 0,
        engine: str = "auto",
        trust_engines: bool = False,
        progress: OnEmbedded | None = None,
        on_build: OnBuild | None = None,
        labels_of: LabelsOf | None = None,
        shipped_attributes: bool = True,
    ) -> "Recognizer":
        """Open a bundle and choose its labels.

        Args:
            bundle: its folder; None takes the newest under runs/, else the shipped one, with a
                warning that says what it knows.
            labels: names or `Label` objects; None takes all labels of the bundle.
            ignore: what is ordinary here: it competes with the labels and is never reported.
            context: labels that a calibration measures with, see `Calibration.context`.
            top_k: the most labels that a result holds.
            threads: CPU threads; 0 leaves the number to the engine.
            engine: "auto" or another of `engines.opening.ENGINES`.
            trust_engines: load TensorRT engines that others built; an engine can run code.
            progress: called while labels are embedded, with the number of texts done and of all.
            on_build: called while TensorRT builds an engine, with the share done and the phase.
            labels_of: see `use_labels`.
            shipped_attributes: use the attributes that stzsar ships for labels that it knows by
                name and the bundle does not.

        Raises:
            StzsarError: the bundle, the labels or the engine cannot be used.
        """
        if bundle is None:
            bundle = open_default_bundle()
        elif not isinstance(bundle, Bundle):
            bundle = Bundle.open(bundle)
        bank = choose_labels(
            bundle,
            labels,
            ignore=ignore,
            context=context,
            threads=threads,
            progress=progress,
            shipped_attributes=shipped_attributes,
        )
        return cls(
            bundle,
            bank,
            top_k=top_k,
            threads=threads,
            engine=engine,
            trust_engines=trust_engines,
            on_build=on_build,
            labels_of=labels_of,
            context=context,
            shipped_attributes=shipped_attributes,
        )

    @property
    def manifest(self) -> Manifest:
        """The bundle's manifest."""
        return self.bundle.manifest

    @property
    def labels(self) -> tuple[Label, ...]:
        """The labels in use, in the order of the logits; their roles say what each is for."""
        return self.scorer.labels

    def use_labels(
        self,
        labels: Sequence[str | Label] | None,
        *,
        ignore: Sequence[str | Label] = (),
        labels_of: LabelsOf | None = None,
        progress: OnEmbedded | None = None,
    ) -> None:
        """Recognise other labels from the next window on; running streams lose no frame.

        Args:
            labels: names or `Label` objects; None takes all labels of the bundle.
            ignore: see `load`.
            labels_of: names of the labels that compete in a source, if these are not all.
            progress: see `load`.

        Raises:
            StzsarError: the labels cannot be used; the old ones stay in use.
        """
        bank = choose_labels(
            self.bundle,
            labels,
            ignore=ignore,
            context=self._context,
            threads=self._threads,
            progress=progress,
            shipped_attributes=self._shipped_attributes,
        )
        self.scorer = self._bind(bank, labels_of)

    def classify(self, path: str | Path) -> Recognition:
        """Classify a whole video file, from T frames spread over it.

        A truncated or damaged file is classified by the frames that it has, with a warning.

        Raises:
            SourceError: the file is missing, or none of its frames can be decoded.
        """
        clip = self.read_clip(path)
        if clip.damage:
            log.warning("%s", clip.damage)
        return self.classify_clip(clip, str(path))

    def read_clip(self, path: str | Path) -> Clip:
        """Read the frames that `classify` uses from a video file."""
        spec = self.manifest
        return read_clip(path, frames=spec.sampling.frames, size_px=spec.pixels.size_px)

    def classify_clip(self, clip: Clip, name: str) -> Recognition:
        """Classify a clip that `read_clip` returned."""
        scorer, frames = self.scorer, len(clip.images_thwc)
        times_s = np.linspace(clip.start_s, clip.end_s, frames).tolist()
        return scorer.recognize(name, FrameRing.of(scorer.encode(clip.images_thwc), times_s))

    def stream(
        self, source: Source | str | int | Path, options: StreamOptions | None = None
    ) -> Generator[Recognition, None, None]:
        """Yield what is recognised over time, one result for each sampled frame.

        A thread reads the source. Of a camera or network stream it keeps the newest frame only, and
        it reconnects when the stream is lost.

        Args:
            source: a file, an address, a camera's number, or a source that is open already, which
                stays open.
            options: how it is sampled.

        Raises:
            SourceError: the source cannot be opened, or breaks off.
        """
        from .streams.loop import recognitions

        is_open = not isinstance(source, str | int | Path)
        yield from recognitions(self, source if is_open else spec_of(source), options)

    def open_stream(
        self,
        name: str,
        options: StreamOptions | None = None,
        *,
        source_fps: float | None = None,
    ) -> Stream:
        """Return a new stream, to `push` frames that you read yourself.

        Args:
            name: what its results call the source.
            options: how it is sampled.
            source_fps: the stream's own rate, if known; without it a slow one starts with a gap.
        """
        return Stream(self, name, options, source_fps=source_fps)

    def _bind(self, bank: LabelBank, labels_of: LabelsOf | None = None) -> Scorer:
        return Scorer(
            self.bundle,
            bank,
            frame=self._frame,
            window=self._window,
            top_k=self._top_k,
            labels_of=labels_of,
        )
