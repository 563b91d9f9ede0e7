"""Draw an explanation: the heat, the winning patch and its attribute."""

from typing import Any

import numpy as np
import numpy.typing as npt

from ..preprocessing.opencv import load_cv2
from ..preprocessing.pixels import centre_square
from ..results import Explanation
from .text import draw_text, fitted, text_width

OPACITY = 0.4
# Cosines that differ by less get the same colour: noise should not look like a result.
LEAST_SPAN = 0.05
FRAME_BGR, TEXT_BGR = (255, 255, 255), (255, 255, 255)

Array = npt.NDArray[Any]


def draw_heat_map(
    image_hwc: Array, explanation: Explanation, *, free_px: int | None = None
) -> None:
    """Draw heat, winning patch, attribute and weight of a window's newest frame.

    The colours cover the centre square, which is what the network sees. Warm colours mark where
    the label's attributes fit best. Draw the labels afterwards, so that they stay legible.

    Args:
        image_hwc: uint8 [H, W, 3], BGR, the window's newest frame; changed in place.
        explanation: the window's.
        free_px: rows from the top where the attribute stays legible; all if None.
    """
    cv2 = load_cv2()
    reason = explanation.frames[-1]
    top, left, side = centre_square(*image_hwc.shape[:2])
    square = image_hwc[top : top + side, left : left + side]
    heat = np.asarray(reason.heat, np.float32)
    smooth = cv2.resize(_levels(heat), (side, side), interpolation=cv2.INTER_LINEAR)
    colours = cv2.applyColorMap(smooth, cv2.COLORMAP_INFERNO)
    square[:] = cv2.addWeighted(colours, OPACITY, square, 1 - OPACITY, 0)
    rows, columns = heat.shape
    row, column = reason.patch
    corner = (left + column * side // columns, top + row * side // rows)
    opposite = (left + (column + 1) * side // columns - 1, top + (row + 1) * side // rows - 1)
    thick = max(1, side // 160)
    cv2.rectangle(image_hwc, corner, opposite, FRAME_BGR, thick)
    text = f"{reason.attribute} {reason.similarity:.2f}, weight {reason.weight:.2f}"
    _write(image_hwc, text, corner, opposite, free_px or image_hwc.shape[0])


def _levels(heat: Array) -> Array:
    """Return cosines as uint8: 0 for the coldest patch, 255 for the warmest."""
    span = max(float(heat.max() - heat.min()), LEAST_SPAN)
    return np.round((heat - heat.min()) / span * 255).astype(np.uint8)


def _write(
    image_hwc: Array, text: str, corner: tuple[int, int], opposite: tuple[int, int], free_px: int
) -> None:
    """Write below the marked patch, or above if there is no room; always inside the picture."""
    height, width = image_hwc.shape[:2]
    line_px = max(16, height // 24)
    text, line_px = fitted(text, width - 4, line_px)
    text_px = text_width(text, line_px)
    x = max(0, min(corner[0], width - text_px - 2))
    below, above = opposite[1] + 2, corner[1] - line_px - 2
    y = below if below + line_px <= free_px or above < 0 else above
    y = max(0, min(y, height - line_px))
    region = image_hwc[y : y + line_px, x : x + text_px + 2]
    region[:] = region // 3
    draw_text(image_hwc, text, (x, y + round(line_px * 0.72)), line_px, TEXT_BGR)
