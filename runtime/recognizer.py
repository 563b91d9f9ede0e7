"""The recogniser: a bundle and its labels, ready to say what is in a clip or a stream."""

import logging
from collections.abc import Generator, Sequence
from dataclasses import replace
from pathlib import Path

from .bundle.bundle import FRAME_GRAPH, WINDOW_GRAPH, Bundle, open_default_bundle
from .bundle.manifest import Manifest
from .callbacks import OnBuild, OnEmbedded
from .engines.opening import open_graph
from .engines.timed_graph import timed
from .labels.bank import LabelBank
from .labels.labels import Label, LabelsOf
from .results import Recognition
from .scoring.scorer import Scorer, check_graphs
from .sources.clips import Clip, read_clip
from .sources.frames import Source
from .stages import UNTIMED, Stages
from .streams.stream import Stream, StreamOptions, follow
from .text.choose_labels import choose_labels

log = logging.getLogger(__name__)


class Recognizer:
    """A loaded bundle with chosen labels.

    Several streams may share one; it keeps nothing of what it has seen. Other labels may be chosen
    while streams run, from any thread.

    Attributes:
        bundle: the opened bundle.
        scorer: the graphs with the labels in use; another one after each change of labels.
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
        trust_engines: bool = False,
        on_build: OnBuild | None = None,
        labels_of: LabelsOf | None = None,
        stages: Stages = UNTIMED,
        shipped_attributes: bool = True,
    ) -> None:
        """Load the graphs; `load` is the usual way here.

        `stages` is told of each run of a graph.

        Raises:
            BundleError: the graphs are not what the manifest says.
            EngineError: no inference engine is installed, or it refuses a graph.
        """
        if top_k < 1:
            raise ValueError(f"a result has at least one label, got {top_k=}")
        self.bundle = bundle
        self._top_k, self._threads = top_k, threads
        self._shipped_attributes = shipped_attributes
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
        self.device = self._frame.device
        self.scorer = self._bind(bank, labels_of)

    @classmethod
    def load(
        cls,
        bundle: str | Path | Bundle | None = None,
        labels: Sequence[str | Label] | None = None,
        *,
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
            bundle: its folder; None takes the newest under runs/, else the one that is shipped,
                which logs a warning that says what it knows.
            labels: what to recognise, names or `Label`s; None takes all that the bundle knows.
            top_k: how many labels a result holds at most.
            threads: CPU threads; 0 leaves it to the engine.
            engine: "auto" or another of `engine.ENGINES`, see `engine.open_graph`.
            trust_engines: whether to take TensorRT engines that others made, which can run code.
            progress: called with how many texts are embedded, and of how many, if any must be.
            on_build: called with the share that is done and what is being done, if TensorRT
                builds an engine.
            labels_of: see `use_labels`.
            shipped_attributes: whether labels that the bundle does not know, but stzsar does by
                name, get the attributes that ship with it; also those of `use_labels`.

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
            shipped_attributes=shipped_attributes,
        )

    @property
    def manifest(self) -> Manifest:
        """What the bundle says of itself."""
        return self.bundle.manifest

    @property
    def labels(self) -> tuple[Label, ...]:
        """What is recognised, in the order of the logits."""
        return self.scorer.labels

    def use_labels(
        self,
        labels: Sequence[str | Label] | None,
        *,
        labels_of: LabelsOf | None = None,
        progress: OnEmbedded | None = None,
    ) -> None:
        """Recognise other labels from the next window on; streams that run lose no frame.

        Args:
            labels: names or `Label`s; None takes all that the bundle knows.
            labels_of: for each source that is about fewer of them, which.
            progress: as in `load`.

        Raises:
            StzsarError: the labels cannot be used; those from before stay.
        """
        bank = choose_labels(
            self.bundle,
            labels,
            threads=self._threads,
            progress=progress,
            shipped_attributes=self._shipped_attributes,
        )
        self.scorer = self._bind(bank, labels_of)

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
        scorer = self.scorer
        states = {key: state[None] for key, state in scorer.encode(clip.images_thwc).items()}
        found = scorer.recognize(name, states, clip.start_s, clip.end_s)
        gap_s = (clip.end_s - clip.start_s) / max(1, found.frames - 1)
        return replace(found, encoded=found.frames, gap_s=gap_s)

    def stream(
        self, source: Source | str | int | Path, options: StreamOptions | None = None
    ) -> Generator[Recognition, None, None]:
        """Yield what is recognised over time, one result for each sampled frame.

        Args:
            source: a file, an address, a camera's number, or an opened source. A camera or stream
                is read in a thread of its own, gives its newest frame, and is opened again when
                it is lost.
            options: how it is looked at; see `StreamOptions`.

        Raises:
            SourceError: the source cannot be opened, or breaks off.
        """
        if isinstance(source, str | int | Path):
            from .streams.one_source import recognitions

            yield from recognitions(self, source, options)
        else:
            yield from follow(source, Stream(self, source.name, options, source_fps=source.fps))

    def open_stream(
        self,
        name: str,
        options: StreamOptions | None = None,
        *,
        source_fps: float | None = None,
    ) -> Stream:
        """Return the state of a new stream, for frames that the caller brings.

        Args:
            name: what its results call the source.
            options: how it is looked at; see `StreamOptions`.
            source_fps: the stream's own rate where it is known, so that a slow one has no gaps.
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
