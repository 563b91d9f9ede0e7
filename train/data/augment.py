"""Augments the frames of a clip, all alike: crop, mirror, grey.

The recipe is BIKE's (whwu95/BIKE, utils/Augmentation.py), whose crop is that of TSN and Inception.
There the short side is first resized to 256 px for crops of 224. Since a crop is a fraction of the
area and is resized again, it shows the same without that step. So here it is cut from the original
picture: one resize, and as sharp as what evaluation and the runtime see.
"""

import math
from dataclasses import dataclass

import numpy as np

from ...runtime.engines.graph import Array
from ...runtime.preprocessing.opencv import load_cv2
from ...runtime.preprocessing.pixels import cut_frame

# Fractions of the picture's area, and aspect ratios either way, as in TSN.
_AREA, _ASPECT = (0.08, 1.0), (3 / 4, 4 / 3)
_TRIES = 10


@dataclass(frozen=True)
class Augmentation:
    size_px: int  # S, side of the augmented frames
    flip: float = 0.5  # probability that a clip is mirrored; use 0 if left and right are labels
    grey: float = 0.2  # probability that it becomes grey

    def draw(self, rng: np.random.Generator) -> "Look":
        """Draw one clip's augmentation; always consumes the same count of random numbers."""
        return Look(
            size_px=self.size_px,
            areas=rng.uniform(*_AREA, _TRIES),
            aspects=rng.uniform(*_ASPECT, _TRIES),
            lies=rng.random(_TRIES) < 0.5,
            place=rng.random(2),
            mirrored=bool(rng.random() < self.flip),
            grey=bool(rng.random() < self.grey),
        )


@dataclass(frozen=True, eq=False)
class Look:
    """The augmentation of all frames of one clip."""

    size_px: int  # S
    # Crops to try until one fits the picture: fraction of the area, width to height, and whether to
    # swap these two; [tries]
    areas: Array
    aspects: Array
    lies: Array
    place: Array  # position of the crop between top and bottom, left and right; [2], from 0 to 1
    mirrored: bool
    grey: bool

    def __call__(self, image_hwc: Array) -> Array:
        """Return uint8 [S, S, 3] of a frame, uint8 [H, W, 3] BGR."""
        picture = cut_frame(image_hwc, self.box(*image_hwc.shape[:2]), self.size_px)
        if self.mirrored:
            picture = np.ascontiguousarray(picture[:, ::-1])
        if self.grey:
            cv2 = load_cv2()
            picture = cv2.cvtColor(cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY), cv2.COLOR_GRAY2BGR)
        return picture

    def box(self, height: int, width: int) -> tuple[int, int, int, int]:
        """Return top, left, height and width of the crop of a picture, in pixels."""
        crop_h = crop_w = min(height, width)  # for strips, which fit none of those tried
        for area, aspect, lies in zip(self.areas, self.aspects, self.lies, strict=True):
            wide = max(1, round(math.sqrt(area * height * width * aspect)))
            high = max(1, round(math.sqrt(area * height * width / aspect)))
            wide, high = (high, wide) if lies else (wide, high)
            if wide <= width and high <= height:
                crop_h, crop_w = high, wide
                break
        top, left = self.place * (height - crop_h + 1, width - crop_w + 1)
        return int(top), int(left), crop_h, crop_w
