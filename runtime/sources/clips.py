"""Read a whole video file as T frames, for training, evaluation and `--whole`."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import SourceError
from ..preprocessing.pixels import fit_frame
from ..preprocessing.sampling import segment_indices
from .video_file import VideoSource

Array = npt.NDArray[Any]


@dataclass(frozen=True, eq=False)
class Clip:
    """T frames of a video file.

    Attributes:
        images_thwc: uint8 [T, S, S, 3], BGR.
        start_s: time of the first of them in the file, in seconds.
        end_s: time of the last of them.
        damage: what is wrong with the file, if it is cut short or damaged; else None.
        frame_count: true number of frames in the file.
    """

    images_thwc: Array
    start_s: float
    end_s: float
    damage: SourceError | None
    frame_count: int


@dataclass(frozen=True, eq=False)
class Views:
    """Several clips and crops of one video file.

    Attributes:
        images_vthwc: uint8 [V, T, S, S, 3], BGR; the crops of the first clip, then of the next.
        damage: see `Clip`.
    """

    images_vthwc: Array
    damage: SourceError | None


def read_clip(
    path: str | Path,
    *,
    frames: int,
    size_px: int,
    rng: np.random.Generator | None = None,
    fit: Callable[[Array], Array] | None = None,
    threads: int | None = None,
    frame_count: int | None = None,
) -> Clip:
    """Read one frame from each of `frames` equal segments of a video file.

    A file that is cut short gives a clip of what it holds, with its `damage`.

    Args:
        path: the video file.
        frames: T.
        size_px: S, the side of the square that `pixels.fit_frame` makes.
        rng: picks random frames within the segments (for training); the middle ones if None.
        fit: turns a frame into uint8 [S, S, 3] (for training); `pixels.fit_frame` if None.
        threads: threads of the decoder; its own choice if None.
        frame_count: the true count from an earlier clip of this file. Decoding then stops after
            the last chosen frame and never starts over, but does not look for damage.

    Raises:
        SourceError: the file is missing, a pipe, or has no frame that can be decoded.
    """
    # Drawn once, so that decoding a second time makes the same choice within each segment.
    seed = None if rng is None else int(rng.integers(2**63))

    def choose(frame_count: int) -> list[int]:
        again = None if seed is None else np.random.default_rng(seed)
        return segment_indices(frame_count, frames, again)

    def centre(image_hwc: Array) -> Array:
        return fit_frame(image_hwc, size_px)

    taken, count, damage = _take(path, choose, fit or centre, threads, frame_count)
    images = np.stack([image for image, _ in taken])
    return Clip(images, taken[0][1], taken[-1][1], damage, count)


def read_views(
    path: str | Path,
    *,
    choose: Callable[[int], list[int]],
    fit: Callable[[Array], Array],
    frames: int,
) -> Views:
    """Read the views of a video file that evaluation averages: clips in time by crops in space.

    Args:
        path: the video file.
        choose: gives the indices of the frames of each clip, clip after clip, from their number.
        fit: turns a frame into its crops, uint8 [R, S, S, 3].
        frames: T, the number of frames of a clip.

    Raises:
        SourceError: as in `read_clip`.
    """
    taken, _, damage = _take(path, choose, fit)
    images = np.stack([image for image, _ in taken])
    by_clip = images.reshape(-1, frames, *images.shape[1:]).swapaxes(1, 2)
    return Views(by_clip.reshape(-1, frames, *images.shape[2:]), damage)


def _take(
    path: str | Path,
    choose: Callable[[int], list[int]],
    fit: Callable[[Array], Array],
    threads: int | None = None,
    known_count: int | None = None,
) -> tuple[list[tuple[Array, float]], int, SourceError | None]:
    """Return the fitted frames that `choose` picks, with their times, the true count and damage.

    The file is decoded once and in order, trusting the announced number of frames. If that turns
    out wrong, it is decoded again with the true number.
    """
    if Path(path).is_fifo():
        raise SourceError(f"{path} is a pipe, which can be read only once: save it as a file.")
    source = VideoSource.open(path, threads=threads)
    if known_count:
        taken, _, damage = _decode(source, choose(known_count), fit, whole=False)
        count = known_count
    else:
        announced = source.frame_count or 1
        taken, count, damage = _decode(source, choose(announced), fit)
        if count != announced:
            source = VideoSource.open(path, threads=threads)
            taken, count, damage = _decode(source, choose(count), fit)
    if not taken:
        raise SourceError(f"{path} has no frame that can be converted: convert the file.")
    nearest = [min(taken, key=lambda index: abs(index - wanted)) for wanted in choose(count)]
    return [taken[index] for index in nearest], count, damage


def _decode(
    source: VideoSource,
    wanted: Sequence[int],
    fit: Callable[[Array], Array],
    *,
    whole: bool = True,
) -> tuple[dict[int, tuple[Array, float]], int, SourceError | None]:
    """Return the `wanted` frames with their times by index, the count and the damage.

    Unless `whole`, decoding stops after the last wanted frame; count and damage cover what was
    decoded. Closes the source.
    """
    chosen, last = set(wanted), max(wanted)
    count = 0

    def due(_time_s: float) -> bool:
        nonlocal count
        count += 1
        return count - 1 in chosen

    taken: dict[int, tuple[Array, float]] = {}
    damage = None
    try:
        for frame in source.frames(due):
            taken[frame.index] = (fit(frame.image_hwc), frame.time_s)
            if frame.index == last and not whole:
                break
    except SourceError as error:
        damage = error
    finally:
        source.close()
    return taken, count, damage
