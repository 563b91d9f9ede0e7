"""The decoders, and what they share: a clip becomes T fitted frames.

All choose frames by the same rule and resize them alike, so they differ in decoding alone. Each
uses one thread; each worker decodes one clip at a time.
"""

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ...runtime.engines.graph import Array
from ...runtime.preprocessing.pixels import fit_frame
from ...runtime.preprocessing.sampling import segment_indices

THREADS = 1


class NoFramesError(Exception):
    """A decoder gives no frame of a clip."""


@dataclass(frozen=True)
class Request:
    """The frames of a clip that a decoder shall give."""

    path: Path  # the file
    frames: int  # T
    size_px: int  # S
    counted: int | None = None  # true number of frames, for decoders that may know it

    def wanted(self, count: int) -> list[int]:
        """Return the middle frames of T segments of `count` frames."""
        return segment_indices(count, self.frames)

    def stack(self, pictures: dict[int, Array], count: int) -> Array:
        """Return uint8 [T, S, S, 3]; the nearest decoded frame stands in for a missing one."""
        if not pictures:
            raise NoFramesError(f"no frame of {self.path} was decoded")
        nearest = [min(pictures, key=lambda i, w=w: abs(i - w)) for w in self.wanted(count)]
        return np.stack([pictures[index] for index in nearest])

    def fit(self, image_hwc: Array) -> Array:
        """Return a frame as uint8 [S, S, 3]."""
        return fit_frame(image_hwc, self.size_px)


Read = Callable[[Request], Array]


@dataclass(frozen=True)
class Decoder:
    name: str
    where: str  # module and function, which returns uint8 [T, S, S, 3] BGR or raises NoFramesError
    needs: str  # the package to import
    package: str  # its name for pip

    def load(self) -> Read:
        module, _, name = self.where.partition(":")
        return getattr(importlib.import_module(f".{module}", __package__), name)

    def absence(self) -> str | None:
        """Return why it cannot be used here; None if it can."""
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
    Decoder("stzsar-run, with PyAV", "with_runtime:read_in_order", "av", "av"),
    Decoder("the same, one thread", "with_runtime:read_in_one_thread", "av", "av"),
    Decoder("the same, frames counted before", "with_runtime:read_counted", "av", "av"),
    Decoder("stzsar-run, OpenCV alone", "with_opencv:read_in_order", "cv2", "opencv-python"),
    Decoder("OpenCV, one thread", "with_opencv:read_in_one_thread", "cv2", "opencv-python"),
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
