"""What single records of a recording say: its header, a bank, frames; each checked by itself."""

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zipfile import BadZipFile, ZipFile

import numpy as np
import numpy.typing as npt

from ..bundle.manifest import SamplingSpec
from ..errors import BundleError, RecordingError
from ..labels.bank import LabelBank
from .file_format import HEADER, VERSION, number, read_json

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Header:
    """What a recording says of itself.

    Attributes:
        bundle: what it was made with, see `recording.identity`.
        frames: of a window.
        rate_fps: sampled frames a second.
        states: names of the recorded states.
        features: names of the recorded features.
    """

    bundle: Mapping[str, str]
    frames: int
    rate_fps: float
    states: tuple[str, ...]
    features: tuple[str, ...]

    @property
    def sampling(self) -> SamplingSpec:
        """Frames of a window, and their rate."""
        return SamplingSpec(frames=self.frames, rate_fps=self.rate_fps)


def read_header(kind: bytes, payload: bytes, path: Path) -> Header:
    """Read the first record of the recording `path`.

    Raises:
        RecordingError: it is of a newer version.
        ValueError, TypeError, KeyError: it is no header.
    """
    document = read_json(payload) if kind == HEADER else {}
    version = document["version"]
    if type(version) is int and version > VERSION:
        raise RecordingError(
            f"The recording {path} is of version {version} and this stzsar reads up to {VERSION}: "
            "upgrade stzsar."
        )
    return Header(
        {name: str(document["bundle"][name]) for name in ("name", "frame", "window")},
        number(document["frames"]),
        float(document["rate_fps"]),
        tuple(map(str, document["states"])),
        tuple(map(str, document["features"])),
    )


def read_bank(payload: bytes) -> LabelBank:
    """Read a bank that is as large as it says: one of a recording is not compressed.

    Raises:
        ValueError: it is none.
    """
    try:
        with ZipFile(io.BytesIO(payload)) as archive:
            size = sum(entry.file_size for entry in archive.infolist())
        if size > len(payload):
            raise ValueError("a label bank unpacks to more than its record")
        return LabelBank.load(io.BytesIO(payload), where="a record")
    except (BundleError, BadZipFile) as error:
        raise ValueError(str(error)) from error


def check_frames(arrays: Mapping[str, Array], others: Sequence[Array], header: Header) -> int:
    """Return how many frames a record has.

    Args:
        arrays: states and features by name, each [N, …].
        others: what each frame has one of, [N]; times first, rates third.
        header: says what there must be.

    Raises:
        ValueError: it does not have what the header says, or not for each frame.
    """
    count = len(others[0])
    if set(arrays) != {*header.states, *header.features}:
        raise ValueError("frames without their states or features")
    if any(value.shape != (count,) for value in others):
        raise ValueError("frames without a time each")
    if any(not value.ndim or len(value) != count for value in arrays.values()):
        raise ValueError("frames of different number")
    if not all(np.isfinite(value).all() for value in (others[0], others[2], *arrays.values())):
        raise ValueError("numbers that are not finite")
    return count
