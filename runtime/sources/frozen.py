"""Whether a picture is still the one before: a camera or relay that hangs repeats its last one."""

from typing import Any

import numpy.typing as npt

from ..preprocessing.opencv import load_cv2

Array = npt.NDArray[Any]
# Decoders may round differently; the noise of a living sensor is larger somewhere in the picture.
# An encoder that goes on encoding a frozen sensor's picture anew is not caught: what it sends
# changes as much as a quiet scene does (13 levels were seen, H.264 at 300 kbit/s).
SAME_WITHIN = 2


class FrozenPicture:
    """Remembers since when a stream has shown one and the same picture."""

    def __init__(self) -> None:
        self._picture: Array | None = None
        self._since_s = 0.0

    def same_for_s(self, image_hwc: Array, now_s: float) -> float:
        """Return for how long the stream has shown `image_hwc`, in seconds; 0 if it is new."""
        if self._picture is None or not _is_same(self._picture, image_hwc):
            self._picture, self._since_s = image_hwc, now_s
        return now_s - self._since_s


def _is_same(first: Array, second: Array) -> bool:
    if first.shape != second.shape:
        return False
    cv2 = load_cv2()
    return cv2.norm(first, second, cv2.NORM_INF) <= SAME_WITHIN
