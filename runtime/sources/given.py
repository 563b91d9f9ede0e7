"""What Python programs hand over as a clip or a source, told apart by its type."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, TypeGuard

import numpy as np
import numpy.typing as npt

from ..errors import SourceError
from ..preprocessing.pixels import fit_frame
from ..preprocessing.sampling import segment_indices
from .clips import Clip, read_clip
from .frames import Source
from .memory import Frames, OwnFrame
from .spec import SourceSpec, spec_of, specs_of
from .uri import expand_sources, is_live, open_source

Array = npt.NDArray[Any]
ClipLike = str | Path | Array | Frames | Iterator[OwnFrame]
SourceLike = ClipLike | int | Source
# Frames of an iterator that wait for its end, which alone says where the segments lie.
_KEPT_PER_FRAME = 8


def is_list_of_clips(given: Any) -> TypeGuard[Sequence[ClipLike]]:
    """Whether it is a list of clips, and not one clip."""
    return isinstance(given, Sequence) and not isinstance(given, str | bytes)


def clips_in(given: Sequence[ClipLike]) -> list[ClipLike]:
    """Return the clips of a list, with folders and patterns replaced by their videos.

    Raises:
        SourceError: one is no clip, or a folder has no video.
    """
    clips: list[ClipLike] = []
    for clip in given:
        if isinstance(clip, np.ndarray) and clip.ndim == 3:
            raise SourceError(
                "The list holds frames [H, W, 3], and a list is one of clips: give the frames of "
                "one clip as Frames(frames) or np.stack(frames)."
            )
        clips += expand_sources([str(clip)]) if isinstance(clip, str | Path) else [clip]
    return clips


def clip_from(given: ClipLike, *, frames: int, size_px: int, rate_fps: float) -> tuple[Clip, str]:
    """Return T frames spread over a clip, and what results call it.

    Args:
        given: a file, an address of a file, an array, or frames one by one.
        frames: T.
        size_px: S, the side of the square that `pixels.fit_frame` makes.
        rate_fps: of frames that come without times.

    Raises:
        SourceError: it is no clip, has no end, or has no frame.
    """
    if isinstance(given, str | Path):
        if not is_live(str(given)):
            _check_one(given)
            return read_clip(given, frames=frames, size_px=size_px), str(given)
        source: Source = open_source(str(given))
        if source.live:
            source.close()
            raise SourceError(f"{source.name} has no end to classify it by: use stream.")
    else:
        source = _own(given).at(rate_fps)
    return _spread(source, frames, size_px), source.name


def sources_from(given: SourceLike, *, rate_fps: float) -> list[SourceSpec | Source]:
    """Return the sources to stream: all videos of a folder, else the one that is given.

    Raises:
        SourceError: nothing of this kind can be read.
    """
    if isinstance(given, bool) or given is None:
        raise SourceError(_unknown(given))
    if isinstance(given, str | int):
        return [*specs_of(expand_sources([str(given)]))]
    if isinstance(given, Path):
        # A Path is always a file, whatever its name looks like.
        return [*specs_of(expand_sources([str(given)]))] if given.is_dir() else [spec_of(given)]
    if not isinstance(given, Frames) and hasattr(given, "frames") and hasattr(given, "close"):
        return [given]  # type: ignore[list-item] # a source of the program's own
    return [_own(given).at(rate_fps)]


def _own(given: Any) -> Frames:
    if isinstance(given, Frames):
        return given
    if isinstance(given, np.ndarray | Iterator):
        return Frames(given)
    raise SourceError(_unknown(given))


def _unknown(given: Any) -> str:
    return (
        f"{type(given).__name__} is nothing to recognise actions in: give a path, an address, a "
        "uint8 array [T, H, W, 3], an iterator of frames, or Frames(…)."
    )


def _check_one(given: str | Path) -> None:
    if Path(given).is_dir():
        found = expand_sources([str(given)])
        if found != [str(given)]:
            raise SourceError(
                f"{given} is a folder of {len(found)} videos: give [{str(given)!r}] for a list of "
                "results."
            )


def _spread(source: Source, frames: int, size_px: int) -> Clip:
    """Return a clip from a source that can be read once, and close it.

    Where the number of frames is not known, every n-th is kept, with n growing: the frame that is
    nearest to the middle of a segment is then at most an eighth of a segment away.
    """
    known = source.frame_count if isinstance(source, Frames) else None
    chosen = set(segment_indices(known, frames)) if known else None
    kept: list[tuple[int, Array, float]] = []
    count, step, damage = 0, 1, None

    def due(_time_s: float) -> bool:
        nonlocal count
        count += 1
        return count - 1 in chosen if chosen is not None else (count - 1) % step == 0

    try:
        for frame in source.frames(due):
            kept.append((count - 1, fit_frame(frame.image_hwc, size_px), frame.time_s))
            if chosen is None and len(kept) > _KEPT_PER_FRAME * frames:
                kept, step = kept[::2], 2 * step
    except SourceError as error:
        if not kept or isinstance(source, Frames):  # the program's mistake, which it should see
            raise
        damage = error
    finally:
        source.close()
    if not kept:
        raise SourceError(f"{source.name} has no frames: nothing can be recognised in it.")
    nearest = [min(kept, key=lambda one: abs(one[0] - at)) for at in segment_indices(count, frames)]
    return Clip(
        images_thwc=np.stack([image for _, image, _ in nearest]),
        start_s=nearest[0][2],
        end_s=nearest[-1][2],
        damage=damage,
        frame_count=count,
    )
