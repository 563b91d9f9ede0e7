"""The clip of one event: pictures of a ring become an H.264 file, while the event goes on."""

import contextlib
from pathlib import Path

from ..drawing.overlay import fit_inside
from ..errors import StzsarError
from ..video.writer import VideoWriter, open_writer
from .record import StoredEvent
from .ring import FrameRing, Picture
from .stills import decoded

# A clip of an event that lasts longer ends here.
LONGEST_CLIP_S = 120.0


class ClipError(StzsarError):
    """A clip could not be written."""


class Clip:
    """Writes the pictures from `before_s` ahead of an event's start to `after_s` behind its end.

    It reads the ring as the event goes on, so that a long event needs no more memory than a short
    one. Its pictures are shown for as long as they were in the stream.

    Attributes:
        event: the event.
        path: the file that is being written.
        until_s: the end of the clip as far as it is known, in seconds of the source.
        left_out: pictures that were gone from the ring before they could be written; about how many
            at its beginning.
    """

    def __init__(
        self, event: StoredEvent, path: Path, ring: FrameRing, *, from_s: float, fps: float
    ) -> None:
        self.event, self.path = event, path
        self.until_s = from_s
        self.left_out = 0
        self._ring, self._from_s, self._fps = ring, from_s, fps
        self._number = -1
        self._shown = 0  # pictures of the file
        self._first_s = 0.0
        self._last: Picture | None = None
        self._writer: VideoWriter | None = None
        self._size_wh = (0, 0)

    @property
    def is_complete(self) -> bool:
        """Whether the stream has come past the end of the clip."""
        return self._ring.newest_s > self.until_s

    @property
    def seconds(self) -> float:
        """How long the file plays."""
        return self._shown / self._fps

    def extend(self, until_s: float) -> None:
        """Let the clip go on until a time of the source, within `LONGEST_CLIP_S`."""
        self.until_s = max(self.until_s, min(until_s, self._from_s + LONGEST_CLIP_S))

    def advance(self) -> bool:
        """Write the next picture; return False if there is none yet.

        Raises:
            ClipError: the file cannot be written any further.
        """
        picture = self._ring.after(self._number, self._from_s)
        if picture is None or picture.time_s > self.until_s:
            return False
        if self._last is None:
            self._first_s = picture.time_s
            missing_s = min(self._ring.forgotten_s, picture.time_s) - self._from_s
            self.left_out += 1 + int(missing_s * self._fps) if missing_s > 0 else 0
        else:
            self.left_out += picture.number - self._number - 1
            self._show(self._last, until_s=picture.time_s)
        self._number, self._last = picture.number, picture
        return True

    def finish(self) -> bool:
        """Complete the file; return whether it shows anything.

        Raises:
            ClipError: it could not be completed.
        """
        if self._last is None:
            return False
        self._show(self._last, until_s=self._last.time_s + 1 / self._fps)
        try:
            if self._writer:
                self._writer.close()
        except OSError as error:
            self.discard()
            raise self._error(error) from error
        return self._shown > 0

    def discard(self) -> None:
        """Remove what was written."""
        with contextlib.suppress(OSError):
            if self._writer:
                self._writer.close()
        self.path.unlink(missing_ok=True)

    def _show(self, picture: Picture, *, until_s: float) -> None:
        """Write a picture as often as it is to be seen until `until_s`."""
        copies = round((until_s - self._first_s) * self._fps) - self._shown
        if copies <= 0:
            return
        image = decoded(picture.jpeg)
        try:
            if self._writer is None:
                height, width = image.shape[:2]
                self._size_wh = (max(2, width // 2 * 2), max(2, height // 2 * 2))
                self._writer = open_writer(self.path, self._fps, self._size_wh, fragments=False)
            if image.shape[1::-1] != self._size_wh:
                image = fit_inside(image, self._size_wh)
            for _ in range(copies):
                self._writer.write(image)
                self._shown += 1
        except OSError as error:
            raise self._error(error) from error

    def _error(self, error: OSError) -> ClipError:
        reason = error.strerror or "the disk may be full"
        return ClipError(f"The clip of event {self.event.id} could not be written: {reason}.")
