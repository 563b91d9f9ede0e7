"""Draw results onto a picture."""

from typing import Any

import numpy as np
import numpy.typing as npt

from ..preprocessing.opencv import load_cv2
from ..results import Recognition
from .heat_map import draw_heat_map
from .text import draw_text, fitted, text_width

SHOWN_LABELS = 3
WHITE, ACCENT, UNDECIDED = (255, 255, 255), (168, 118, 32), (110, 105, 95)  # BGR

Array = npt.NDArray[Any]


def draw_overlay(image_hwc: Array, time_s: float, latest: Recognition | None) -> None:
    """Draw the time and the best labels, with bars as long as their scores.

    The bar of the decision has its own colour. An explanation lies below everything else.

    Args:
        image_hwc: uint8 [H, W, 3], BGR; changed in place.
        time_s: shown in the upper left corner.
        latest: its labels appear at the bottom; None shows none.
    """
    cv2 = load_cv2()
    height, width = image_hwc.shape[:2]
    line_px = max(20, height // 16)
    best = latest.top[:SHOWN_LABELS] if latest else ()
    top = height - line_px * len(best)
    if latest and latest.explanation:
        draw_heat_map(image_hwc, latest.explanation, free_px=top)
    _darken(image_hwc[: line_px + 4, : 5 * line_px])
    _write(image_hwc, f"{time_s:.1f} s", 0, line_px)
    _darken(image_hwc[top:])
    left_px, share_px = line_px // 3, text_width("100%  ", line_px)
    room_px = width - left_px - share_px - 2
    labels = [fitted(score.label, room_px, line_px) for score in best]
    type_px = min((height_px for _, height_px in labels), default=line_px)  # one for all rows
    for row, score in enumerate(best):
        y = top + row * line_px
        bar_wh = (round(score.score * (width - 1)), y + line_px - 3)
        is_decided = latest is not None and score.label == latest.decision
        colour = ACCENT if is_decided else UNDECIDED
        cv2.rectangle(image_hwc, (0, y + 2), bar_wh, colour, cv2.FILLED)
        baseline = y + round(line_px * 0.72)
        draw_text(image_hwc, f"{score.score:4.0%}", (left_px, baseline), type_px, WHITE)
        # The labels stand below each other, however wide the digits before them are.
        at = (left_px + text_width("100%  ", type_px), baseline)
        draw_text(image_hwc, labels[row][0], at, type_px, WHITE)


def draw_caption(image_hwc: Array, text: str) -> None:
    """Write a line below the time, in place."""
    line_px = max(20, image_hwc.shape[0] // 16)
    _darken(image_hwc[line_px + 4 : 2 * line_px + 4])
    plain = "".join(c if c.isprintable() else " " for c in text)
    _write(image_hwc, plain, line_px + 2, line_px)


def fit_inside(image_hwc: Array, size_wh: tuple[int, int]) -> Array:
    """Return a copy at `size_wh`, with black borders if the aspect ratio differs."""
    cv2 = load_cv2()
    width, height = size_wh
    scale = min(width / image_hwc.shape[1], height / image_hwc.shape[0])
    inner_wh = (
        min(width, max(1, round(image_hwc.shape[1] * scale))),
        min(height, max(1, round(image_hwc.shape[0] * scale))),
    )
    fitted = np.zeros((height, width, 3), np.uint8)
    left, top = (width - inner_wh[0]) // 2, (height - inner_wh[1]) // 2
    resized = cv2.resize(image_hwc, inner_wh, interpolation=cv2.INTER_LINEAR)
    fitted[top : top + inner_wh[1], left : left + inner_wh[0]] = resized
    return fitted


def _write(image_hwc: Array, text: str, y: int, line_px: int) -> None:
    """Write a line at `y`, so small or so shortened that none of it lies outside the picture."""
    x = line_px // 3
    text, height_px = fitted(text, image_hwc.shape[1] - x - 2, line_px)
    draw_text(image_hwc, text, (x, y + round(line_px * 0.72)), height_px, WHITE)


def _darken(region: Array) -> None:
    region[:] = region // 3
