"""Draw shapes by name on a small canvas, at sub-pixel positions."""

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from ..preprocessing.opencv import load_cv2

cv2 = load_cv2()
Array = npt.NDArray[Any]
Colour = tuple[int, int, int]

_FRACTION_BITS = 4  # OpenCV's fixed-point coordinates: 1/16 px


def _polygon(corners: int, start: float = -math.pi / 2) -> Array:
    angles = start + 2 * math.pi * np.arange(corners) / corners
    return np.stack([np.cos(angles), np.sin(angles)], 1)


def _star() -> Array:
    radii = np.where(np.arange(10) % 2 == 0, 1.1, 0.45)[:, None]
    return _polygon(10) * radii


def _cross() -> Array:
    a, b = 0.33, 1.0
    corners = [(-a, -b), (a, -b), (a, -a), (b, -a), (b, a), (a, a), (a, b), (-a, b), (-a, a)]
    return np.array([*corners, (-b, a), (-b, -a), (-a, -a)])


def _heart() -> Array:
    t = np.linspace(0, 2 * math.pi, 32, endpoint=False)
    y = 13 * np.cos(t) - 5 * np.cos(2 * t) - 2 * np.cos(3 * t) - np.cos(4 * t)
    return np.stack([16 * np.sin(t) ** 3, -y], 1) / 16


def _crescent() -> Array:
    outer = np.linspace(math.radians(50), math.radians(310), 24)
    inner = outer[::-1]
    bow = np.stack([np.cos(outer), np.sin(outer)], 1)
    cut = np.stack([0.75 * np.cos(inner) + 0.35, 0.8 * np.sin(inner)], 1)
    return np.concatenate([bow, cut])


OUTLINES: dict[str, Array] = {
    "circle": _polygon(32),
    "square": _polygon(4, math.pi / 4) * 1.2,
    "triangle": _polygon(3) * 1.2,
    "star": _star(),
    "cross": _cross(),
    "ring": _polygon(32),
    "diamond": _polygon(4) * np.array([0.75, 1.3]),
    "heart": _heart(),
    "hourglass": np.array([(-0.9, -1.0), (0.9, -1.0), (-0.9, 1.0), (0.9, 1.0)]),
    "crescent": _crescent(),
}
HOLLOW = {"ring"}


def background(rng: np.random.Generator, size_px: int) -> Array:
    """Return a dark, uneven background, uint8 [S, S, 3]."""
    corners = rng.uniform(10, 70, (2, 2, 3)).astype(np.float32)
    smooth = cv2.resize(corners, (size_px, size_px), interpolation=cv2.INTER_LINEAR)
    grain = rng.normal(0, 3, smooth.shape)
    return np.clip(smooth + grain, 0, 255).astype(np.uint8)


def draw_shape(
    canvas: Array, shape: str, centre: tuple[float, float], radius: float, colour: Colour
) -> None:
    """Draw `shape` onto `canvas`; positions and radius in pixels, clipped at the edges."""
    points = OUTLINES[shape] * radius + np.asarray(centre)
    fixed = np.round(points * (1 << _FRACTION_BITS)).astype(np.int32)
    if shape in HOLLOW:
        width = max(2, round(radius * 0.35))
        cv2.polylines(canvas, [fixed], True, colour, width, cv2.LINE_AA, _FRACTION_BITS)
    else:
        cv2.fillPoly(canvas, [fixed], colour, cv2.LINE_AA, _FRACTION_BITS)


def draw_line(
    canvas: Array, start: tuple[float, float], end: tuple[float, float], colour: Colour, width: int
) -> None:
    """Draw a line between two points in pixels."""
    fixed = [tuple(round(v * (1 << _FRACTION_BITS)) for v in point) for point in (start, end)]
    cv2.line(canvas, fixed[0], fixed[1], colour, width, cv2.LINE_AA, _FRACTION_BITS)
