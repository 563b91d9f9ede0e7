"""One stream of frames: its sampling, its window, and when the window starts anew."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from time import monotonic
from typing import Any, Protocol

import numpy.typing as npt

from ..bundle.manifest import Manifest, SamplingSpec
from ..preprocessing.motion import MotionGate
from ..preprocessing.pixels import fit_frame
from ..preprocessing.sampling import RateSampler
from ..results import Recognition
from ..scoring.scorer import Scorer
from ..scoring.window import FrameRing, State, WindowFrame

# One sampled frame may be missing; two in a row are a gap.
GAP_INTERVALS = 2.5

Array = npt.NDArray[Any]


class WindowRecognizer(Protocol):
    """What streams need of a recogniser."""

    @property
    def manifest(self) -> Manifest:
        """The bundle's manifest."""
        ...

    @property
    def scorer(self) -> Scorer:
        """The graphs with the labels in use now."""
        ...


@dataclass(frozen=True, kw_only=True)
class StreamOptions:
    """How a stream is sampled, and what its results hold.

    Attributes:
        rate_fps: frames sampled per second; None takes the bundle's rate.
        frames: frames of a window; None takes the bundle's number.
        motion_gate: encode a frame only if it changed by this much of 255; None encodes all.
        explain: explain each result.
        keep_features: return the embeddings of frames and patches too, for a recording.
        top_k: the most labels that a result holds; None is the recogniser's number.
    """

    rate_fps: float | None = None
    frames: int | None = None
    motion_gate: float | None = None
    explain: bool = False
    keep_features: bool = False
    top_k: int | None = None

    @property
    def features(self) -> bool:
        """Whether the stream needs features beside the frame states."""
        return self.explain or self.keep_features

    def sampling(self, manifest: Manifest) -> SamplingSpec:
        """Return the frames of a window and their rate, for a bundle."""
        default = manifest.sampling
        return SamplingSpec(
            frames=self.frames or default.frames, rate_fps=self.rate_fps or default.rate_fps
        )


@dataclass(frozen=True, eq=False)
class Prepared:
    """A frame that is ready to encode."""

    image: Array  # uint8 [S, S, 3], BGR
    time_s: float  # its time in the stream, in seconds
    breaks: bool  # whether a new window starts with it
    alike: bool  # whether it looks like the last encoded frame and takes that one's state
    clock: float | None = None  # when it was captured, in seconds since 1970; None for a file
    captured_s: float | None = None  # the same by `time.monotonic`; None for a file


