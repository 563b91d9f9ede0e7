"""Write videos that browsers play: H.264 with PyAV, else with what OpenCV has."""

from fractions import Fraction
from pathlib import Path
from types import ModuleType
from typing import Any, Protocol

import numpy.typing as npt

from ..errors import SourceError
from . import pyav
from .mp4_index import write_duration
from .opencv_writer import OpenCvWriter, UnsupportedError

Array = npt.NDArray[Any]
_KEY_FRAME_S = 2.0
# An MP4 in fragments plays up to the last one, whatever ends the process, and has its index in
# front, so that browsers play it from servers that cannot skip.
_FRAGMENTS = {"movflags": "frag_keyframe+empty_moov+default_base_moof", "flush_packets": "1"}
# Cheap enough to run beside recognition: half the size of MPEG-4 Part 2 at 1.7 times its CPU time.
_X264 = {"preset": "superfast", "tune": "zerolatency", "crf": "23"}
_BT601, _LIMITED = 6, 1  # what players assume differs with the size, so the file says it


class VideoWriter(Protocol):
    """An open video file."""

    def write(self, image_hwc: Array) -> None:
        """Add a picture, uint8 [H, W, 3] BGR.

        Raises:
            OSError: the disk is full.
        """
        ...

    def close(self) -> None:
        """Complete the file.

        Raises:
            OSError: the disk is full.
        """
        ...


def open_writer(path: Path, fps: float, size_wh: tuple[int, int]) -> VideoWriter:
    """Open an MP4 file for writing.

    Args:
        path: the file; what it has is lost.
        fps: pictures per second.
        size_wh: width and height in pixels, both even.

    Raises:
        SourceError: no video of this size and rate can be written.
        OSError: the disk is full.
    """
    try:
        if av := pyav.load_av():
            return H264Writer(av, path, fps, size_wh)
        pyav.warn_without_av()
        return OpenCvWriter(path, fps, size_wh)
    except UnsupportedError as error:
        width, height = size_wh
        raise SourceError(
            f"Cannot write the video {path} ({width}x{height} px, {fps:g} fps, {error}): run this "
            "source without --video."
        ) from error


def writes_in_place() -> bool:
    """Return whether an unfinished file plays, so that it can have its final name."""
    return pyav.load_av() is not None


class H264Writer:
    """Writes H.264 in fragments; see `VideoWriter`."""

    def __init__(self, av: ModuleType, path: Path, fps: float, size_wh: tuple[int, int]) -> None:
        self._path = path
        self._fps = fps
        self._container = av.open(f"file:{path.absolute()}", "w", format="mp4", options=_FRAGMENTS)
        try:
            rate = Fraction(f"{fps:.2f}")
            self._stream = self._container.add_stream("libx264", rate=rate, options=_X264)
            self._stream.width, self._stream.height = size_wh
            self._stream.pix_fmt = "yuv420p"
            context = self._stream.codec_context
            context.thread_count = 1
            context.gop_size = max(1, round(_KEY_FRAME_S * fps))
            context.colorspace, context.color_range = _BT601, _LIMITED
            context.open()
        except (av.error.FFmpegError, ValueError) as error:
            self._container.close()
            raise UnsupportedError("H.264") from error
        self._frame_of = av.VideoFrame.from_ndarray
        self._convert = av.video.reformatter.VideoReformatter()
        self._count = 0

    def write(self, image_hwc: Array) -> None:
        """Add a picture, uint8 [H, W, 3] BGR."""
        frame = self._frame_of(image_hwc, format="bgr24")
        frame = self._convert.reformat(
            frame,
            format="yuv420p",
            dst_colorspace="ITU601",
            dst_color_range=_LIMITED,
            threads=1,
        )
        frame.pts = self._count
        self._count += 1
        for packet in self._stream.encode(frame):
            self._container.mux(packet)

    def close(self) -> None:
        """Complete the file."""
        try:
            for packet in self._stream.encode(None):
                self._container.mux(packet)
        finally:
            self._container.close()
        write_duration(self._path, self._count / self._fps)
