"""Where pictures move, over a while, and the regions that this proposes."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ..preprocessing.opencv import load_cv2
from .areas import Area, Region

# The side of the small pictures that are compared: a person far away is a few pixels of it.
WIDTH_PX = 192
# Narrower pictures are not those of cameras; a picture of one column would be a very tall one.
TALLEST_PX = 4 * WIDTH_PX
# Levels of 255 that are above the noise of most cameras.
NOISE = 14
# A picture that changes so much is another light or another view.
MOST_AT_ONCE = 0.6
# Shares of the pictures: what moves less often is chance.
LEAST_OFTEN = 0.01
# Gaps in a motion, and what is around somebody, in shares of the picture's width and of the box.
JOINED, AROUND = 0.04, 0.2
# A side of a region, in shares of the picture's shorter side; the area of one, in shares of the
# picture's: a larger one is as good as the whole.
SMALLEST, LARGEST = 0.15, 0.6
MOST_REGIONS, MOST_MASKS = 6, 4096
# Two boxes of which so much is common are one.
COMMON = 0.35

Array = npt.NDArray[Any]
Box = tuple[float, float, float, float]  # left, top, right, bottom


@dataclass(frozen=True)
class Proposal:
    """A region that was found.

    Attributes:
        region: a square in pixels, where the picture is large enough.
        moving: the share of the pictures in which something in it moved.
    """

    region: Region
    moving: float


class MotionMap:
    """Counts in how many pictures each place moved.

    Attributes:
        pictures: how many were compared.
    """

    def __init__(self) -> None:
        self.pictures = 0
        self._before: Array | None = None
        self._counts: Array | None = None
        # Which places moved in some of the pictures; of a long film, in every second, fourth, ...
        self._masks: list[Array] = []
        self._every = 1
        self._size_wh = (0, 0)

    def add(self, image_hwc: Array) -> None:
        """Compare a picture, uint8 [H, W, 3], with the one before; another size begins anew."""
        cv2 = load_cv2()
        height, width = image_hwc.shape[:2]
        if (width, height) != self._size_wh:
            self._size_wh = width, height
            self._before = self._counts = None
            self.pictures, self._masks, self._every = 0, [], 1
        small_wh = WIDTH_PX, max(1, min(TALLEST_PX, round(WIDTH_PX * height / width)))
        small = cv2.resize(image_hwc, small_wh, interpolation=cv2.INTER_AREA)
        grey = cv2.GaussianBlur(cv2.cvtColor(small, cv2.COLOR_BGR2GRAY), (3, 3), 0)
        before, self._before = self._before, grey
        if before is None:
            return
        self.pictures += 1
        moving = cv2.absdiff(grey, before) > NOISE
        if self._counts is None:
            self._counts = np.zeros(moving.shape, np.int32)
        if moving.mean() > MOST_AT_ONCE:
            moving[:] = False
        self._counts += moving
        if self.pictures % self._every == 0:
            self._masks.append(np.packbits(moving))
            if len(self._masks) > MOST_MASKS:
                del self._masks[1::2]
                self._every *= 2

    def heat(self) -> Array:
        """Return the share of the pictures in which each place moved, float [h, w]."""
        if self._counts is None:
            return np.zeros((1, 1))
        return self._counts / max(1, self.pictures)

    def proposals(self) -> list[Proposal]:
        """Return the regions in which something moves, those that move most first."""
        if self._counts is None:
            return []
        cv2 = load_cv2()
        often = (self._counts >= max(2, LEAST_OFTEN * self.pictures)).astype(np.uint8)
        side = 2 * round(JOINED * WIDTH_PX / 2) + 1
        joined = cv2.morphologyEx(often, cv2.MORPH_CLOSE, np.ones((side, side), np.uint8))
        _, _, stats, _ = cv2.connectedComponentsWithStats(joined, connectivity=8)
        boxes = [self._around(*(int(value) for value in row[:4])) for row in stats[1:]]
        masks = [np.unpackbits(mask, count=often.size).reshape(often.shape) for mask in self._masks]
        found = [(self._moving(box, masks), box) for box in _merged(boxes)]
        most = [
            (moving, box)
            for moving, box in sorted(found, reverse=True)
            if moving >= LEAST_OFTEN and (box[2] - box[0]) * (box[3] - box[1]) < LARGEST
        ]
        return [
            Proposal(Region(f"motion {number}", _area(box)), moving)
            for number, (moving, box) in enumerate(most[:MOST_REGIONS], start=1)
        ]

    def _around(self, left: int, top: int, width: int, height: int) -> Box:
        """Return a square around a part of the small picture, in shares of the picture."""
        assert self._counts is not None
        rows, columns = self._counts.shape
        side = max((1 + 2 * AROUND) * max(width, height), SMALLEST * min(rows, columns))
        x, y = left + width / 2, top + height / 2
        (start_x, end_x), (start_y, end_y) = _within(x, side, columns), _within(y, side, rows)
        return start_x, start_y, end_x, end_y

    def _moving(self, box: Box, masks: list[Array]) -> float:
        assert self._counts is not None
        rows, columns = self._counts.shape
        part = (
            slice(int(box[1] * rows), max(int(box[1] * rows) + 1, round(box[3] * rows))),
            slice(int(box[0] * columns), max(int(box[0] * columns) + 1, round(box[2] * columns))),
        )
        return sum(bool(mask[part].any()) for mask in masks) / max(1, len(masks))


def _within(middle: float, side: float, length: int) -> tuple[float, float]:
    """Return from and to of a side around a middle, moved into 0 to 1."""
    share = min(1.0, side / length)
    start = min(max(0.0, middle / length - share / 2), 1.0 - share)
    return start, start + share


def _merged(boxes: list[Box]) -> list[Box]:
    """Join boxes that have much in common, until none are left."""
    left = list(boxes)
    for first in left:
        for second in left:
            if first is not second and _common(first, second) > COMMON:
                both = [one for one in left if one is not first and one is not second]
                lows = (min(first[0], second[0]), min(first[1], second[1]))
                highs = (max(first[2], second[2]), max(first[3], second[3]))
                return _merged([*both, (*lows, *highs)])
    return left


def _common(first: Box, second: Box) -> float:
    """Return the share of the smaller box that the other has, too."""
    width = min(first[2], second[2]) - max(first[0], second[0])
    height = min(first[3], second[3]) - max(first[1], second[1])
    sizes = [(right - left) * (bottom - top) for left, top, right, bottom in (first, second)]
    return max(0.0, width) * max(0.0, height) / min(sizes)


def _area(box: Box) -> Area:
    left, top, right, bottom = (round(value, 3) for value in box)
    return Area(((left, top), (right, top), (right, bottom), (left, bottom)), is_box=True)