class Stream:
    """The state of one stream between its frames, wherever these come from.

    Ask `due` for every frame, in order, and `push` those that are:

        if stream.due(time_s) and (recognition := stream.push(image_hwc, time_s)):
            print(recognition.label)

    `push` calls `adopt`, `prepare` and `accept`. A batcher, which encodes the frames of many
    streams together, calls them itself.

    A window never spans a change of the picture's size, a step back in time, or a gap. A gap is
    longer than 2.5 times the usual interval: the sampling period or, in a slower stream, the
    interval before. So a camera with one frame a second still fills windows, and a cable that was
    unplugged for a second does not join what happened before and after. A window that is dropped
    before it was full gives no result.

    When the recogniser's labels change, the stream encodes the frames of its window again, since
    frame states may depend on the labels: the next result already has the new labels.

    Attributes:
        name: what results call the source.
        options: how it is sampled.
    """

    def __init__(
        self,
        recognizer: WindowRecognizer,
        name: str,
        options: StreamOptions | None = None,
        *,
        source_fps: float | None = None,
    ) -> None:
        self.name: str = name
        self.options: StreamOptions = options or StreamOptions()
        sampling = self.options.sampling(recognizer.manifest)
        gate = self.options.motion_gate
        self._recognizer = recognizer
        self._sampler = RateSampler(sampling.rate_fps)
        self._source_fps = source_fps
        self._ring = FrameRing(sampling.frames)
        self._window_s = sampling.window_s
        self._gate = MotionGate(gate) if gate else None
        self._scorer = recognizer.scorer
        self._delay_s = self._next_delay_s = 0.0
        self._shape: tuple[int, ...] | None = None
        self._last_s: float | None = None
        self._usual_s = self._period_s
        self._has_result = False

    @property
    def rate_fps(self) -> float:
        """Frames sampled per second."""
        return 1 / self._sampler.period_s

    @rate_fps.setter
    def rate_fps(self, rate_fps: float) -> None:
        self._sampler.use_rate(rate_fps)
        self._usual_s = max(self._usual_s, self._period_s)

    @property
    def scorer(self) -> Scorer:
        """The graphs with the labels that its window is encoded for."""
        return self._scorer

    @property
    def newest(self) -> WindowFrame:
        """The frame accepted last."""
        return self._ring.newest

    @property
    def window(self) -> tuple[WindowFrame, ...]:
        """The frames of the window so far, oldest first."""
        return self._ring.frames()

    @property
    def _period_s(self) -> float:
        return max(self._sampler.period_s, 1 / self._source_fps if self._source_fps else 0.0)

    def due(self, time_s: float) -> bool:
        """Say whether the sampling rate asks for the frame at `time_s`."""
        return self._sampler.due(time_s)

    def push(self, image_hwc: Array, time_s: float) -> Recognition | None:
        """Encode a due frame, uint8 [H, W, 3] BGR; return a result once the window is full."""
        scorer, start_s = self._recognizer.scorer, monotonic()
        if self.adopt(scorer):
            self.excuse(monotonic() - start_s)
        frame = self.prepare(image_hwc, time_s)
        if frame.alike:
            return self.accept(frame, None)
        states = scorer.encode(frame.image[None], features=self.options.features)
        return self.accept(frame, {name: state[0] for name, state in states.items()})

    def adopt(self, scorer: Scorer) -> bool:
        """Switch to other labels between two frames; return False if they are the same."""
        if scorer is self._scorer:
            return False
        self._renew(scorer)
        return True

    def use(self, *, explain: bool | None = None, keep_features: bool | None = None) -> bool:
        """Hold more or less in results and states from now on; return whether that is a change."""
        before = self.options
        self.options = replace(
            before,
            explain=before.explain if explain is None else explain,
            keep_features=before.keep_features if keep_features is None else keep_features,
        )
        if self.options.features != before.features:
            self._renew(self._scorer)
        return self.options != before

    def excuse(self, delay_s: float) -> None:
        """Allow the frame after the next to come this much later without a gap."""
        self._next_delay_s += delay_s

    def prepare(
        self,
        image_hwc: Array,
        time_s: float,
        *,
        breaks: bool = False,
        clock: float | None = None,
        captured_s: float | None = None,
    ) -> Prepared:
        """Fit the next due frame to the network; encode it and `accept` it next.

        Args:
            image_hwc: uint8 [H, W, 3], BGR, of any size.
            time_s: its time in the stream, in seconds.
            breaks: start a new window, whatever its time says.
            clock: see `Prepared`.
            captured_s: see `Prepared`.
        """
        breaks = breaks or self._is_break(image_hwc.shape, time_s)
        self._remember(image_hwc.shape, time_s)
        image = fit_frame(image_hwc, self._recognizer.manifest.pixels.size_px)
        if self._gate and breaks:
            self._gate.forget()
        alike = self._gate is not None and not self._gate.opens(image)
        return Prepared(image, time_s, breaks, alike, clock, captured_s)

    def accept(self, frame: Prepared, state: State | None) -> Recognition | None:
        """Add what `prepare` returned, in order; return a result once the window is full.

        The state has one array [...] for each name; None takes that of the frame before, for a
        frame that is `alike`.
        """
        if frame.breaks:
            self._flush()
        encoded = state is not None
        state = self._ring.newest.state if state is None else state
        self._ring.push(
            WindowFrame(state, frame.time_s, encoded, frame.image, frame.clock, frame.captured_s)
        )
        return self._recognize() if self._ring.full else None

    def finish(self) -> Recognition | None:
        """End the stream; return the result of a window that never filled, if there is one.

        So a clip that is shorter than a window has a result too.
        """
        rest = None if self._has_result or not len(self._ring) else self._recognize()
        self._flush()
        self._shape = self._last_s = None
        self._sampler.reset()
        if self._gate:
            self._gate.forget()
        return rest

    def _renew(self, scorer: Scorer) -> None:
        """Encode the frames of the window again."""
        if len(self._ring):
            states = scorer.encode(self._ring.images(), features=self.options.features)
            self._ring.replace(_rows(states, len(self._ring)))
        self._scorer = scorer

    def _recognize(self) -> Recognition:
        self._has_result = True
        return self._scorer.recognize(
            self.name,
            self._ring,
            rate_fps=self.rate_fps,
            explained=self.options.explain,
            top_k=self.options.top_k,
        )

    def _is_break(self, shape: tuple[int, ...], time_s: float) -> bool:
        if self._last_s is None:
            return False
        interval_s = time_s - self._last_s
        longest_s = GAP_INTERVALS * self._usual_s + self._delay_s
        return shape != self._shape or interval_s < 0 or interval_s > longest_s

    def _remember(self, shape: tuple[int, ...], time_s: float) -> None:
        if self._last_s is not None:
            interval_s = time_s - self._last_s - self._delay_s
            # An interval longer than a window is a gap, never the usual one.
            self._usual_s = max(self._period_s, min(interval_s, self._window_s))
        self._shape, self._last_s = shape, time_s
        self._delay_s, self._next_delay_s = self._next_delay_s, 0.0

    def _flush(self) -> None:
        self._ring.flush()
        self._has_result = False


def _rows(states: Mapping[str, Array], count: int) -> Sequence[State]:
    return [{name: state[row] for name, state in states.items()} for row in range(count)]
