"""One stream of frames: its sampling, its ring, and when the ring must be emptied."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from time import monotonic
from typing import Any, Protocol

import numpy.typing as npt

from ..bundle.manifest import Manifest, SamplingSpec
from ..errors import SourceError
from ..preprocessing.motion import MotionGate
from ..preprocessing.pixels import fit_frame
from ..preprocessing.sampling import RateSampler
from ..results import Recognition
from ..scoring.scorer import Scorer
from ..scoring.window import FrameRing, State, WindowFrame
from ..sources.frames import Source

# One sampled frame may be missing; two in a row are a gap.
GAP_INTERVALS = 2.5

Array = npt.NDArray[Any]


class WindowRecognizer(Protocol):
    """What a stream needs of the recogniser that it belongs to."""

    @property
    def manifest(self) -> Manifest:
        """What the bundle says of itself."""
        ...

    @property
    def scorer(self) -> Scorer:
        """The graphs with the labels that are in use now."""
        ...


@dataclass(frozen=True, kw_only=True)
class StreamOptions:
    """How a stream is looked at.

    Attributes:
        rate_fps: frames looked at per second; the bundle's rate if None.
        frames: frames of a window; the bundle's if None.
        motion_gate: how much of 255 a picture must change to be encoded again; None always does.
        explain: whether each result says why.
        keep_features: whether a recording wants the embeddings of frames and patches.
    """

    rate_fps: float | None = None
    frames: int | None = None
    motion_gate: float | None = None
    explain: bool = False
    keep_features: bool = False

    @property
    def features(self) -> bool:
        """Whether more than the states of frames is wanted."""
        return self.explain or self.keep_features

    def sampling(self, manifest: Manifest) -> SamplingSpec:
        """Return the frames of a window and their rate, for a bundle."""
        usual = manifest.sampling
        return SamplingSpec(
            frames=self.frames or usual.frames, rate_fps=self.rate_fps or usual.rate_fps
        )


@dataclass(frozen=True, eq=False)
class Prepared:
    """A frame that is ready to be encoded.

    Attributes:
        image: uint8 [S, S, 3], BGR.
        time_s: its time in the stream, in seconds.
        breaks: whether the window before it is over.
        alike: whether it looks like the last one that was encoded, and need not be.
    """

    image: Array
    time_s: float
    breaks: bool
    alike: bool


class Stream:
    """The state of one stream between its frames; it never sees where they come from.

    Ask `due` of every frame, in order, and `push` those that are:

        if stream.due(time_s) and (recognition := stream.push(image_hwc, time_s)):
            print(recognition.label)

    `push` is `adopt`, `prepare` and `accept` in one; who encodes the frames of many streams in one
    batch calls these.

    A window never spans a change of the picture's size, time that goes back, or a gap. A gap is
    longer than two and a half times what is usual here: the sampling period or, in a stream that
    is slower than that, the interval before. So a camera of one frame a second still fills
    windows, and a cable that was pulled for a second does not join what happened before and after.
    Frames that are flushed before they filled a window give no result.

    When the recogniser's labels change, the frames of the window are encoded once more, since their
    states may depend on the labels: the next result is one of a full window with the new labels.

    Attributes:
        name: what results call the source.
        options: how it is looked at.
    """

    def __init__(
        self,
        recognizer: WindowRecognizer,
        name: str,
        options: StreamOptions | None = None,
        *,
        source_fps: float | None = None,
    ) -> None:
        options = options or StreamOptions()
        sampling = options.sampling(recognizer.manifest)
        self.name = name
        self.options = options
        self._recognizer = recognizer
        self._sampler = RateSampler(sampling.rate_fps)
        self._source_fps = source_fps
        self._ring = FrameRing(sampling.frames)
        self._window_s = sampling.window_s
        self._gate = MotionGate(options.motion_gate) if options.motion_gate else None
        self._scorer = recognizer.scorer
        self._delay_s = self._coming_delay_s = 0.0
        self._shape: tuple[int, ...] | None = None
        self._last_s: float | None = None
        self._usual_s = self._period_s
        self._said_something = False

    @property
    def rate_fps(self) -> float:
        """Frames that are looked at per second."""
        return 1 / self._sampler.period_s

    @rate_fps.setter
    def rate_fps(self, rate_fps: float) -> None:
        self._sampler.use_rate(rate_fps)
        self._usual_s = max(self._usual_s, self._period_s)

    @property
    def scorer(self) -> Scorer:
        """The graphs with the labels that its window is for."""
        return self._scorer

    @property
    def newest(self) -> WindowFrame:
        """The frame that was accepted last."""
        return self._ring.newest

    @property
    def window(self) -> tuple[WindowFrame, ...]:
        """The frames of the window, oldest first; fewer than it holds where it is not full."""
        return self._ring.frames()

    @property
    def _period_s(self) -> float:
        return max(self._sampler.period_s, 1 / self._source_fps if self._source_fps else 0.0)

    def due(self, time_s: float) -> bool:
        """Say whether the frame at `time_s` is one that the rate asks for."""
        return self._sampler.due(time_s)

    def push(self, image_hwc: Array, time_s: float) -> Recognition | None:
        """Encode a due frame; return what is recognised once the window is full.

        Args:
            image_hwc: uint8 [H, W, 3], BGR, of any size.
            time_s: its time in the stream, in seconds.
        """
        scorer, start_s = self._recognizer.scorer, monotonic()
        if self.adopt(scorer):
            self.allow(monotonic() - start_s)
        frame = self.prepare(image_hwc, time_s)
        if frame.alike:
            return self.accept(frame, None)
        states = scorer.encode(frame.image[None], features=self.options.features)
        return self.accept(frame, {name: state[0] for name, state in states.items()})

    def adopt(self, scorer: Scorer) -> bool:
        """Go over to other labels, between two frames; say whether they are others."""
        if scorer is self._scorer:
            return False
        if len(self._ring):
            states = scorer.encode(self._ring.images(), features=self.options.features)
            self._ring.replace(_rows(states, len(self._ring)))
        self._scorer = scorer
        return True

    def allow(self, delay_s: float) -> None:
        """Take it for no gap if the frame after the one that is at hand comes so much later."""
        self._coming_delay_s += delay_s

    def prepare(self, image_hwc: Array, time_s: float, *, breaks: bool = False) -> Prepared:
        """Take the next due frame, which is to be encoded and then to be accepted.

        Args:
            image_hwc: uint8 [H, W, 3], BGR, of any size.
            time_s: its time in the stream, in seconds.
            breaks: whether the caller knows that it does not belong to what came before.
        """
        breaks = breaks or self._is_break(image_hwc.shape, time_s)
        self._remember(image_hwc.shape, time_s)
        image = fit_frame(image_hwc, self._recognizer.manifest.pixels.size_px)
        if self._gate and breaks:
            self._gate.forget()
        alike = self._gate is not None and not self._gate.opens(image)
        return Prepared(image, time_s, breaks, alike)

    def accept(self, frame: Prepared, state: State | None) -> Recognition | None:
        """Add a frame to the window; return what is recognised once that is full.

        Args:
            frame: what `prepare` returned, in the same order.
            state: its state under the labels in use, one array [...] for each name; None, if it
                is `alike`, takes that of the frame before.
        """
        if frame.breaks:
            self._flush()
        own = state is not None
        state = self._ring.newest.state if state is None else state
        self._ring.push(WindowFrame(state, frame.time_s, own, frame.image))
        return self._recognize() if self._ring.full else None

    def finish(self) -> Recognition | None:
        """End the stream; return what a window that never filled shows, so that none is mute.

        It is None where the frames at hand were part of a result already, or there are none.
        """
        rest = None if self._said_something or not len(self._ring) else self._recognize()
        self._flush()
        self._shape = self._last_s = None
        self._sampler.reset()
        if self._gate:
            self._gate.forget()
        return rest

    def _recognize(self) -> Recognition:
        self._said_something = True
        ring = self._ring
        found = self._scorer.recognize(
            self.name,
            ring.stacked(),
            ring.start_s,
            ring.end_s,
            explain_s=ring.times_s if self.options.explain else None,
        )
        return replace(found, gap_s=ring.gap_s, encoded=ring.encoded, rate_fps=self.rate_fps)

    def _is_break(self, shape: tuple[int, ...], time_s: float) -> bool:
        if self._last_s is None:
            return False
        interval_s = time_s - self._last_s
        longest_s = GAP_INTERVALS * self._usual_s + self._delay_s
        return shape != self._shape or interval_s < 0 or interval_s > longest_s

    def _remember(self, shape: tuple[int, ...], time_s: float) -> None:
        if self._last_s is not None:
            interval_s = time_s - self._last_s - self._delay_s
            # What lasts longer than a window is a gap, and no habit of the stream's.
            usual_s = min(interval_s, self._window_s)
            self._usual_s = max(self._period_s, usual_s)
        self._shape, self._last_s = shape, time_s
        self._delay_s, self._coming_delay_s = self._coming_delay_s, 0.0

    def _flush(self) -> None:
        self._ring.flush()
        self._said_something = False


def _rows(states: Mapping[str, Array], count: int) -> Sequence[State]:
    return [{name: state[row] for name, state in states.items()} for row in range(count)]


def follow(source: Source, stream: Stream) -> Iterator[Recognition]:
    """Lead the frames of a source through a new stream, and yield what is recognised.

    Raises:
        SourceError: the source breaks off; what its frames show has been yielded.
    """
    broken: SourceError | None = None
    try:
        for frame in source.frames(stream.due):
            found = stream.push(frame.image_hwc, frame.time_s)
            if found:
                yield found
    except SourceError as error:
        broken = error
    rest = stream.finish()
    if rest:
        yield rest
    if broken:
        raise broken
