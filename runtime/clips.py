"""A whole clip as the T frames that stand for it; what classifies a file at once reads this."""

from collections.abc import Container
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from .errors import SourceError
from .pixels import fit_frame
from .sampling import segment_indices
from .sources.video_file import VideoSource

Array = npt.NDArray[Any]


@dataclass(frozen=True, eq=False)
class Clip:
    """T frames of a video file.

    Attributes:
        images_thwc: uint8 [T, S, S, 3], BGR.
        start_s: time of the first of them in the file, in seconds.
        end_s: time of the last of them.
        damage: what is wrong with the file, if it is cut short or damaged; else None.
    """

    images_thwc: Array
    start_s: float
    end_s: float
    damage: SourceError | None


def read_clip(
    path: str | Path, *, frames: int, size_px: int, rng: np.random.Generator | None = None
) -> Clip:
    """Read one frame from each of `frames` equal segments of a video file.

    The announced number of frames is taken at its word while the file is decoded, once and in
    order; where it proves wrong, the file is opened and decoded again by the true number. A file
    that is cut short gives a clip of what is there, and says so.

    Args:
        path: the video file.
        frames: T.
        size_px: S, the side of the square that `pixels.fit_frame` makes.
        rng: chooses random frames within the segments (for training); the middle ones if None.

    Raises:
        SourceError: the file is missing, a pipe, or holds no frame that can be decoded.
    """
    if Path(path).is_fifo():
        raise SourceError(f"{path} is a pipe, which can be read only once: save it as a file.")
    # Drawn once, so that a second decoding keeps to the same choice within each segment.
    seed = None if rng is None else int(rng.integers(2**63))

    def choose(frame_count: int) -> list[int]:
        again = None if seed is None else np.random.default_rng(seed)
        return segment_indices(frame_count, frames, again)

    source = VideoSource.open(path)
    announced = source.frame_count or 1
    taken, count, damage = _decode(source, set(choose(announced)), size_px)
    if count != announced:
        taken, count, damage = _decode(VideoSource.open(path), set(choose(count)), size_px)
    if not taken:
        raise SourceError(f"{path} holds no frame that can be converted: convert the file.")
    nearest = [min(taken, key=lambda index: abs(index - wanted)) for wanted in choose(count)]
    return Clip(
        np.stack([taken[index][0] for index in nearest]),
        taken[nearest[0]][1],
        taken[nearest[-1]][1],
        damage,
    )


def _decode(
    source: VideoSource, wanted: Container[int], size_px: int
) -> tuple[dict[int, tuple[Array, float]], int, SourceError | None]:
    """Return the `wanted` frames with their times by index, the true count, and the damage.

    The source is closed.
    """
    count = 0

    def due(_time_s: float) -> bool:
        nonlocal count
        count += 1
        return count - 1 in wanted

    taken: dict[int, tuple[Array, float]] = {}
    damage = None
    try:
        for frame in source.frames(due):
            taken[frame.index] = (fit_frame(frame.image_hwc, size_px), frame.time_s)
    except SourceError as error:
        damage = error
    finally:
        source.close()
    return taken, count, damage
