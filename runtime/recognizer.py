"""The recogniser: a bundle and its labels, loaded to recognise actions in clips and streams."""

import logging
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal, cast, overload

from . import notebook
from .bundle.bundle import FRAME_GRAPH, WINDOW_GRAPH, Bundle, open_default_bundle, warn_of_fallback
from .bundle.manifest import Manifest
from .callbacks import OnBuild, OnEmbedded
from .decisions.calibration import Calibration
from .decisions.policy import Policy, policy_from
from .engines.graph import Graph
from .engines.opening import open_graph
from .engines.timed_graph import timed
from .errors import CalibrationError, StzsarError
from .labels.bank import LabelBank
from .labels.label_files import LabelsLike, labels_from
from .labels.labels import Label, LabelsOf, actions, identity_of
from .results import ActionEvent, Recognition
from .scoring.scorer import Scorer, check_graphs
from .sources.clips import Clip, read_clip
from .sources.given import ClipLike, SourceLike, clips_in, is_list_of_clips, sources_from
from .stages import UNTIMED, Stages
from .streams.lane import PolicyFor
from .streams.result_stream import ResultStream
from .streams.stream import Stream, StreamOptions
from .streams.whole_clips import classify_clips, ring_of
from .text.choose_labels import choose_labels, with_context

log = logging.getLogger(__name__)


