"""Small pictures of a video."""

from typing import Any

import numpy.typing as npt

from ...preprocessing.opencv import load_cv2

_WIDTH, _QUALITY = 320, 75


def small_jpeg(image_hwc: npt.NDArray[Any]) -> bytes:
    """Return a picture, uint8 [H, W, 3] BGR, as a JPEG at most 320 pixels wide."""
    cv2 = load_cv2()
    height, width = image_hwc.shape[:2]
    if width > _WIDTH:
        size = (_WIDTH, max(1, round(height * _WIDTH / width)))
        image_hwc = cv2.resize(image_hwc, size, interpolation=cv2.INTER_AREA)
    _, data = cv2.imencode(".jpg", image_hwc, [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])
    return data.tobytes()
