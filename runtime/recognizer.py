"""The recogniser: a bundle and its labels, ready to say what is in a clip or a stream."""

import logging
from collections.abc import Iterator, Sequence
from pathlib import Path

from .bundle import FRAME_GRAPH, WINDOW_GRAPH, Bundle, open_default_bundle
from .clips import Clip, read_clip
from .engine import OnBuild, open_graph
from .label_choice import choose_labels
from .labels import Label, LabelBank
from .manifest import Manifest
from .results import Recognition
from .scorer import Scorer, check_graphs
from .sources.frames import Source
from .sources.uri import open_source
from .stream import Stream, follow
from .text import Progress

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
    ) -> None:
        """Load the graphs; `load` is the usual way here.

        Raises:
            BundleError: the graphs are not what the manifest says.
            EngineError: no inference engine is installed, or it refuses a graph.
        """
        if top_k < 1:
            raise ValueError(f"a result has at least one label, got {top_k=}")
        self.bundle = bundle
        self._top_k, self._threads = top_k, threads
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
        self.device = self._frame.device
        self.scorer = self._bind(bank)

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
            engine: "auto" or another of `engine.ENGINES`, see `engine.open_graph`.
            trust_engines: whether to take TensorRT engines that others made, which can run code.
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
        return cls(
            bundle,
            bank,
            top_k=top_k,
            threads=threads,
            engine=engine,
            trust_engines=trust_engines,
            on_build=on_build,
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
        self, labels: Sequence[str | Label] | None, *, progress: Progress | None = None
    ) -> None:
        """Recognise other labels from the next window on; streams that run lose no frame.

        Args:
            labels: names or `Label`s; None takes all that the bundle knows.
            progress: as in `load`.

        Raises:
            StzsarError: the labels cannot be used; those from before stay.
        """
        bank = choose_labels(self.bundle, labels, threads=self._threads, progress=progress)
        self.scorer = self._bind(bank)

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
        return scorer.recognize(name, states, clip.start_s, clip.end_s)

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

    def _bind(self, bank: LabelBank) -> Scorer:
        return Scorer(self.bundle, bank, frame=self._frame, window=self._window, top_k=self._top_k)