class Recognizer:
    """A loaded bundle with chosen labels.

    Several streams may share one: it holds no state of any stream. Labels may change while streams
    run, from any thread.

    Attributes:
        bundle: the opened bundle.
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
        seen_bias: float | None = None,
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
        self._shipped_attributes, self._seen_bias = shipped_attributes, seen_bias
        self._context = tuple(context)
        frame, window = (
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
        check_graphs(bundle, frame, window, bank)
        self._graphs: dict[str, Graph] = {
            "frame": timed(frame, "frame graph", stages),
            "window": timed(window, "window graph", stages),
        }
        self.device: str = frame.device
        self._scorer: Scorer | None = self._bind(bank, labels_of)

    @classmethod
    def load(
        cls,
        bundle: str | Path | Bundle | None = None,
        labels: LabelsLike | None = None,
        *,
        ignore: LabelsLike | None = None,
        context: Sequence[Label] = (),
        top_k: int = 5,
        threads: int = 0,
        engine: str = "auto",
        trust_engines: bool = False,
        progress: OnEmbedded | None = None,
        on_build: OnBuild | None = None,
        labels_of: LabelsOf | None = None,
        shipped_attributes: bool = True,
        seen_bias: float | None = None,
    ) -> "Recognizer":
        """Open a bundle and choose its labels.

        Args:
            bundle: its folder; None takes the newest under runs/, else the shipped one, with a
                warning that says what it knows. Unnamed, it refuses labels of which it knows no
                word.
            labels: a list of names or `Label` objects, a label file's path, or what a label file
                may hold; None takes all labels of the bundle.
            ignore: what is ordinary here, in the same forms: it competes with the labels and is
                never reported.
            context: labels that a calibration measures with, see `Calibration.context`; `stream`
                adds those of its own calibration.
            top_k: the most labels that a result holds.
            threads: CPU threads; 0 leaves the number to the engine.
            engine: "auto" or another of `engines.opening.ENGINES`.
            trust_engines: load TensorRT engines that others built; an engine can run code.
            progress: called while labels are embedded, with the number of texts done and of all.
            on_build: called while TensorRT builds an engine, with the share done and the phase.
            labels_of: see `use_labels`.
            shipped_attributes: use the attributes that stzsar ships for labels that it knows by
                name and the bundle does not.
            seen_bias: subtract this from the logits of labels that training saw, where they compete
                with others; None takes what training measured, 0 nothing.

        Raises:
            StzsarError: the bundle, the labels or the engine cannot be used.
        """
        if bundle is None:
            bundle = open_default_bundle()
        elif not isinstance(bundle, Bundle):
            bundle = Bundle.open(bundle)
        bank = choose_labels(
            bundle,
            None if labels is None else labels_from(labels),
            ignore=labels_from(ignore) if ignore else (),
            context=context,
            threads=threads,
            progress=progress,
            shipped_attributes=shipped_attributes,
        )
        warn_of_fallback(bundle)
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
            seen_bias=seen_bias,
        )

    def __enter__(self) -> "Recognizer":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Release the graphs and their memory; the end of a `with` block does it, too."""
        self._scorer = None
        self._graphs.clear()

    def __repr__(self) -> str:
        if self._scorer is None:
            return f"Recognizer({self.manifest.name!r}, closed)"
        count = len(actions(self.labels))
        return f"Recognizer({self.manifest.name!r}, {count} labels, on {self.device})"

    def _repr_html_(self) -> str:
        """Return a table of the labels, which notebooks show."""
        labels = () if self._scorer is None else actions(self.labels)
        rows = [(label.name, label.attributes) for label in labels]
        return notebook.labels_table(repr(self), rows)

    @property
    def scorer(self) -> Scorer:
        """The graphs with the labels in use; another one once the labels change.

        Raises:
            StzsarError: the recogniser is closed.
        """
        if self._scorer is None:
            raise StzsarError("This recogniser is closed: load another one.")
        return self._scorer

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
        labels: LabelsLike | None,
        *,
        ignore: LabelsLike | None = None,
        labels_of: LabelsOf | None = None,
        progress: OnEmbedded | None = None,
    ) -> None:
        """Recognise other labels from the next window on; running streams lose no frame.

        Args:
            labels: see `load`.
            ignore: see `load`.
            labels_of: names of the labels that compete in a source, if these are not all.
            progress: see `load`.

        Raises:
            StzsarError: the labels cannot be used; the old ones stay in use.
        """
        _ = self.scorer  # a closed one takes no labels
        bank = choose_labels(
            self.bundle,
            None if labels is None else labels_from(labels),
            ignore=labels_from(ignore) if ignore else (),
            context=self._context,
            threads=self._threads,
            progress=progress,
            shipped_attributes=self._shipped_attributes,
        )
        self._scorer = self._bind(bank, labels_of)

    @overload
    def classify(self, clip: ClipLike, *, policy: Policy | None = None) -> Recognition: ...

    @overload
    def classify(
        self, clip: Sequence[ClipLike], *, policy: Policy | None = None
    ) -> list[Recognition]: ...

    def classify(
        self, clip: ClipLike | Sequence[ClipLike], *, policy: Policy | None = None
    ) -> Recognition | list[Recognition]:
        """Classify a whole clip, from T frames spread over it; or each of a list of clips.

        A truncated or damaged file is classified by the frames that it has, with a warning.

        Args:
            clip: a video file, the address of one, uint8 [T, H, W, 3] in BGR, an iterator of
                frames [H, W, 3] or of pairs (time in seconds, frame), or `Frames`. In a list, a
                folder or a pattern stands for all its videos.
            policy: what decides on a label; None takes the default of `Policy`.

        Returns:
            A result with its decision; for a list of clips, a list in the same order.

        Raises:
            SourceError: it is no clip, or none of its frames can be decoded.
        """
        many = is_list_of_clips(clip)
        clips = clips_in(clip) if many else [cast(ClipLike, clip)]
        results = classify_clips(
            self.scorer, self.manifest, clips, policy_from(policy), top_k=self._top_k
        )
        return results if many else results[0]

    def read_clip(self, path: str | Path) -> Clip:
        """Read the frames that `classify` uses from a video file."""
        spec = self.manifest
        return read_clip(path, frames=spec.sampling.frames, size_px=spec.pixels.size_px)

    def classify_clip(self, clip: Clip, name: str) -> Recognition:
        """Classify a clip that `read_clip` returned, without a decision."""
        scorer = self.scorer
        return scorer.recognize(name, ring_of(scorer.encode(clip.images_thwc), clip))

    @overload
    def stream(
        self,
        source: SourceLike,
        options: StreamOptions | None = None,
        *,
        policy: Policy | None = None,
        calibration: str | Path | None = None,
        events: Literal[False] = False,
    ) -> ResultStream[Recognition]: ...

    @overload
    def stream(
        self,
        source: SourceLike,
        options: StreamOptions | None = None,
        *,
        policy: Policy | None = None,
        calibration: str | Path | None = None,
        events: Literal[True],
    ) -> ResultStream[Recognition | ActionEvent]: ...

    def stream(
        self,
        source: SourceLike,
        options: StreamOptions | None = None,
        *,
        policy: Policy | None = None,
        calibration: str | Path | None = None,
        events: bool = False,
    ) -> ResultStream[Recognition] | ResultStream[Recognition | ActionEvent]:
        """Return what is recognised over time, one result for each sampled frame.

        Iterate over it with `for`, or in asyncio with `async for`. A thread reads the source. Of a
        camera or network stream it keeps the newest frame only, and it reconnects when the stream
        is lost. Each result has the decision that `stzsar-run` would make.

        Args:
            source: a file, a folder or pattern of files, which are read one after the other, an
                address, a camera's number, uint8 [T, H, W, 3] in BGR, an iterator of frames
                [H, W, 3] or of pairs (time in seconds, frame), `Frames`, or a `Source` that is
                open already, which stays open.
            options: how it is sampled.
            policy: what decides on a label, and when that is an event; None takes the default of
                `Policy`.
            calibration: a file of thresholds that `stzsar-run --calibrate` wrote.
            events: give the start and the end of each action, too, between the results.

        Raises:
            SourceError: the source cannot be opened, or breaks off: once results are asked for.
            CalibrationError: the calibration cannot be read, or belongs to another bundle.
        """
        from .streams import loop, plan  # bring the terminal's rich

        policy, options = policy_from(policy), options or StreamOptions()
        sources = sources_from(source, rate_fps=self.manifest.sampling.rate_fps)
        top = options.top_k or self._top_k
        options = replace(options, top_k=max(top, policy.labels_needed))
        policy_for = self._policy_for(policy, calibration, options)
        plans = [plan.plan_of(one, options, policy_for) for one in sources]
        return loop.results_of(self, plans, top=top, events=events)

    def _policy_for(
        self, policy: Policy, calibration: str | Path | None, options: StreamOptions
    ) -> PolicyFor:
        _ = self.scorer  # a closed one has no labels
        if calibration is None:
            return lambda _labels: policy
        if not isinstance(calibration, str | Path):
            raise CalibrationError(
                f"A calibration is a file, and {type(calibration).__name__} is no path: give what "
                "stzsar-run --calibrate wrote."
            )
        found = Calibration.read(Path(calibration))
        self.measure_with(found.context)
        return found.policy_for(
            policy, self.manifest, self.labels, sampling=options.sampling(self.manifest)
        )

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

    def measure_with(self, context: Sequence[Label]) -> None:
        """Score the labels of a calibration's context beside the others, now and later."""
        known = {identity_of(label) for label in self._context}
        self._context += tuple(label for label in context if identity_of(label) not in known)
        scorer = self.scorer
        bank = with_context(scorer.bank, self.bundle, self._context, threads=self._threads)
        if bank is not scorer.bank:
            self._scorer = self._bind(bank, scorer.labels_of)

    def _bind(self, bank: LabelBank, labels_of: LabelsOf | None = None) -> Scorer:
        return Scorer(
            self.bundle,
            bank,
            **self._graphs,
            top_k=self._top_k,
            labels_of=labels_of,
            seen_bias=self._seen_bias,
        )
