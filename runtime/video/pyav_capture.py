"""Decode files and network streams with PyAV, each on its own and with its own time-outs."""

import time
from collections.abc import Generator, Iterator
from types import ModuleType
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import SourceError

Array = npt.NDArray[Any]
# Frame threads delay a live picture by up to three frames: only large and fast streams need them.
PIXELS_PER_S_OF_A_THREAD = 1280 * 720 * 30
LIVE_THREADS = 4
SNAPSHOT_S = 0.2  # between two pictures of an address that gives one at a time
_QUICK = {"analyzeduration": "500000", "fpsprobesize": "0"}


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
        if self._ahead is None:
            self.size_wh = (stream.width, stream.height)
        else:
            turned = _quarter_turns(self._ahead) % 2
            size_wh = (self._ahead.width, self._ahead.height)
            self.size_wh = size_wh[::-1] if turned else size_wh

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
            except _BrokenOffError as error:
                raise SourceError(f"{self.name} gives no more frames ({error})") from None
        return self._frame is not None

    def retrieve(self) -> Array | None:
        """Return the grabbed frame as uint8 [H, W, 3] BGR, upright; None if it has no picture."""
        frame = self._frame
        try:
            # The same conversion as OpenCV's: equal to the last bit.
            bicubic = self._av.video.reformatter.Interpolation.BICUBIC
            image = self._convert.reformat(
                frame, format="bgr24", interpolation=bicubic, threads=1
            ).to_ndarray()
        except (self._av.error.FFmpegError, ValueError):
            return None
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
                raise _BrokenOffError(f"no picture for {self._live_s:g} s")

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
                    raise _BrokenOffError(_reason(self._av, error, self._live_s)) from None
                failures += 1
                self._failed += 1
                if failures >= self._attempts:
                    break
        yield None


class Snapshots:
    """An address that gives one picture at a time, and is asked again for each.

    Attributes: see `capture.Capture`.
    """

    frame_count: int | None = None
    exhausted = False

    def __init__(
        self, av: ModuleType, address: str, name: str, limits_s: tuple[float, float]
    ) -> None:
        self.name = name
        self.fps: float | None = 1 / SNAPSHOT_S
        self.lost = 0
        self._open = lambda: _open_capture(av, address, name, limits_s)
        self._capture = self._open()
        self.size_wh, self.codec = self._capture.size_wh, self._capture.codec
        self._next_s = time.monotonic()

    @property
    def position_s(self) -> None:
        """Single pictures have no time stamps."""

    def grab(self) -> bool:
        """Ask for the next picture; False if it does not come."""
        self._capture.release()
        time.sleep(max(0.0, self._next_s - time.monotonic()))
        self._next_s = time.monotonic() + SNAPSHOT_S
        self._capture = self._open()
        return self._capture.grab()

    def retrieve(self) -> Array | None:
        """Return the picture as uint8 [H, W, 3] BGR."""
        return self._capture.retrieve()

    def release(self) -> None:
        """Close the connection."""
        self._capture.release()


def open_av_file(
    av: ModuleType, file: str, name: str, *, threads: int | None, attempts: int
) -> PyAvCapture | None:
    """Open a file; None if it is not a video."""
    try:
        # What a playlist or an index inside the file names is not fetched.
        container = av.open(
            f"file:{file}",
            options={"protocol_whitelist": "file"},
            metadata_errors="replace",  # damage may be in names and titles too
        )
        return PyAvCapture(av, container, name, threads=threads, attempts=attempts)
    except (av.error.FFmpegError, _NoVideoError):
        return None


def open_av_address(
    av: ModuleType, address: str, name: str, limits_s: tuple[float, float]
) -> PyAvCapture | Snapshots:
    """Open a network stream, or a file behind an address.

    Args:
        av: the module.
        address: where it is; may hold a password.
        name: what messages call it; contains no password.
        limits_s: longest wait to open it, and for a picture.

    Raises:
        SourceError: no video comes from it; the message says why.
    """
    capture = _open_capture(av, address, name, limits_s)
    if capture.is_single_picture:
        capture.release()
        return Snapshots(av, address, name, limits_s)
    return capture


class _BrokenOffError(Exception):
    """A network stream ended; the text says why, without the address."""


class _NoVideoError(Exception):
    """A container has no video stream that can be decoded."""


def _open_capture(
    av: ModuleType, address: str, name: str, limits_s: tuple[float, float]
) -> PyAvCapture:
    reason = ""
    for form in (None, "mjpeg"):
        options = {"rtsp_flags": "prefer_tcp", **(_QUICK if form else {})}
        is_other_dialect = False
        try:
            container = av.open(
                address, format=form, options=options, metadata_errors="replace", timeout=limits_s
            )
            is_other_dialect = container.format.name == "mpjpeg"
            return PyAvCapture(av, container, name, live_s=limits_s[1])
        except av.error.FFmpegError as error:
            is_other_dialect |= isinstance(error, av.error.InvalidDataError)
            reason = _reason(av, error, limits_s[0])
        except (_BrokenOffError, _NoVideoError) as error:
            reason = str(error)
        # Cheap cameras leave out the first boundary or send image/jpg: FFmpeg's reader of MJPEG
        # over HTTP refuses that, but pictures can be found without the lines between them.
        if not (is_other_dialect and address.lower().startswith("http")):
            break
    # FFmpeg's own error is not chained: it shows the address with its password.
    raise SourceError(
        f"No video comes from {name} ({reason}): check the address, the password and the network."
    ) from None


def _choose_stream(av: ModuleType, container: Any) -> Any:
    """Return the video stream that a player would show: the default one, and no cover picture."""
    flags = av.stream.Disposition
    streams = [
        stream
        for stream in container.streams.video
        if stream.codec_context is not None and not stream.disposition & flags.attached_pic
    ]
    if not streams:
        raise _NoVideoError("it has no video")
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


def _reason(av: ModuleType, error: Any, limit_s: float) -> str:
    """Return why FFmpeg failed, without the address that its own message shows."""
    if isinstance(error, av.error.ExitError):
        return f"no answer for {limit_s:g} s"
    if isinstance(error, av.error.InvalidDataError):
        return "what it sends is not a video"
    text = str(error.strerror or type(error).__name__)
    return text[:1].lower() + text[1:]
