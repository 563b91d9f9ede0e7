"""Draws the first picture of each source with its regions and masks."""

import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from .. import atomic
from ..drawing.text import draw_text
from ..errors import SourceError, StzsarError
from ..preprocessing.opencv import load_cv2
from ..sources.areas import Area
from ..sources.feed import FeedOptions
from ..sources.open_feed import open_feed
from ..sources.spec import SourceSpec
from ..terminal.commandline import say
from .options import RunOptions
from .reading import specs_from
from .video_paths import video_paths

# An address that gives no picture by then is most likely wrong.
PATIENCE_S = 20.0
_EVERY_FRAME_FPS = 1000.0
_GREEN, _RED, _WHITE = (80, 200, 60), (60, 60, 230), (255, 255, 255)  # BGR

Array = npt.NDArray[Any]


def show_regions(options: RunOptions, target: Path) -> None:
    """Write a PNG for each source; see `RunOptions.show_regions`.

    Raises:
        StzsarError: a source gives no picture, or a file cannot be written.
    """
    specs = specs_from(options)
    if not target.suffix:  # a folder, for one source as for several
        target.mkdir(parents=True, exist_ok=True)
    paths = video_paths(specs, target, option="--show-regions", suffix=".png")
    if any(path.suffix.lower() != ".png" for path in paths.values()):
        raise StzsarError(f"Cannot draw {target}: give it a name that ends in .png.")
    cv2 = load_cv2()
    for source, path in paths.items():
        of_source = [spec for spec in specs if spec.source == source]
        picture = drawn(_first_picture(of_source[0]), of_source)
        path.parent.mkdir(parents=True, exist_ok=True)
        atomic.write_file(path, cv2.imencode(".png", picture)[1].tobytes())
        if not options.quiet:
            say(f"{source} is in {path}.")


def drawn(image_hwc: Array, specs: Sequence[SourceSpec]) -> Array:
    """Return a picture with the regions and masks of its source drawn on it.

    Args:
        image_hwc: uint8 [H, W, 3], BGR, already masked.
        specs: the source, once for each of its regions.
    """
    picture = image_hwc.copy()
    mask = specs[0].mask
    for area in mask.areas if mask else ():
        draw_area(picture, area, "mask", _RED)
    for spec in specs:
        if spec.region:
            draw_area(picture, spec.region.area, spec.region.name, _GREEN)
    return picture


def draw_area(picture: Array, area: Area, name: str, colour: tuple[int, int, int]) -> None:
    """Draw an area with its name onto a picture, uint8 [H, W, 3], in a colour (BGR)."""
    cv2 = load_cv2()
    height, width = picture.shape[:2]
    line_px = max(14, height // 30)
    corners = np.asarray(area.pixels(height - 1, width - 1), np.int32)
    cv2.polylines(picture, [corners], True, colour, max(1, height // 300))
    left, top = corners.min(axis=0)
    place = (int(left) + line_px // 3, min(height - 2, int(top) + line_px))
    draw_text(picture, name, place, line_px, _WHITE)


def _first_picture(spec: SourceSpec) -> Array:
    wake = threading.Event()
    feed = open_feed(spec, FeedOptions(wake=wake), _EVERY_FRAME_FPS)
    feed.start()
    try:
        deadline_s = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline_s:
            if captured := feed.take():
                return captured.frame.image_hwc
            if feed.finished:
                break
            wake.wait(0.1)
            wake.clear()
    finally:
        feed.stop()
    raise feed.error or SourceError(f"{spec.source} has given no picture in {PATIENCE_S:g} s.")
