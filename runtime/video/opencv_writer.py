"""Write videos with OpenCV: H.264 where its back ends have an encoder, else VP9."""

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy.typing as npt

from ..errors import StzsarError
from ..preprocessing.opencv import has_gstreamer, load_cv2, opencv_path
from .mp4_index import put_index_in_front
from .opencv_capture import OpenCvCapture

Array = npt.NDArray[Any]
# No encoder here takes more, and no browser shows it.
MAX_SIDE_PX = 8190
# A Jetson's encoder first, which takes its pictures from the GPU's memory.
_GSTREAMER_ENCODERS = (
    "videoconvert ! video/x-raw,format=BGRx ! nvvidconv ! video/x-raw(memory:NVMM),format=NV12 ! "
    "nvv4l2h264enc bitrate=4000000",
    "videoconvert ! video/x-raw,format=I420 ! x264enc speed-preset=superfast pass=qual "
    "quantizer=23",
    "videoconvert ! video/x-raw,format=I420 ! openh264enc complexity=low",
)

log = logging.getLogger(__name__)


class UnsupportedError(Exception):
    """The encoder refuses; the text names it."""


class OpenCvWriter:
    """Writes an MP4 file with the best encoder that OpenCV has here; see `writer.VideoWriter`.

    pip's OpenCV has FFmpeg without H.264, but with VP9. A Jetson's has GStreamer.
    """

    def __init__(self, path: Path, fps: float, size_wh: tuple[int, int]) -> None:
        self._path = path
        self._name = opencv_path(path, StzsarError)
        self._count = 0
        if max(size_wh) > MAX_SIDE_PX:
            raise UnsupportedError("OpenCV")
        for codec, arguments in _ways(self._name):
            self._writer = load_cv2().VideoWriter(*arguments, fps, size_wh)
            if self._writer.isOpened():
                if codec == "MPEG-4":
                    log.warning(
                        "This OpenCV has no encoder for H.264 or VP9, so the video is MPEG-4 Part "
                        "2, which browsers do not play: run pip install '.[av]' in stzsar's folder."
                    )
                return
        raise UnsupportedError("MPEG-4")

    def write(self, image_hwc: Array) -> None:
        """Add a picture, uint8 [H, W, 3] BGR."""
        self._writer.write(image_hwc)
        self._count += 1

    def close(self) -> None:
        """Complete the file."""
        self._writer.release()
        # cv2.VideoWriter reports no failures, so read the file back. It may have one frame more
        # than counted, if Ctrl-C came between the two.
        check = OpenCvCapture(self._name, str(self._path))
        is_complete = check.is_open and (check.frame_count or 0) >= self._count
        check.release()
        if not is_complete:
            raise OSError(f"{self._path} is incomplete")
        put_index_in_front(self._path)


def _ways(name: str) -> Iterator[tuple[str, tuple[Any, ...]]]:
    """Yield each encoder to try, with the first arguments of `cv2.VideoWriter`."""
    cv2 = load_cv2()
    fourcc = cv2.VideoWriter_fourcc
    yield "H.264", (name, cv2.CAP_FFMPEG, fourcc(*"avc1"))
    if has_gstreamer():
        quoted = name.replace("\\", "\\\\").replace('"', '\\"')
        for encoder in _GSTREAMER_ENCODERS:
            pipeline = f'appsrc ! {encoder} ! h264parse ! mp4mux ! filesink location="{quoted}"'
            yield "H.264", (pipeline, cv2.CAP_GSTREAMER, 0)
    yield "VP9", (name, cv2.CAP_FFMPEG, fourcc(*"vp09"))
    yield "MPEG-4", (name, cv2.CAP_FFMPEG, fourcc(*"mp4v"))
