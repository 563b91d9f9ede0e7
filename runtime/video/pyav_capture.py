"""Decode an open file or network stream with PyAV."""

import time
from collections.abc import Generator, Iterator
from types import ModuleType
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import SourceError
from .pixel_aspect import square_size, stretched

Array = npt.NDArray[Any]
# Frame threads delay a live picture by up to three frames: only large and fast streams need them.
PIXELS_PER_S_OF_A_THREAD = 1280 * 720 * 30
LIVE_THREADS = 4


class PyAvCapture:
    """An open file or network stream.

    Attributes: see `capture.Capture`.
    """

    exhausted = False

    def __init__(
        self,
        av: ModuleType,
        container: Any,
        name: str,
        *,
        threads: int | None = None,
        attempts: int = 1,
        live_s: float | None = None,
    ) -> None:
        """Take over an open container.

        Args:
            av: the module.
            container: an open input with a video stream.
            name: what messages call it.
            threads: threads of the decoder; its own choice if None.
            attempts: how often reading may fail in a row before the end of a file.
            live_s: longest wait for a picture of a network stream; None for a file.

        Raises:
            BrokenOffError: a network stream gives no picture.
            NoVideoError: it has no video stream.
        """
        self._av = av
        self._container = container
        self._attempts = attempts
        self._live_s = live_s
        # Presentation stamps that FFmpeg makes up, as for AVI with B-frames, go back and forth.
        container.flags &= ~av.container.Flags.gen_pts.value
        stream = self._stream = _choose_stream(av, container)
        for other in container.streams:
            if other is not stream and hasattr(other, "discard"):  # from PyAV 18
                other.discard = av.stream.Discard.all
        self.name = name
        self.fps = _between(stream.average_rate or stream.guessed_rate, 1e-3, 1e3)
        self.frame_count = _announced_frames(av, container, stream, self.fps)
        self.codec: str = stream.codec_context.name
        self.lost = 0
        self._failed = 0  # since the last frame: what lacks at the end of a file is no damage
        self._use_threads(threads)
        self._convert = av.video.reformatter.VideoReformatter()
        self._frames = self._decode()
        self._frame: Any = None
        self._ahead: Any = next(self._frames, None)
        if live_s is not None and self._ahead is None:
            raise BrokenOffError("it ends without a picture")
        first = stream if self._ahead is None else self._ahead
        width, height = square_size(first.width, first.height, stream.sample_aspect_ratio)
        is_turned = first is not stream and _quarter_turns(first) % 2
        self.size_wh: tuple[int, int] = (height, width) if is_turned else (width, height)

    @property
    def is_single_picture(self) -> bool:
        """Whether it is one picture, such as a JPEG, and not a video."""
        return self._container.format.name.endswith("_pipe")

    @property
    def position_s(self) -> float | None:
        """The container's time stamp of the last grabbed frame, in seconds; None if it has none."""
        frame = self._frame
        stamp = None if frame is None else frame.dts if frame.pts is None else frame.pts
        return None if stamp is None else float(stamp * self._stream.time_base)

    def grab(self) -> bool:
        """Decode the next frame; False if there is none.

        Raises:
            SourceError: a network stream breaks off and it is known why.
        """
        self._frame, self._ahead = self._ahead, None
        if self._frame is None:
            try:
                self._frame = next(self._frames, None)
            except BrokenOffError as error:
                raise SourceError(f"{self.name} gives no more frames ({error})") from None
        return self._frame is not None

    def retrieve(self) -> Array | None:
        """Return the grabbed frame as uint8 [H, W, 3] BGR, upright and with square pixels.

        None if it has no picture.
        """
        frame = self._frame
        aspect = self._stream.sample_aspect_ratio
        try:
            # The same conversion as OpenCV's: equal to the last bit.
            bicubic = self._av.video.reformatter.Interpolation.BICUBIC
            image = self._convert.reformat(
                frame, format="bgr24", interpolation=bicubic, threads=1
            ).to_ndarray()
        except (self._av.error.FFmpegError, ValueError):
            return None
        image = stretched(image, square_size(frame.width, frame.height, aspect))
        turns = _quarter_turns(frame)
        return np.ascontiguousarray(np.rot90(image, turns)) if turns else image

    def release(self) -> None:
        """Close it."""
        self._frames.close()
        self._frame = self._ahead = None
        self._container.close()

    def _use_threads(self, threads: int | None) -> None:
        context = self._stream.codec_context
        if self._live_s is None:
            context.thread_type = "AUTO"
            context.thread_count = threads or 0
        else:
            rate = context.width * context.height * (self.fps or 30.0)
            heavy = rate > PIXELS_PER_S_OF_A_THREAD
            context.thread_type = "AUTO" if heavy else "SLICE"
            context.thread_count = LIVE_THREADS if heavy else 1

    def _decode(self) -> Generator[Any, None, None]:
        seen_s = time.monotonic()
        for packet in self._packets():
            try:
                frames = self._stream.decode(packet)
            except self._av.error.EOFError:
                return
            except self._av.error.FFmpegError:
                self._failed += 1
                frames = ()
            for frame in frames:
                if frame.width and frame.height:
                    self.lost, self._failed = self.lost + self._failed, 0
                    yield frame
                    seen_s = time.monotonic()
            if self._live_s is not None and time.monotonic() - seen_s > self._live_s:
                raise BrokenOffError(f"no picture for {self._live_s:g} s")

    def _packets(self) -> Iterator[Any]:
        """Yield packets, and at the end None, which flushes the decoder."""
        failures = 0
        while True:
            try:
                for packet in self._container.demux(self._stream):
                    if packet.size:
                        failures = 0
                        yield packet
                break
            except self._av.error.FFmpegError as error:
                if self._live_s is not None:
                    raise BrokenOffError(reason_of(self._av, error, self._live_s)) from None
                failures += 1
                self._failed += 1
                if failures >= self._attempts:
                    break
        yield None


