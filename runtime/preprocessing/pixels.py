"""Crop and resize a picture of any size to the graph's square.

Training and the runtime share this code, so that a model sees the same pixels in both. Colour
order, scaling, mean and standard deviation are part of the graph.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from .opencv import load_cv2

Array = npt.NDArray[Any]


def centre_square(height: int, width: int) -> tuple[int, int, int]:
    """Return top, left and side, in pixels, of the square that the network sees."""
    return _square(height, width, 0.5)


def fit_frame(image_hwc: Array, size_px: int, *, place: float = 0.5) -> Array:
    """Return the centre square of a picture at `size_px`: short side to size, centre crop.

    Cropping first gives the same picture as resizing first, wastes no work, and keeps a strip one
    pixel wide from becoming gigabytes.

    Args:
        image_hwc: uint8 [H, W, 3], channels in any order.
        size_px: S, the side of the square in pixels.
        place: position of the square along the longer side, from 0 (left or top) to 1.

    Returns:
        uint8 [S, S, 3], contiguous and never a view of `image_hwc`.

    Raises:
        ValueError: the picture is not uint8 [H, W, 3] or has no pixels, or `place` is outside it.
    """
    if image_hwc.ndim != 3 or image_hwc.shape[2] != 3 or image_hwc.dtype != np.uint8:
        raise ValueError(
            f"a frame must be uint8 [H, W, 3], got {image_hwc.dtype} {list(image_hwc.shape)}"
        )
    height, width = image_hwc.shape[:2]
    top, left, side = _square(height, width, place)
    if side == 0 or size_px < 1 or not 0 <= place <= 1:
        raise ValueError(f"cannot fit a frame of {width}x{height} px to {size_px} px")
    return cut_frame(image_hwc, (top, left, side, side), size_px)


def cut_frame(image_hwc: Array, box: tuple[int, int, int, int], size_px: int) -> Array:
    """Return a part of a picture as a square at `size_px`.

    Args:
        image_hwc: uint8 [H, W, 3], channels in any order.
        box: top, left, height and width of the part in pixels, within the picture.
        size_px: S, the side of the square in pixels.

    Returns:
        uint8 [S, S, 3], contiguous and never a view of `image_hwc`.
    """
    top, left, height, width = box
    part = np.ascontiguousarray(image_hwc[top : top + height, left : left + width])
    if (height, width) == (size_px, size_px):
        return part.copy() if np.shares_memory(part, image_hwc) else part
    cv2 = load_cv2()
    # Area averaging avoids aliasing when shrinking; cubic keeps edges sharp when growing.
    shrinks = height * width > size_px * size_px
    interpolation = cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC
    return cv2.resize(part, (size_px, size_px), interpolation=interpolation)


def _square(height: int, width: int, place: float) -> tuple[int, int, int]:
    side = min(height, width)
    return int((height - side) * place), int((width - side) * place), side
