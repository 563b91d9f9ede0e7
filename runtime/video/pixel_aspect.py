"""Square pixels: pictures whose pixels are wider or higher than that are stretched, as players do.

DV, DVDs and many clips of Kinetics (340 x 256 with 64:51) store them so.
"""

from fractions import Fraction
from typing import Any

import numpy.typing as npt

from ..preprocessing.opencv import load_cv2

Array = npt.NDArray[Any]
# Beyond this it is damage: anamorphic film has 2.
_MOST = 4
# Encoders round sizes to even numbers and make up for it with 640:639, which nobody sees.
_LEAST = Fraction(1, 100)


def square_size(width: int, height: int, aspect: Fraction | None) -> tuple[int, int]:
    """Return width and height of a picture once its pixels are square; nothing becomes smaller.

    Args:
        width: stored, in pixels.
        height: stored, in pixels.
        aspect: width of a pixel by its height; None, nonsense and 1 % more or less mean square.
    """
    if aspect is None or not Fraction(1, _MOST) <= aspect <= _MOST or abs(aspect - 1) < _LEAST:
        return width, height
    if aspect >= 1:
        return round(width * aspect), height
    return width, round(height / aspect)


def stretched(image_hwc: Array, size_wh: tuple[int, int]) -> Array:
    """Return a picture at another size; the same one if it has that size."""
    if image_hwc.shape[1::-1] == size_wh:
        return image_hwc
    cv2 = load_cv2()
    return cv2.resize(image_hwc, size_wh, interpolation=cv2.INTER_CUBIC)
