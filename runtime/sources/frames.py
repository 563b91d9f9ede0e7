"""What a source of frames is: a frame with its time, and the Protocol that gives them.

A Protocol and no base class, so that a test's stand-in needs no inheritance.
"""

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
        index: its place among the source's frames, from 0.
    """

    image_hwc: Array
    time_s: float
    index: int


class Source(Protocol):
    """Something that gives frames once, in order.

    Attributes:
        name: what results and messages call it; holds no password.
        fps: its announced frame rate; None if unknown.
        size_wh: its announced width and height in pixels.
        frame_count: its announced number of frames, which may be wrong; None if unknown.
        live: whether frames come in real time and without an end.
    """

    name: str
    fps: float | None
    size_wh: tuple[int, int]
    frame_count: int | None
    live: bool

    def frames(self, due: Due | None = None) -> Iterator[Frame]:
        """Yield the frames whose time is `due` (all of them if None).

        `due` is asked once for each frame, in order; a frame that is not due is not converted.

        Raises:
            SourceError: the source breaks off; what came before has been yielded.
        """
        ...

    def close(self) -> None:
        """Release the file, device or connection."""
        ...
