"""Read video files: every frame that decodes, and an error at the end if some did not."""

from collections.abc import Iterator
from pathlib import Path

from ..errors import SourceError
from ..video import pyav
from ..video.capture import Capture, open_file
from ..video.pictures import DEFAULT_FPS, PictureCapture, picture_files
from .frames import Due, Frame

# Intact files announce up to a fifth more frames than they have; files that lost half of their
# data have less than 60 % (measured on 88 clips in 12 codecs).
WHOLE_SHARE = 0.7


class VideoSource:
    """A finite video: a file, or a file behind an address.

    Attributes: see `frames.Source`.
    """

    live = False

    def __init__(self, capture: Capture) -> None:
        """Take over an open capture and decode its first frame.

        Raises:
            SourceError: no frame can be decoded.
        """
        self.name = capture.name
        self.fps = capture.fps
        self.frame_count = capture.frame_count
        self._capture = capture
        self._has_first = capture.grab()
        self.size_wh = capture.size_wh
        if not self._has_first:
            self.close()
            more_codecs = "" if pyav.load_av() else f"{pyav.INSTALL} for more codecs, or "
            raise SourceError(
                f"{self.name} has no frame that can be decoded here (codec {capture.codec}): "
                f"{more_codecs}convert it, for example with ffmpeg -i IN -c:v libx264 OUT.mp4."
            )

    @classmethod
    def open(
        cls,
        path: str | Path,
        name: str | None = None,
        *,
        threads: int | None = None,
        fps: float | None = None,
    ) -> "VideoSource":
        """Open a file, or a folder or pattern of pictures.

        Args:
            path: the file.
            name: what messages call it; its path if None.
            threads: threads of the decoder; its own choice if None.
            fps: how many pictures are a second; None is 25. Videos say it themselves.

        Raises:
            SourceError: the file is missing, unreadable, or has no frame that can be decoded.
        """
        if pictures := picture_files(str(path)):
            return cls(PictureCapture(pictures, name or str(path), fps or DEFAULT_FPS))
        check_readable(Path(path))
        return cls(open_file(Path(path), name or str(path), threads=threads))

    def frames(self, due: Due | None = None) -> Iterator[Frame]:
        """Yield the due frames; raise SourceError at the end if the file is cut or damaged."""
        clock = FileClock(self.fps)
        index, lost = 0, 0
        has_frame, self._has_first = self._has_first, False
        while has_frame:
            time_s = clock.time_of(self._capture.position_s)
            if due is None or due(time_s):
                image = self._capture.retrieve()
                if image is None:
                    lost += 1
                else:
                    yield Frame(image, time_s, index)
            index += 1
            has_frame = self._capture.grab()
        self._check_whole(index, lost + self._capture.lost)

    def close(self) -> None:
        """Close the file."""
        self._capture.release()

    def _check_whole(self, frames: int, lost: int) -> None:
        announced = self.frame_count
        if announced and frames < WHOLE_SHARE * announced:
            raise SourceError(
                f"{self.name} ends after {frames} of {announced} announced frames, so it was cut "
                "short or damaged: copy or record it again."
            )
        if lost:
            raise SourceError(
                f"{self.name} is damaged, at least {lost} of its frames cannot be decoded: do not "
                "trust the results around them, and copy or record it again."
            )


class FileClock:
    """Turns a container's time stamps into times that start at 0 and never go back.

    A stamp that is missing or goes back gets the time of the previous frame plus one interval: AVI
    files with B-frames stamp their last frame 0, and raw streams have no stamps. If the next stamps
    go on from there, as in two recordings copied together, so do the times.
    """

    ASSUMED_FPS = 25.0

    def __init__(self, fps: float | None) -> None:
        self._interval_s = 1.0 / (fps or self.ASSUMED_FPS)
        self._origin_s: float | None = None
        self._new_origin_s: float | None = None  # of stamps that went back
        self._last_s = 0.0

    def time_of(self, stamp_s: float | None) -> float:
        """Return the time of the next frame, with the container stamp `stamp_s`."""
        if self._origin_s is None:
            self._origin_s = stamp_s or 0.0
            return self._last_s
        next_s = self._last_s + self._interval_s
        if stamp_s is None:
            self._last_s = next_s
        elif stamp_s - self._origin_s > self._last_s:
            self._last_s, self._new_origin_s = stamp_s - self._origin_s, None
        elif self._new_origin_s is not None and stamp_s - self._new_origin_s > self._last_s:
            self._last_s, self._origin_s = stamp_s - self._new_origin_s, self._new_origin_s
            self._new_origin_s = None
        else:
            self._last_s, self._new_origin_s = next_s, stamp_s - next_s
        return self._last_s


def check_readable(path: Path) -> None:
    """Raise SourceError if the file cannot be opened at all; decoders do not say why."""
    if path.is_dir():
        raise SourceError(f"{path} is a folder without pictures: name a video file in it.")
    if path.is_fifo() or path.is_char_device():
        return  # reading a byte to try a pipe would lose it
    try:
        with path.open("rb") as file:
            is_empty = not file.read(1)
    except OSError as error:
        raise SourceError(f"Cannot read the video {path}: {error.strerror}.") from error
    if is_empty:
        raise SourceError(f"{path} is an empty file: copy or record it again.")
