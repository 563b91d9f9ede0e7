"""A frame with its time, and the Protocol of what yields frames."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol

import numpy.typing as npt

Array = npt.NDArray[Any]
Due = Callable[[float], bool]


@dataclass(frozen=True, eq=False)
class Frame:
    """One picture of a source.

    Attributes:
        image_hwc: uint8 [H, W, 3], BGR.
        time_s: seconds since the source's first frame.
        index: position among the source's frames, from 0.
    """

    image_hwc: Array
    time_s: float
    index: int


class Source(Protocol):
    """Yields frames once, in order.

    Attributes:
        name: what results and messages call it; contains no password.
        fps: announced frame rate; None if unknown.
        size_wh: announced width and height in pixels.
        frame_count: announced number of frames, which may be wrong; None if unknown.
        live: whether frames come in real time and without an end.
    """

    name: str
    fps: float | None
    size_wh: tuple[int, int]
    frame_count: int | None
    live: bool

    def frames(self, due: Due | None = None) -> Iterator[Frame]:
        """Yield the frames whose time is `due` (all if None).

        Calls `due` once for each frame, in order, and converts only frames that are due.

        Raises:
            SourceError: the source fails, after all frames before it were yielded.
        """
        ...

    def close(self) -> None:
        """Release the file, device or connection."""
        ...
