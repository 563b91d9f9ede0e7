"""One stream of frames: its sampling, its ring, and when the ring must be emptied."""

from collections import deque
from collections.abc import Callable, Iterator
from time import monotonic
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from .errors import SourceError
from .manifest import Manifest
from .pixels import fit_frame
from .results import Recognition
from .sampling import RateSampler
from .scorer import Scorer
from .sources.frames import Frame, Source
from .window import FrameRing

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


class Stream:
    """The state of one stream between its frames; it never sees where they come from.

    Ask `due` of every frame, in order, and `push` those that are:

        if stream.due(time_s) and (recognition := stream.push(image_hwc, time_s)):
            print(recognition.label)

    A window never spans a change of the picture's size, time that goes back, or a gap. A gap is
    longer than two and a half times what is usual here: the sampling period or, in a stream that
    is slower than that, the interval before. So a camera of one frame a second still fills
    windows, and a cable that was pulled for a second does not join what happened before and after.
    Frames that are flushed before they filled a window give no result.

    When the recogniser's labels change, the frames of the window are encoded once more, since their
    states may depend on the labels: the next result is one of a full window with the new labels.
    """

    def __init__(
        self, recognizer: WindowRecognizer, name: str, rate_fps: float, source_fps: float | None
    ) -> None:
        self.name = name
        self._recognizer = recognizer
        self._sampler = RateSampler(rate_fps)
        frames = recognizer.manifest.sampling.frames
        self._ring = FrameRing(frames)
        self._images: deque[Array] = deque(maxlen=frames)
        self._scorer = recognizer.scorer
        self._delay_s = 0.0
        self._shape: tuple[int, ...] | None = None
        self._last_s: float | None = None
        self._usual_s = max(self._sampler.period_s, 1 / source_fps if source_fps else 0.0)
        self._said_something = False

    def due(self, time_s: float) -> bool:
        """Say whether the frame at `time_s` is one that the bundle's rate asks for."""
        return self._sampler.due(time_s)

    def push(self, image_hwc: Array, time_s: float) -> Recognition | None:
        """Encode a due frame; return what is recognised once the window is full.

        Args:
            image_hwc: uint8 [H, W, 3], BGR, of any size.
            time_s: its time in the stream, in seconds.
        """
        if self._is_break(image_hwc.shape, time_s):
            self._flush()
        self._remember(image_hwc.shape, time_s)
        scorer = self._recognizer.scorer
        if scorer is not self._scorer:
            self._change_labels(scorer)
        image = fit_frame(image_hwc, self._recognizer.manifest.pixels.size_px)
        states = self._scorer.encode(image[None])
        self._images.append(image)
        self._ring.push({name: state[0] for name, state in states.items()}, time_s)
        return self._recognize() if self._ring.full else None

    def finish(self) -> Recognition | None:
        """End the stream; return what a window that never filled shows, so that none is mute.

        It is None where the frames at hand were part of a result already, or there are none.
        """
        rest = None if self._said_something or not len(self._ring) else self._recognize()
        self._flush()
        self._shape = self._last_s = None
        self._sampler.reset()
        return rest

    def _recognize(self) -> Recognition:
        self._said_something = True
        ring = self._ring
        return self._scorer.recognize(self.name, ring.stacked(), ring.start_s, ring.end_s)

    def _change_labels(self, scorer: Scorer) -> None:
        start_s = monotonic()
        if self._images:
            states = scorer.encode(np.stack(self._images))
            self._ring.replace(
                [{name: state[i] for name, state in states.items()} for i in range(len(self._ring))]
            )
        self._scorer = scorer
        # A camera's time has gone on meanwhile, which is no gap in what it shows.
        self._delay_s = monotonic() - start_s

    def _is_break(self, shape: tuple[int, ...], time_s: float) -> bool:
        if self._last_s is None:
            return False
        interval_s = time_s - self._last_s
        longest_s = GAP_INTERVALS * self._usual_s + self._delay_s
        return shape != self._shape or interval_s < 0 or interval_s > longest_s

    def _remember(self, shape: tuple[int, ...], time_s: float) -> None:
        if self._last_s is not None:
            interval_s = time_s - self._last_s - self._delay_s
            self._usual_s = max(self._sampler.period_s, interval_s)
        self._shape, self._last_s, self._delay_s = shape, time_s, 0.0

    def _flush(self) -> None:
        self._ring.flush()
        self._images.clear()
        self._said_something = False


def follow(
    source: Source,
    stream: Stream,
    *,
    every_frame: bool = False,
    until_s: float | None = None,
    on_frame: Callable[[float], None] | None = None,
) -> Iterator[tuple[Frame | None, Recognition | None]]:
    """Lead the frames of a source through a stream.

    Args:
        source: where the frames come from.
        stream: a new stream.
        every_frame: yield the frames that are not due too, for those who want to see them all.
        until_s: stop at this time of the source.
        on_frame: called with the time of every frame, due or not.

    Yields:
        Each frame with what is recognised at it, if anything; at the end perhaps a last result,
        with None for its frame.

    Raises:
        SourceError: the source breaks off; what its frames show has been yielded.
    """

    def due(time_s: float) -> bool:
        if on_frame:
            on_frame(time_s)
        return every_frame or stream.due(time_s)

    broken: SourceError | None = None
    try:
        for frame in source.frames(due):
            if until_s is not None and frame.time_s >= until_s:
                break
            is_due = not every_frame or stream.due(frame.time_s)
            yield frame, stream.push(frame.image_hwc, frame.time_s) if is_due else None
    except SourceError as error:
        broken = error
    rest = stream.finish()
    if rest:
        yield None, rest
    if broken:
        raise broken
