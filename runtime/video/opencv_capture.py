"""Wrap cv2.VideoCapture: absurd numbers become None, failures SourceError."""

import math
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy.typing as npt

from ..errors import SourceError
from ..preprocessing.opencv import load_cv2
from .pixel_aspect import square_size, stretched

Array = npt.NDArray[Any]


class OpenCvCapture:
    """An open file, camera or address; `is_open` says whether opening worked.

    Attributes:
        name: what messages call it.
        is_open: whether OpenCV can read it at all.
        fps: announced frame rate, or None.
        frame_count: announced number of frames, or None.
        size_wh: width and height in pixels, after rotation.
        codec: the codec's four letters, for messages.
        lost: frames so far that could not be decoded.
        exhausted: whether a failed grab was a regular end; never for a camera or stream.
    """

    exhausted = False

    def __init__(
        self,
        target: str | int,
        name: str,
        *,
        backend: str = "ANY",
        limits_s: tuple[float, float] | None = None,
        threads: int | None = None,
        attempts: int = 1,
    ) -> None:
        """Open it.

        Args:
            target: file, address, pipeline, or a camera's number or device.
            name: what messages call it.
            backend: OpenCV's name of the back end, such as "GSTREAMER".
            limits_s: seconds to wait for an address to open, and for a frame; OpenCV's own limits
                if None. FFmpeg waits up to three times for a frame.
            threads: threads of FFmpeg's decoder; one per core if None, or where the back end has
                no such setting.
            attempts: how often reading may fail in a row before the end of a file.
        """
        self.name = name
        self.lost = 0
        self._attempts = attempts
        self._cv2 = load_cv2()
        api = getattr(self._cv2, f"CAP_{backend}")
        asked: list[int] = []
        if limits_s is not None:
            asked += [self._cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, round(limits_s[0] * 1000)]
            asked += [self._cv2.CAP_PROP_READ_TIMEOUT_MSEC, round(limits_s[1] * 1000)]
        count = [] if threads is None else [self._cv2.CAP_PROP_N_THREADS, threads]
        self._capture = self._open(target, api, asked + count)
        if count and not self._capture.isOpened():
            # Some back ends refuse to open with a number of threads.
            self._capture = self._open(target, api, asked)
        if isinstance(target, int):
            # Old pictures are useless: let the driver hold back only one.
            self._capture.set(self._cv2.CAP_PROP_BUFFERSIZE, 1)
        self.is_open: bool = self._capture.isOpened()
        self.fps = _between(self._get("FPS"), 1e-3, 1e3)
        count = _between(self._get("FRAME_COUNT"), 1, 1e9)
        self.frame_count = int(count) if count else None
        width, height = int(self._get("FRAME_WIDTH")), int(self._get("FRAME_HEIGHT"))
        self._aspect = self._pixel_aspect(is_turned=self._get("ORIENTATION_META") % 180 == 90)
        self.size_wh = square_size(width, height, self._aspect)
        self.codec = _four_letters(int(self._get("FOURCC")))

    @property
    def position_s(self) -> float:
        """The container's time stamp of the last grabbed frame, in seconds."""
        return self._get("POS_MSEC") / 1000

    def grab(self) -> bool:
        """Decode the next frame; False if there is none.

        Raises:
            SourceError: OpenCV fails, for example out of memory.
        """
        for failures in range(self._attempts):
            if self._guarded(self._capture.grab):
                self.lost += failures
                return True
        return False

    def retrieve(self) -> Array | None:
        """Return the grabbed frame as uint8 [H, W, 3] BGR, or None if it cannot be converted.

        Raises:
            SourceError: OpenCV fails, for example out of memory.
        """
        converted, image = self._guarded(self._capture.retrieve)
        if not converted or image is None:
            return None
        height, width = image.shape[:2]
        return stretched(image, square_size(width, height, self._aspect))

    def release(self) -> None:
        """Close it."""
        self._capture.release()

    def _pixel_aspect(self, *, is_turned: bool) -> Fraction | None:
        """Return the aspect of a pixel of an upright picture; None if nobody says."""
        wide, high = int(self._get("SAR_NUM")), int(self._get("SAR_DEN"))
        if wide < 1 or high < 1:
            return None
        return Fraction(high, wide) if is_turned else Fraction(wide, high)

    def _open(self, target: str | int, api: int, asked: list[int]) -> Any:
        return self._cv2.VideoCapture(target, api, *((asked,) if asked else ()))

    def _guarded(self, read: Callable[[], Any]) -> Any:
        try:
            return read()
        except self._cv2.error as error:
            raise SourceError(
                f"OpenCV cannot decode {self.name} ({error.err}): convert or restart the source."
            ) from error

    def _get(self, name: str) -> float:
        return self._capture.get(getattr(self._cv2, f"CAP_PROP_{name}"))


def _between(value: float, low: float, high: float) -> float | None:
    return value if math.isfinite(value) and low <= value <= high else None


def _four_letters(code: int) -> str:
    letters = code.to_bytes(4, "little", signed=code < 0).decode("latin-1")
    return letters if letters.isprintable() and letters.strip() else "unknown"
