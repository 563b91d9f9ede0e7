"""Frames to calibrate int8 on, and others to check it with, read as the runtime reads them."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..runtime.bundle.bundle import shipped_bundle
from ..runtime.errors import SourceError
from ..runtime.sources.clips import Array, read_clip
from ..runtime.sources.uri import expand_sources, is_live
from ..runtime.terminal.commandline import log

FRAMES = 128  # to measure with, and as many to compare on
MIN_FRAMES = 16


@dataclass(frozen=True, eq=False)
class Calibration:
    """Frames of one source, dealt in turn to two heaps.

    Attributes:
        source: where they come from, for people.
        frames_bhwc: uint8 [B, S, S, 3], BGR, to measure the ranges of the activations with.
        held_out_bhwc: as many others, to compare the graphs with torch on.
    """

    source: str
    frames_bhwc: Array
    held_out_bhwc: Array


def calibration_files(source: str | None) -> list[str]:
    """Return the videos to calibrate on: at most one for each frame wanted, evenly chosen.

    Args:
        source: a video, a folder or a pattern; None for the sample clip that ships.

    Raises:
        SourceError: there is no video, or it is a camera or an address.
    """
    if source is None:
        return [str(shipped_bundle().parent / "sample.mp4")]
    if is_live(source):
        raise SourceError(f"{source} is live: calibrate on a video file or a folder of them.")
    found = expand_sources([source])
    places = np.linspace(0, len(found) - 1, min(len(found), FRAMES)).round().astype(int)
    return [found[place] for place in places]


def read_calibration(
    files: list[str], *, size_px: int, begin: Callable[[], None] = lambda: None
) -> Calibration:
    """Read frames from `files`, as evenly spread over them and over time as their number allows.

    Of several files, one that cannot be read is named in the log and left out.

    Args:
        files: what `calibration_files` gave.
        size_px: S.
        begin: called before each file.

    Raises:
        SourceError: they hold fewer than 16 different frames altogether, or the only one cannot
            be read.
    """
    each = 2 * max(1, -(-FRAMES // len(files)))
    heaps: tuple[list[Array], list[Array]] = ([], [])
    seen: set[bytes] = set()
    for path in files:
        begin()
        try:
            images = read_clip(path, frames=each, size_px=size_px).images_thwc
        except SourceError as error:
            if len(files) == 1:
                raise
            log.warning("Warning: not calibrated on this one: %s", error)
            continue
        for image in images:
            # A short clip repeats frames, and an empty scene is the same at any time.
            if image.tobytes() not in seen:
                heaps[len(seen) % 2].append(image)
                seen.add(image.tobytes())
    if len(seen) < MIN_FRAMES:
        raise SourceError(
            f"{', '.join(files[:3])}: {len(seen)} different frames are too few to calibrate on, "
            f"{MIN_FRAMES} are the least: give more or longer videos."
        )
    # File names alone: the report must not tell of the folders of the machine that made it.
    name = Path(files[0]).name if len(files) == 1 else f"{len(files)} videos"
    return Calibration(name, np.stack(heaps[0]), np.stack(heaps[1]))
