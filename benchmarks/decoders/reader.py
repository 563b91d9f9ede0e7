"""What the compared decoders have in common: a clip becomes T fitted frames.

Every decoder chooses by the same rule and fits by the same road, so that they differ in decoding
alone. Each uses one thread: as many clips are decoded at once as there are workers.
"""

import importlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from ...runtime.preprocessing.pixels import fit_frame
from ...runtime.preprocessing.sampling import segment_indices

Array = npt.NDArray[Any]
THREADS = 1


class NoFramesError(Exception):
    """A decoder gives no frames of a clip."""


class Clip(NamedTuple):
    """What is asked of a decoder.

    Attributes:
        path: the file.
        frames: T.
        size_px: S.
        counted: how many frames the file truly has, for who may know; None if nobody does.
    """

    path: Path
    frames: int
    size_px: int
    counted: int | None = None

    def wanted(self, count: int) -> list[int]:
        """Return the indices of the middle frames of T segments of so many."""
        return segment_indices(count, self.frames)

    def stack(self, pictures: dict[int, Array], count: int) -> Array:
        """Return uint8 [T, S, S, 3] of fitted frames by index, the nearest for one that lacks."""
        if not pictures:
            raise NoFramesError(f"no frame of {self.path} was decoded")
        nearest = [min(pictures, key=lambda i, w=w: abs(i - w)) for w in self.wanted(count)]
        return np.stack([pictures[index] for index in nearest])

    def fit(self, image_hwc: Array) -> Array:
        """Return a frame as uint8 [S, S, 3]."""
        return fit_frame(image_hwc, self.size_px)


Read = Callable[[Clip], Array]


class Decoder(NamedTuple):
    """One way to decode.

    Attributes:
        name: as the table shows it.
        where: module and function that reads a clip: uint8 [T, S, S, 3] BGR, or NoFramesError.
        needs: the package that is imported.
        package: what pip calls it.
    """

    name: str
    where: str
    needs: str
    package: str

    def load(self) -> Read:
        """Return the function."""
        module, _, name = self.where.partition(":")
        return getattr(importlib.import_module(f".{module}", __package__), name)

    def absence(self) -> str | None:
        """Return why it cannot be used here, or None if it can."""
        try:
            importlib.import_module(self.needs)
        except ImportError as error:
            return f"{self.package} is not installed or does not load: {_first_line(error)}"
        except (OSError, RuntimeError) as error:
            return f"{self.package} does not load: {_first_line(error)}"
        return None


def _first_line(error: BaseException) -> str:
    return str(error).strip().splitlines()[0][:120]


DECODERS = (
    Decoder("OpenCV as stzsar-run has it", "with_opencv:read_in_order", "cv2", "opencv-python"),
    Decoder("OpenCV, one thread", "with_opencv:read_in_one_thread", "cv2", "opencv-python"),
    Decoder("OpenCV, frames counted before", "with_opencv:read_counted", "cv2", "opencv-python"),
    Decoder("OpenCV, seeking", "with_opencv:seek", "cv2", "opencv-python"),
    Decoder("PyAV", "with_pyav:read_in_order", "av", "av"),
    Decoder("PyAV, seeking", "with_pyav:seek", "av", "av"),
    Decoder("torchcodec, exact", "with_torchcodec:exact", "torchcodec.decoders", "torchcodec"),
    Decoder(
        "torchcodec, approximate",
        "with_torchcodec:approximate",
        "torchcodec.decoders",
        "torchcodec",
    ),
)
