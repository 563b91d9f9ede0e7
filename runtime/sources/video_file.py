"""Read video files: every frame that decodes, and an error at the end if some did not."""

from collections.abc import Iterator
from pathlib import Path

from ..errors import SourceError
from ..preprocessing.opencv import opencv_path
from .capture import Capture
from .frames import Due, Frame

# Intact files announce up to a fifth more frames than they have; files that lost half of their
# data have less than 60 % (measured on 88 clips in 12 codecs).
WHOLE_SHARE = 0.7
# A damaged packet fails once or twice; the end of a file is final.
READ_ATTEMPTS = 5


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
            raise SourceError(
                f"{self.name} has no frame that can be decoded here (codec {capture.codec}): "
                "convert it, for example with ffmpeg -i IN -c:v libx264 OUT.mp4."
            )

    @classmethod
    def open(
        cls, path: str | Path, name: str | None = None, *, threads: int | None = None
    ) -> "VideoSource":
        """Open a file.

        Args:
            path: the file.
            name: what messages call it; its path if None.
            threads: threads of the decoder; its own choice if None.

        Raises:
            SourceError: the file is missing, unreadable, or has no frame that can be decoded.
        """
        _check_readable(Path(path))
        target = opencv_path(Path(path), SourceError)
        capture = Capture(target, name or str(path), threads=threads)
        if not capture.is_open:
            raise SourceError(
                f"{path} is not a video that can be read: it is another kind of file, or cut short."
            )
        return cls(capture)

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
            has_frame, stumbles = self._grab_next()
            lost += stumbles if has_frame else 0
        self._check_whole(index, lost)

    def close(self) -> None:
        """Close the file."""
        self._capture.release()

    def _grab_next(self) -> tuple[bool, int]:
        """Return whether there is another frame, and how many attempts failed before it."""
        for stumbles in range(READ_ATTEMPTS):
            if self._capture.grab():
                return True, stumbles
        return False, READ_ATTEMPTS

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

    AVI files with B-frames stamp their first frame late and their last one 0, and some back ends
    give no stamps at all: such a frame gets the time of the previous one plus one interval.
    """

    ASSUMED_FPS = 25.0

    def __init__(self, fps: float | None) -> None:
        self._interval_s = 1.0 / (fps or self.ASSUMED_FPS)
        self._origin_s: float | None = None
        self._last_s = 0.0

    def time_of(self, stamp_s: float) -> float:
        """Return the time of the next frame, with the container stamp `stamp_s`."""
        if self._origin_s is None:
            self._origin_s = stamp_s
            return self._last_s
        time_s = stamp_s - self._origin_s
        self._last_s = time_s if time_s > self._last_s else self._last_s + self._interval_s
        return self._last_s


def _check_readable(path: Path) -> None:
    """Raise SourceError if the file cannot be opened at all; decoders do not say why."""
    if path.is_dir():
        raise SourceError(f"{path} is a folder: name a video file in it.")
    if path.is_fifo() or path.is_char_device():
        return  # reading a byte to try a pipe would lose it
    try:
        with path.open("rb") as file:
            is_empty = not file.read(1)
    except OSError as error:
        raise SourceError(f"Cannot read the video {path}: {error.strerror}.") from error
    if is_empty:
        raise SourceError(f"{path} is an empty file: copy or record it again.")
