"""Frames that a program has already, as a source."""

from collections.abc import Iterable, Iterator
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from ..errors import SourceError
from .frames import Due, Frame

Array = npt.NDArray[Any]
OwnFrame = Array | tuple[float, Array]


class Frames:
    """Frames that a program has already, as a source for `classify` and `stream`.

    Attributes:
        name: what results call it.
        fps: frames per second, if given.
        size_wh: width and height of the frames, in pixels; of an iterable (0, 0).
        frame_count: their number; None for an iterable without a length.
        live: never: frames are read in order, and none is left out.
    """

    live: bool = False

    def __init__(
        self,
        frames: Array | Iterable[OwnFrame],
        *,
        fps: float | None = None,
        order: Literal["BGR", "RGB"] = "BGR",
        name: str = "frames",
    ) -> None:
        """Take frames; an iterator is read once, by another thread where it is streamed.

        Args:
            frames: uint8 [T, H, W, 3], or frames [H, W, 3] one by one, or pairs of a time in
                seconds and a frame.
            fps: frames per second, where they come without times; None takes the rate at which
                the bundle looks at frames, so that it sees each.
            order: of the colours: "BGR" as OpenCV reads them, "RGB" as most others do.
            name: what results call it.

        Raises:
            SourceError: an array is not uint8 [T, H, W, 3], or the rate is not above 0.
        """
        if fps is not None and not 0 < fps < float("inf"):
            raise SourceError(f"The rate of {name} is {fps!r}: give frames per second above 0.")
        if order not in ("BGR", "RGB"):
            raise SourceError(f"The order of colours is {order!r}: give 'BGR' or 'RGB'.")
        self.size_wh: tuple[int, int] = (0, 0)
        if isinstance(frames, np.ndarray):
            _check(frames, "The array", "uint8 [T, H, W, 3]", dimensions=4)
            self.size_wh = frames.shape[2], frames.shape[1]
        elif not isinstance(frames, Iterable) or isinstance(frames, str | bytes):
            raise SourceError(
                f"Frames are a NumPy array or come one by one, and {type(frames).__name__} is "
                "neither: give uint8 [T, H, W, 3], or an iterator of uint8 [H, W, 3]."
            )
        self.name: str = name
        self.fps: float | None = fps
        self.frame_count: int | None = len(frames) if hasattr(frames, "__len__") else None  # type: ignore[arg-type]
        self._frames = frames
        self._order: Literal["BGR", "RGB"] = order

    def __repr__(self) -> str:
        count = "frames one by one" if self.frame_count is None else f"{self.frame_count} frames"
        return f"Frames({self.name!r}, {count})"

    def at(self, fps: float) -> "Frames":
        """Return the same frames, with this rate unless they have one."""
        if self.fps is not None:
            return self
        return Frames(self._frames, fps=fps, order=self._order, name=self.name)

    def frames(self, due: Due | None = None) -> Iterator[Frame]:
        """Yield the frames whose time is `due`; see `Source`.

        Raises:
            SourceError: one is not uint8 [H, W, 3], or the iterator fails.
        """
        given = enumerate(self._frames)
        while True:
            try:
                index, item = next(given)
            except StopIteration:
                return
            except Exception as error:
                raise SourceError(
                    f"The frames of {self.name} break off ({type(error).__name__}: {error}): mend "
                    "the program that gives them."
                ) from error
            time_s, image = self._parted(index, item)
            if due is None or due(time_s):
                yield Frame(image, time_s, index)

    def close(self) -> None:
        """Do nothing: the frames belong to the program."""

    def _parted(self, index: int, item: Any) -> tuple[float, Array]:
        time_s = index / (self.fps or 1.0)
        if isinstance(item, tuple):
            if len(item) != 2 or not isinstance(item[0], int | float | np.number):
                raise SourceError(
                    f"Frame {index} of {self.name} is a tuple of {len(item)}: give (time in "
                    "seconds, frame)."
                )
            time_s, item = float(item[0]), item[1]
            if not np.isfinite(time_s):
                raise SourceError(f"Frame {index} of {self.name} has the time {time_s}.")
        _check(item, f"Frame {index} of {self.name}", "uint8 [H, W, 3]", dimensions=3)
        # A copy in any case: the program may draw into its own, and a thread reads this one.
        return time_s, np.array(item if self._order == "BGR" else item[..., ::-1], order="C")


def _check(frames: Any, what: str, wanted: str, *, dimensions: int) -> None:
    if not isinstance(frames, np.ndarray):
        raise SourceError(f"{what} is a {type(frames).__name__}: give a NumPy array, {wanted}.")
    fits = frames.dtype == np.uint8 and frames.ndim == dimensions and frames.shape[-1] == 3
    if not fits or not frames.size:
        shape = ", ".join(map(str, frames.shape))
        raise SourceError(f"{what} is {frames.dtype} [{shape}]: give {wanted}, values 0 to 255.")
