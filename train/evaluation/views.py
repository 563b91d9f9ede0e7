"""Views: which frames of a clip a family tests on, and which pixels of them.

A family's published figures belong to its view. Each view here follows the arithmetic of the
family's own test, to the index and the pixel of a decoded frame.

Shapes: N frames in the file, T frames of a view, S the side of the network's square.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ...runtime.errors import SourceError
from ...runtime.preprocessing.opencv import load_cv2
from ...runtime.preprocessing.pixels import fit_frame
from ...runtime.preprocessing.sampling import segment_indices
from .model import Array

# A strip one pixel wide would become gigabytes where the short side grows.
_MOST_PIXELS = 2**26
OURS = "stzsar"


@dataclass(frozen=True, kw_only=True)
class View:
    """How a family looks at a clip.

    `choose(N, T, clips)` gives the indices of each clip's T frames, clip after clip; a clip of
    fewer than T frames repeats some. `fit(image, S, crops)` cuts a frame, uint8 [H, W, 3], into
    [crops, S, S, 3].
    """

    what: str  # for the help of --view
    choose: Callable[[int, int, int], list[int]]
    fit: Callable[[Array, int, int], Array]
    # Whether the family averages several clips, and crops, in this way
    many_clips: bool = True
    many_crops: bool = True


def _middles(count: int, frames: int, clips: int) -> list[int]:
    """The frame at the same part of each segment; of a single clip the middle one."""
    offsets = [(clip + 0.5) / clips for clip in range(clips)]
    return [index for at in offsets for index in segment_indices(count, frames, offset=at)]


def _starts(count: int, frames: int, clips: int) -> list[int]:
    """BIKE: the first frame of each segment; further clips start up to a segment later."""
    tick = count / frames
    starts = np.linspace(0, tick - 1, num=clips, dtype=int).tolist()
    return [int(start + tick * place) % count for start in starts for place in range(frames)]


def _centres(count: int, frames: int, clips: int) -> list[int]:
    """ActionCLIP: the middle of each segment's first and last frame."""
    assert clips == 1
    if count <= frames:
        return [place * count // frames for place in range(frames)]
    offset = (count / frames - 1) / 2
    return [int(place * count / frames + offset) for place in range(frames)]


def _our_squares(image_hwc: Array, size_px: int, crops: int) -> Array:
    places = {1: (0.5,), 3: (0.0, 0.5, 1.0)}[crops]
    return np.stack([fit_frame(image_hwc, size_px, place=place) for place in places])


def _from_256(size_px: int) -> int:
    """BIKE and Text4Vis: 256 for networks of 224 px; larger ones see all of the short side."""
    return 256 if size_px == 224 else size_px


def _in_proportion(size_px: int) -> int:
    """ActionCLIP: 256 for 224, 384 for 336."""
    return size_px * 256 // 224


def _bicubic(short_side: Callable[[int], int]) -> Callable[[Array, int, int], Array]:
    """Return Pillow's bicubic, as torchvision's Resize uses it, then crops of S."""

    def fit(image_hwc: Array, size_px: int, crops: int) -> Array:
        from PIL import Image

        height, width = image_hwc.shape[:2]
        short = short_side(size_px)
        # The longer side is cut off, not rounded.
        long = int(short * max(height, width) / min(height, width))
        _check_size(image_hwc, short * long)
        size = (short, long) if width <= height else (long, short)
        resized = np.asarray(Image.fromarray(image_hwc).resize(size, Image.Resampling.BICUBIC))
        width, height = size
        if crops == 1:
            corners = [(round((height - size_px) / 2), round((width - size_px) / 2))]
        else:
            down, right = (height - size_px) // 4, (width - size_px) // 4
            corners = [(2 * down, step * right) for step in (0, 2, 4)]
        return _cut(resized, corners, size_px)

    return fit


def _bilinear(image_hwc: Array, size_px: int, crops: int) -> Array:
    """ViFi-CLIP: OpenCV's bilinear as in mmcv; three crops see all of the short side."""
    height, width = image_hwc.shape[:2]
    short = int(256 / 224 * size_px) if crops == 1 else size_px
    scale = short / min(height, width)
    size = int(width * scale + 0.5), int(height * scale + 0.5)
    _check_size(image_hwc, size[0] * size[1])
    cv2 = load_cv2()
    resized = cv2.resize(image_hwc, size, interpolation=cv2.INTER_LINEAR)
    across, down = (size[0] - size_px) // 2, (size[1] - size_px) // 2
    steps = (1,) if crops == 1 else (0, 1, 2)
    wide = size[0] > size[1]
    corners = [
        (down if wide or crops == 1 else step * down, step * across if wide else across)
        for step in steps
    ]
    return _cut(resized, corners, size_px)


def _check_size(image_hwc: Array, pixels: int) -> None:
    if pixels > _MOST_PIXELS:
        height, width = image_hwc.shape[:2]
        raise SourceError(
            f"A frame of {width}x{height} px is too long and thin for this view: cut the clip, or "
            "use --view stzsar."
        )


def _cut(image_hwc: Array, corners: list[tuple[int, int]], size_px: int) -> Array:
    return np.stack(
        [image_hwc[top : top + size_px, left : left + size_px] for top, left in corners]
    )


VIEWS = {
    OURS: View(
        what="the middle of each segment, the whole short side, area averaging",
        choose=_middles,
        fit=_our_squares,
    ),
    "bike": View(
        what="BIKE's and Text4Vis's: the start of each segment, short side 256, crops of 224",
        choose=_starts,
        fit=_bicubic(_from_256),
    ),
    "mote": View(
        what="MoTE's: the start of each segment, the whole short side",
        choose=_starts,
        fit=_bicubic(lambda size_px: size_px),
    ),
    "actionclip": View(
        what="ActionCLIP's: the middle of each segment, short side 256, one crop of 224",
        choose=_centres,
        fit=_bicubic(_in_proportion),
        many_clips=False,
        many_crops=False,
    ),
    "vifi-clip": View(
        what="ViFi-CLIP's, OST's and MAXI's: the middle of each segment, short side 256, a crop of "
        "224; three crops see the whole short side",
        choose=_middles,
        fit=_bilinear,
        many_clips=False,
    ),
}
