"""Areas of a picture, in shares of its sides: what is looked at, and what nobody may see."""

import functools
import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ..preprocessing.opencv import load_cv2

MAX_AREAS, MAX_CORNERS = 100, 100

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Area:
    """A part of a picture.

    Attributes:
        corners: x and y of each corner, 0 to 1 from the left and from the top.
        is_box: whether its sides are the picture's; it then has four corners.
    """

    corners: tuple[tuple[float, float], ...]
    is_box: bool

    def bounds(self, height: int, width: int) -> tuple[int, int, int, int]:
        """Return top, left, bottom and right in pixels, so that the whole area is inside."""
        xs, ys = zip(*self.corners, strict=True)
        return (
            math.floor(min(ys) * height),
            math.floor(min(xs) * width),
            min(height, max(math.ceil(max(ys) * height), math.floor(min(ys) * height) + 1)),
            min(width, max(math.ceil(max(xs) * width), math.floor(min(xs) * width) + 1)),
        )

    def pixels(self, height: int, width: int) -> list[tuple[int, int]]:
        """Return x and y of the corners in pixels."""
        return [(round(x * width), round(y * height)) for x, y in self.corners]


def area_of(value: object) -> Area:
    """Return the area that a list names: `[left, top, right, bottom]`, or `[[x, y], …]`.

    Raises:
        ValueError: it is neither, or not inside the picture; the text is a clause.
    """
    if isinstance(value, list | tuple):
        if len(value) == 4 and all(map(_is_share, value)):
            left, top, right, bottom = map(float, value)
            if left < right and top < bottom:
                corners = ((left, top), (right, top), (right, bottom), (left, bottom))
                return Area(corners, is_box=True)
        elif 3 <= len(value) <= MAX_CORNERS and all(map(_is_point, value)):
            corners = tuple((float(x), float(y)) for x, y in value)
            # A line at the right or lower edge has no pixel.
            if all(len(set(along)) > 1 for along in zip(*corners, strict=True)):
                return Area(corners, is_box=False)
    raise ValueError(
        "an area is a box [left, top, right, bottom] or a polygon [[x, y], …] of 3 to "
        f"{MAX_CORNERS} corners that are not on one line, in shares of the picture from 0 to 1"
    )


@dataclass(frozen=True)
class Mask:
    """What of a picture is nobody's business.

    Attributes:
        areas: they are made black.
    """

    areas: tuple[Area, ...]

    def hide(self, image_hwc: Array) -> Array:
        """Return a picture, uint8 [H, W, 3], with the areas black; it may be changed in place."""
        image = image_hwc if image_hwc.flags.writeable else image_hwc.copy()
        height, width = image.shape[:2]
        for area in self.areas:
            if area.is_box:
                top, left, bottom, right = area.bounds(height, width)
                image[top:bottom, left:right] = 0
            else:
                image[inside(area, height, width)] = 0
        return image


@dataclass(frozen=True)
class Region:
    """A part of a picture that is looked at by itself.

    Attributes:
        name: what results call it.
        area: where it is.
    """

    name: str
    area: Area

    def cut(self, image_hwc: Array) -> Array:
        """Return the region as a square, uint8 [S, S, 3]; black is what it lacks.

        The network looks at squares, and would see the middle of a wide region only. What lies
        beside the region does not count, so it is not shown either.
        """
        height, width = image_hwc.shape[:2]
        top, left, bottom, right = self.area.bounds(height, width)
        part = image_hwc[top:bottom, left:right]
        if not self.area.is_box:
            covered = inside(self.area, height, width)[top:bottom, left:right]
            part = np.where(covered[:, :, None], part, np.uint8(0))
        side = max(part.shape[:2])
        square = np.zeros((side, side, 3), np.uint8)
        y, x = (side - part.shape[0]) // 2, (side - part.shape[1]) // 2
        square[y : y + part.shape[0], x : x + part.shape[1]] = part
        return square


def tiles(columns: int, rows: int) -> tuple[Region, ...]:
    """Return regions that cover a picture, each half a tile into its neighbours.

    Args:
        columns: how many beside each other, from 1.
        rows: how many above each other, from 1.
    """
    xs, ys = _overlapping(columns), _overlapping(rows)
    return tuple(
        Region(
            f"tile {column},{row}",
            Area(((left, top), (right, top), (right, bottom), (left, bottom)), is_box=True),
        )
        for row, (top, bottom) in enumerate(ys, start=1)
        for column, (left, right) in enumerate(xs, start=1)
    )


def _overlapping(count: int) -> list[tuple[float, float]]:
    """Return starts and ends of equal parts of 0 to 1 that overlap by half of their length."""
    length = 2 / (count + 1)
    return [(index * length / 2, index * length / 2 + length) for index in range(count)]


@functools.lru_cache(maxsize=256)
def inside(area: Area, height: int, width: int) -> Array:
    """Return bool [H, W]: which pixels an area covers, even by a part."""
    cv2 = load_cv2()
    found = np.zeros((height, width), np.uint8)
    cv2.fillPoly(found, [np.asarray(area.pixels(height, width), np.int32)], 1)
    # A corner between two pixels touches both.
    return cv2.dilate(found, np.ones((3, 3), np.uint8)).astype(bool)


def _is_share(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= 1


def _is_point(value: object) -> bool:
    return isinstance(value, list | tuple) and len(value) == 2 and all(map(_is_share, value))