def open_av_file(
    av: ModuleType, file: str, name: str, *, threads: int | None, attempts: int
) -> PyAvCapture | None:
    """Open a file; None if it is not a video."""
    container = None
    try:
        # What a playlist or an index inside the file names is not fetched.
        container = av.open(
            f"file:{file}",
            options={"protocol_whitelist": "file"},
            metadata_errors="replace",  # damage may be in names and titles too
        )
        return PyAvCapture(av, container, name, threads=threads, attempts=attempts)
    except (av.error.FFmpegError, NoVideoError):
        if container:
            container.close()
        return None


class BrokenOffError(Exception):
    """A network stream ended; the text says why, without the address."""


class NoVideoError(Exception):
    """A container has no video stream that can be decoded."""


def reason_of(av: ModuleType, error: Any, limit_s: float) -> str:
    """Return why FFmpeg failed, without the address that its own message shows."""
    if isinstance(error, av.error.ExitError):
        return f"no answer for {limit_s:g} s"
    if isinstance(error, av.error.InvalidDataError):
        return "what it sends is not a video"
    text = str(error.strerror or type(error).__name__)
    return text[:1].lower() + text[1:]


def _choose_stream(av: ModuleType, container: Any) -> Any:
    """Return the video stream that a player would show: the default one, and no cover picture."""
    flags = av.stream.Disposition
    streams = [
        stream
        for stream in container.streams.video
        if stream.codec_context is not None and not stream.disposition & flags.attached_pic
    ]
    if not streams:
        raise NoVideoError("it has no video")
    best = container.streams.best("video")
    default = [stream for stream in streams if stream.disposition & flags.default]
    return best if best in streams else (default or streams)[0]


def _announced_frames(av: ModuleType, container: Any, stream: Any, fps: float | None) -> int | None:
    if container.format.flags & av.format.Flags.no_timestamps.value:
        return None  # a raw stream: its duration is a guess from its bit rate
    count = float(stream.frames)
    if not count and stream.duration is not None:
        count = float(stream.duration * stream.time_base) * (fps or 0.0)
    elif not count and container.duration is not None:
        count = container.duration / av.time_base * (fps or 0.0)
    return round(count) if 1 <= count <= 1e9 else None


def _quarter_turns(frame: Any) -> int:
    return round(frame.rotation / 90) % 4


def _between(value: Any, low: float, high: float) -> float | None:
    return float(value) if value is not None and low <= value <= high else None
