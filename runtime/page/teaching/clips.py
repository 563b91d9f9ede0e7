"""Clips that teach: moments of a stream, and what an event's own clip shows of it."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy.typing as npt

from ...drawing.overlay import fit_inside
from ...errors import StzsarError
from ...events.ring import Picture
from ...events.stills import decoded
from ...sources.areas import Region
from ...sources.video_file import VideoSource
from ...video.writer import open_writer

# A shorter one fills no window of most bundles.
SHORTEST_S = 1.0

Array = npt.NDArray[Any]


def write_moment(
    path: Path, pictures: Iterable[Picture], fps: float, region: Region | None
) -> float:
    """Write pictures of a stream as a clip of what a region shows of them; return its seconds.

    Raises:
        StzsarError: there are too few.
        OSError: it cannot be written.
    """
    return _write(path, (decoded(one.jpeg) for one in pictures), fps, region)


def write_event(
    path: Path, clip: Path, *, seconds: float, after_s: float, region: Region | None
) -> float:
    """Write the part of an event's clip that shows the event; return its seconds.

    Args:
        path: the file to write.
        clip: the clip, which begins before the event and goes on after it.
        seconds: how long the event lasted.
        after_s: what the clip shows behind it.
        region: what was looked at.

    Raises:
        StzsarError: the clip cannot be read, or is too short.
        OSError: it cannot be written.
    """
    source = VideoSource.open(clip)
    try:
        fps = source.fps or 10.0
        times = [(frame.time_s, frame.image_hwc) for frame in source.frames()]
    finally:
        source.close()
    end_s = (times[-1][0] if times else 0.0) - after_s
    shown = (image for time_s, image in times if end_s - seconds <= time_s <= end_s)
    return _write(path, shown, fps, region)


def _write(path: Path, images: Iterable[Array], fps: float, region: Region | None) -> float:
    path.parent.mkdir(parents=True, exist_ok=True)
    writer, count = None, 0
    size_wh = (0, 0)
    try:
        try:
            for image in _cut(images, region):
                if writer is None:
                    height, width = image.shape[:2]
                    size_wh = max(2, width // 2 * 2), max(2, height // 2 * 2)
                    writer = open_writer(path, fps, size_wh, fragments=False)
                writer.write(image if image.shape[1::-1] == size_wh else fit_inside(image, size_wh))
                count += 1
        finally:
            if writer:
                writer.close()
        if count < SHORTEST_S * fps:
            raise StzsarError(
                f"There are {count / fps:.1f} s of pictures, and an example has {SHORTEST_S:g} s "
                "or more: take a longer one."
            )
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    return count / fps


def _cut(images: Iterable[Array], region: Region | None) -> Iterator[Array]:
    for image in images:
        yield region.cut(image) if region else image
