"""Draw results onto a picture."""

from typing import Any

import numpy as np
import numpy.typing as npt

from ..preprocessing.opencv import load_cv2
from ..results import NONE_OF_THESE, Recognition, Score
from .heat_map import draw_heat_map
from .text import draw_text, fitted, text_width

SHOWN_LABELS = 3
# BGR; grey reads well on the bar of what is not decided, too.
WHITE, GREY = (255, 255, 255), (205, 205, 205)
ACCENT, UNDECIDED = (168, 118, 32), (110, 105, 95)

Array = npt.NDArray[Any]


def draw_overlay(image_hwc: Array, time_s: float, latest: Recognition | None) -> None:
    """Draw the time, what is decided, and the best other labels in grey.

    Bars are as long as scores. An explanation lies below everything else.

    Args:
        image_hwc: uint8 [H, W, 3], BGR; changed in place.
        time_s: shown in the upper left corner.
        latest: its labels appear at the bottom; None shows none.
    """
    height = image_hwc.shape[0]
    line_px = max(20, height // 16)
    rows = _rows(latest)[:SHOWN_LABELS] if latest else []
    top = height - line_px * len(rows)
    if latest and latest.explanation:
        draw_heat_map(image_hwc, latest.explanation, free_px=top)
    _darken(image_hwc[: line_px + 4, : 5 * line_px])
    _write(image_hwc, f"{time_s:.1f} s", 0, line_px)
    _darken(image_hwc[top:])
    if latest:
        _draw_rows(image_hwc, rows, latest.decision, top, line_px)


def _rows(found: Recognition) -> list[Score | None]:
    """Return what is decided, which may be none of these, and the best other labels."""
    return list(found.ranked) if found.decision else [None, *found.ranked]


def _draw_rows(
    image_hwc: Array, rows: list[Score | None], decision: str | None, top: int, line_px: int
) -> None:
    cv2 = load_cv2()
    width = image_hwc.shape[1]
    left_px, share_px = line_px // 3, text_width("100%  ", line_px)
    room_px = width - left_px - share_px - 2
    labels = [fitted(row.label if row else NONE_OF_THESE, room_px, line_px) for row in rows]
    type_px = min((height_px for _, height_px in labels), default=line_px)  # one for all rows
    for number, (score, (label, _)) in enumerate(zip(rows, labels, strict=True)):
        y = top + number * line_px
        baseline = y + round(line_px * 0.72)
        is_decided = score is None or score.label == decision
        ink = WHITE if is_decided else GREY
        if score is not None:
            bar_wh = (round(score.score * (width - 1)), y + line_px - 3)
            bar_colour = ACCENT if is_decided else UNDECIDED
            cv2.rectangle(image_hwc, (0, y + 2), bar_wh, bar_colour, cv2.FILLED)
            draw_text(image_hwc, f"{score.score:4.0%}", (left_px, baseline), type_px, ink)
        # The labels stand below each other, however wide the digits before them are.
        at = (left_px + text_width("100%  ", type_px), baseline)
        draw_text(image_hwc, label, at, type_px, ink)


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
