"""Write an annotated video: every frame with the time and the best labels drawn on it."""

import contextlib
import itertools
import logging
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

import numpy.typing as npt

from ..documents import open_regular
from ..drawing.overlay import draw_overlay, fit_inside
from ..errors import StzsarError
from ..results import Recognition
from ..sources.frames import Frame
from ..video.opencv_writer import MAX_SIDE_PX
from ..video.writer import VideoWriter, open_writer, writes_in_place

try:
    import fcntl
except ImportError:  # not on Windows, where leftovers stay
    fcntl = None

log = logging.getLogger(__name__)

MIN_SHORT_SIDE_PX = 240
MAX_UPSCALED_PX = 4096
# MPEG-4 divides a second into at most 65535 steps: above this rate hundredths may not fit.
WHOLE_FPS_ABOVE = 600
ASSUMED_FPS = 25.0
# A stream that is lost overnight does not become hours of a still picture.
LONGEST_STILL_S = 10.0

Array = npt.NDArray[Any]


class VideoFileError(StzsarError):
    """The file of a video cannot be written, most likely because the disk is full."""


class AnnotatedVideo:
    """Writes an MP4 file.

    Writes each frame of a file once, and replaces an older video once the new one is complete.
    Repeats or skips frames of a live source, so that the video lasts as long as what it shows; of
    a gap it shows at most `LONGEST_STILL_S`. A live source cannot be filmed again, so an older
    video stays and the new one gets a number.

    With PyAV a new file has its final name from the start and plays at any time, also after the
    process was killed.
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
        try:
            self._path, self._file, self._lock = _create(path, live=live)
        except OSError as error:
            raise VideoFileError(f"Cannot write the video {path}: {error.strerror}.") from error
        if self._path != path:
            log.warning("%s exists: the video of this run is %s.", path, self._path)
        self._fps = ASSUMED_FPS
        self.use_rate(fps)
        self._live = live
        self._writer: VideoWriter | None = None
        self._size_wh = (0, 0)
        self._written = 0
        self._is_broken = False
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
            SourceError: no video of this source can be written.
            VideoFileError: the file cannot be written any further.
        """
        try:
            if self._writer is None:
                self._size_wh = _legible_size(frame.image_hwc)
                self._left_out_s = frame.time_s
                self._writer = open_writer(self._file, self._fps, self._size_wh)
            image = fit_inside(frame.image_hwc, self._size_wh)
            draw_overlay(image, frame.time_s, latest)
            copies = self._copies(frame.time_s) if self._live else 1
            for copy in range(copies):
                if copy and hurry():
                    self._left_out_s += (copies - copy) / self._fps
                    break
                self._written += 1  # before it is: Ctrl-C may come between the two
                self._writer.write(image)
        except OSError as error:
            self._written -= self._writer is not None
            self._is_broken = True
            raise self._error() from error

    def finish(self) -> None:
        """Complete the file; without frames there is no file.

        Raises:
            VideoFileError: the file is incomplete, which `write` has not raised yet.
        """
        failure: OSError | None = None
        self._lock.close()
        try:
            if self._writer:
                self._writer.close()
        except OSError as error:
            failure = error
        # What a live video has cannot be filmed again, and plays; a file's can be made again.
        plays = not failure or self._file == self._path
        if self._written and plays and (self._live or not (failure or self._is_broken)):
            if self._file != self._path:
                self._file.replace(self._path)
        else:
            self._file.unlink(missing_ok=True)
        if failure and not self._is_broken:
            raise self._error() from failure

    def _error(self) -> VideoFileError:
        return VideoFileError(f"The video {self._path} could not be written: is the disk full?")

    def _copies(self, time_s: float) -> int:
        """Return how often to write a live frame."""
        missing = round((time_s - self._left_out_s) * self._fps) + 1 - self._written
        most = max(1, round(LONGEST_STILL_S * self._fps))
        if missing > most:
            self._left_out_s += (missing - most) / self._fps
        return min(max(0, missing), most)


def _create(path: Path, *, live: bool) -> tuple[Path, Path, IO[bytes]]:
    """Create an empty file; return its final name, its first one, and what locks it."""
    numbered = (path.with_stem(f"{path.stem}-{n}") if n > 1 else path for n in itertools.count(1))
    final = next(name for name in numbered if not (live and name.exists()))
    if writes_in_place() and not final.exists():
        return final, final, final.open("xb")
    # A unique name: a file that is already there may be a source.
    _remove_leftovers(final.parent)
    part = final.with_name(f".stzsar-{uuid.uuid4().hex}.part.mp4")
    lock = part.open("xb")
    if fcntl:
        fcntl.flock(lock, fcntl.LOCK_EX)
    return final, part, lock


def _remove_leftovers(folder: Path) -> None:
    """Remove the parts of videos whose processes were killed; a living one locks its own."""
    if fcntl is None:
        return
    for part in folder.glob(".stzsar-*.part.mp4"):
        with contextlib.suppress(OSError), open_regular(part) as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            part.unlink()


def _legible_size(image_hwc: Array) -> tuple[int, int]:
    """Return an even size that encoders support, if possible large enough to read the text."""
    height, width = image_hwc.shape[:2]
    long_px = max(height, width)
    wanted = min(MIN_SHORT_SIDE_PX / min(height, width), MAX_UPSCALED_PX / long_px)
    scale = min(max(1.0, wanted), MAX_SIDE_PX / long_px)
    return 2 * max(1, round(width * scale / 2)), 2 * max(1, round(height * scale / 2))
