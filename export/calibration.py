"""Frames to calibrate int8 on, and others to check it with, read as the runtime reads them."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..runtime.bundle.bundle import shipped_bundle
from ..runtime.errors import SourceError
from ..runtime.sources.clips import Array, read_clip
from ..runtime.sources.uri import expand_sources, is_live
from ..runtime.terminal.commandline import console, log
from ..runtime.terminal.progress import bar

FRAMES = 128  # to calibrate on, and as many to compare on
MIN_FRAMES = 16


@dataclass(frozen=True, eq=False)
class Calibration:
    """Different frames of one source, half of them held out."""

    source: str  # name of the source
    frames_bhwc: Array  # uint8 BGR [B, S, S, 3], to measure the ranges of activations on
    held_out_bhwc: Array  # as many others, to compare the graphs with torch on


def calibration_files(source: str | None) -> list[str]:
    """Return the videos to calibrate on, at most `FRAMES`, evenly chosen.

    Args:
        source: a video, a folder or a pattern; None for the shipped sample clip.

    Raises:
        SourceError: there is no video, or the source is a camera or an address.
    """
    if source is None:
        return [str(shipped_bundle().parent / "sample.mp4")]
    if is_live(source):
        raise SourceError(f"{source} is live. Calibrate on a video file or a folder of them.")
    files = expand_sources([source])
    chosen = np.linspace(0, len(files) - 1, min(len(files), FRAMES)).round().astype(int)
    return [files[index] for index in chosen]


def read_calibration(files: list[str], *, size_px: int) -> Calibration:
    """Read frames [S, S] spread evenly over the files and over time.

    If there are several files, it logs unreadable ones and leaves them out.

    Raises:
        SourceError: there are fewer than 16 different frames, or the only file is unreadable.
    """
    frames_per_file = 2 * max(1, -(-FRAMES // len(files)))
    halves: tuple[list[Array], list[Array]] = ([], [])
    seen: set[bytes] = set()
    with bar(console.is_terminal) as progress:
        for path in progress.track(files, description="reading videos"):
            try:
                images = read_clip(path, frames=frames_per_file, size_px=size_px).images_thwc
            except SourceError as error:
                if len(files) == 1:
                    raise
                log.warning("Warning: not calibrated on this file: %s", error)
                continue
            for image in images:
                # Short clips repeat frames, and an empty scene always looks the same.
                if image.tobytes() not in seen:
                    halves[len(seen) % 2].append(image)
                    seen.add(image.tobytes())
    if len(seen) < MIN_FRAMES:
        raise SourceError(
            f"{', '.join(files[:3])}: {len(seen)} different frames are too few to calibrate on; "
            f"at least {MIN_FRAMES} are needed. Name more or longer videos."
        )
    # No folders: the parity report goes to other machines.
    name = Path(files[0]).name if len(files) == 1 else f"{len(files)} videos"
    return Calibration(name, np.stack(halves[0]), np.stack(halves[1]))
