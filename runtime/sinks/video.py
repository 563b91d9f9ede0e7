"""Write an annotated video: every frame with the time and the best labels drawn on it."""

import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy.typing as npt

from ..errors import SourceError, StzsarError
from ..preprocessing.opencv import load_cv2, opencv_path
from ..results import Recognition
from ..sources.capture import Capture
from ..sources.frames import Frame
from .overlay import draw_overlay, fit_inside

MIN_SHORT_SIDE_PX = 240
MAX_UPSCALED_PX = 4096
MAX_MPEG4_PX = 8190
# MPEG-4 divides a second into at most 65535 steps: above this rate hundredths may not fit.
WHOLE_FPS_ABOVE = 600
ASSUMED_FPS = 25.0
# A stream that is lost overnight does not become hours of a still picture.
LONGEST_STILL_S = 10.0

Array = npt.NDArray[Any]


class AnnotatedVideo:
    """Writes an MP4 file, which gets its final name once it is complete.

    Writes each frame of a file once. Repeats or skips frames of a live source, so that the video
    lasts as long as what it shows; of a gap it shows at most `LONGEST_STILL_S`.
    """

    def __init__(self, path: Path, *, fps: float | None, live: bool) -> None:
        """Check that the file can be written, before anything is decoded.

        Args:
            path: the file; its name ends in .mp4.
            fps: the source's announced rate; None if unknown or not known yet.
            live: whether the source is live.

        Raises:
            StzsarError: the name does not end in .mp4, or the folder is not writable.
        """
        if path.suffix.lower() != ".mp4":
            raise StzsarError(f"Cannot write the video {path}: give it a name that ends in .mp4.")
        self._path = path
        # A unique name: a file that is already there may be a source.
        self._part = path.with_name(f".stzsar-{uuid.uuid4().hex}.part.mp4")
        self._part_name = opencv_path(self._part, StzsarError)
        try:
            self._part.open("xb").close()
        except OSError as error:
            raise StzsarError(f"Cannot write the video {path}: {error.strerror}.") from error
        self._fps = ASSUMED_FPS
        self.use_rate(fps)
        self._live = live
        self._cv2 = load_cv2()
        self._writer: Any = None
        self._size_wh = (0, 0)
        self._written = 0
        self._left_out_s = 0.0

    def use_rate(self, fps: float | None) -> None:
        """Set the source's rate, before the first frame; None changes nothing."""
        if fps:
            self._fps = round(fps, 0 if fps > WHOLE_FPS_ABOVE else 2) or ASSUMED_FPS

    def write(
        self,
        frame: Frame,
        latest: Recognition | None,
        *,
        hurry: Callable[[], bool] = lambda: False,
    ) -> None:
        """Add a frame with the latest result at its time.

        Args:
            frame: the picture and its time.
            latest: the result to draw on it.
            hurry: called before each repetition; True stops repeating, because encoding is behind
                and would fall further. The video is then shorter than what it shows.

        Raises:
            SourceError: OpenCV cannot write a video of this source.
        """
        if self._writer is None:
            self._size_wh = _legible_size(frame.image_hwc)
            self._writer = self._open_writer()
        image = fit_inside(frame.image_hwc, self._size_wh)
        draw_overlay(image, frame.time_s, latest)
        copies = self._copies(frame.time_s) if self._live else 1
        for copy in range(copies):
            if copy and hurry():
                self._left_out_s += (copies - copy) / self._fps
                break
            self._writer.write(image)
            self._written += 1

    def finish(self) -> None:
        """Complete the file and give it its name; without frames there is no file.

        Raises:
            StzsarError: the file is incomplete, most likely because the disk is full.
        """
        if self._writer is None:
            self._part.unlink(missing_ok=True)
            return
        self._writer.release()
        # cv2.VideoWriter reports no failures, so read the file back. It may have one frame more
        # than counted, if Ctrl-C came between the two.
        check = Capture(self._part_name, str(self._path))
        is_complete = check.is_open and (check.frame_count or 0) >= self._written
        check.release()
        if not is_complete:
            self._part.unlink(missing_ok=True)
            raise StzsarError(f"The video {self._path} could not be written: is the disk full?")
        self._part.replace(self._path)

    def _copies(self, time_s: float) -> int:
        """Return how often to write a live frame."""
        missing = round((time_s - self._left_out_s) * self._fps) + 1 - self._written
        most = max(1, round(LONGEST_STILL_S * self._fps))
        if missing > most:
            self._left_out_s += (missing - most) / self._fps
        return min(max(0, missing), most)

    def _open_writer(self) -> Any:
        codec = self._cv2.VideoWriter_fourcc(*"mp4v")
        writer = self._cv2.VideoWriter(self._part_name, codec, self._fps, self._size_wh)
        if not writer.isOpened():
            width, height = self._size_wh
            raise SourceError(
                f"OpenCV cannot write the video {self._path} ({width}x{height} px, {self._fps:g} "
                "fps, MPEG-4): run this source without --video."
            )
        return writer


def _legible_size(image_hwc: Array) -> tuple[int, int]:
    """Return an even size that MPEG-4 supports, if possible large enough to read the text."""
    height, width = image_hwc.shape[:2]
    long_px = max(height, width)
    wanted = min(MIN_SHORT_SIDE_PX / min(height, width), MAX_UPSCALED_PX / long_px)
    scale = min(max(1.0, wanted), MAX_MPEG4_PX / long_px)
    return 2 * max(1, round(width * scale / 2)), 2 * max(1, round(height * scale / 2))
