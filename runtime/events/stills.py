"""The picture of an event: the one of its best window, clean and with the result drawn on it."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ..drawing.overlay import draw_overlay
from ..preprocessing.opencv import load_cv2
from ..results import Recognition

QUALITY = 85

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Peak:
    """An event at its best.

    Attributes:
        time_s: when, in seconds of the source: the middle of the window.
        jpeg: the picture at that time.
        found: the result of the window.
    """

    time_s: float
    jpeg: bytes
    found: Recognition

    def annotated(self) -> bytes:
        """Return the picture with the result drawn on it, as a JPEG."""
        image = decoded(self.jpeg)
        draw_overlay(image, self.time_s, self.found)
        return encoded(image)


def encoded(image_hwc: Array) -> bytes:
    """Return a picture, uint8 [H, W, 3] BGR, as a JPEG."""
    cv2 = load_cv2()
    _, data = cv2.imencode(".jpg", image_hwc, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
    return data.tobytes()


def decoded(jpeg: bytes) -> Array:
    """Return a JPEG as uint8 [H, W, 3] BGR."""
    cv2 = load_cv2()
    return cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)
