"""What single records of a recording say: its header, a bank, a stream, frames."""

import io
import math
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any
from zipfile import BadZipFile, ZipFile

import numpy as np
import numpy.typing as npt
from msgspec import Meta, Struct

from ..bundle.manifest import (
    MAX_RATE_FPS,
    PATCH_EMBEDDINGS,
    Frames,
    Manifest,
    Names,
    Rate,
    SamplingSpec,
)
from ..documents import Count, from_json
from ..errors import BundleError, RecordingError
from ..labels.bank import LabelBank
from ..labels.labels import MAX_LABELS
from .file_format import HEADER, VERSION

# The columns of a record of frames beside the states.
TIMES, CLOCK, RATE, FLAGS = "time_s", "time", "rate_fps", "flags"
# Centuries: of a source, and since 1970.
_LATEST_S, _LATEST_CLOCK_S = 1e10, 1e11

Array = npt.NDArray[Any]


class BundleIdentity(Struct, frozen=True):
    """What tells whether two bundles give the same numbers: their graphs' hashes; and a name."""

    name: str
    frame: str
    window: str


class Header(Struct, frozen=True):
    """What a recording says about itself."""

    bundle: BundleIdentity  # the bundle that encoded
    frames: Frames  # of a window
    rate_fps: Rate  # sampled frames per second
    states: Names  # names of the recorded states
    features: Names  # names of the recorded features

    @property
    def sampling(self) -> SamplingSpec:
        """Frames of a window, and their rate."""
        return SamplingSpec(frames=self.frames, rate_fps=self.rate_fps)


class _Version(Struct):
    version: Count


class StreamRecord(Struct, frozen=True):
    """The start of a stream, or its labels from here on."""

    stream: Count  # its number
    name: Annotated[str, Meta(max_length=4096)]  # of its source
    bank: Count  # the number of the bank that its states are for
    # The part of the picture that it is; version 1 has it in the name
    region: Annotated[str, Meta(max_length=4096)] | None = None
    # Its sampling, if it is not the recording's
    frames: Frames | None = None
    rate_fps: Rate | None = None
    # The names of its labels, if it has fewer than the bank
    among: Annotated[tuple[str, ...], Meta(min_length=1, max_length=MAX_LABELS)] | None = None

    def __post_init__(self) -> None:
        text = self.name + (self.region or "")
        if any(unicodedata.category(character) == "Cc" for character in text):
            raise ValueError("the name of a stream has control characters")

    @property
    def place(self) -> str:
        """The source, with the region where there is one: what labels of its own go by."""
        return f"{self.name}/{self.region}" if self.region else self.name


class EndRecord(Struct, frozen=True):
    """The end of a stream, and whether a window that never filled gives a result."""

    stream: Count
    rest: bool


def read_header(kind: bytes, payload: bytes, path: Path) -> Header:
    """Read the first record of the recording `path`.

    Raises:
        RecordingError: it is of a newer version.
        ValueError: it is not a header.
    """
    if kind != HEADER:
        raise ValueError("it has no header")
    version = from_json(payload, _Version).version
    if version > VERSION:
        raise RecordingError(
            f"The recording {path} is of version {version} and this stzsar reads up to {VERSION}: "
            "upgrade stzsar."
        )
    return from_json(payload, Header)


def read_bank(payload: bytes) -> LabelBank:
    """Read a bank; a recording's banks are not compressed, so a record is as large as its bank.

    Raises:
        ValueError: it is not a bank.
    """
    try:
        with ZipFile(io.BytesIO(payload)) as archive:
            size = sum(entry.file_size for entry in archive.infolist())
        if size > len(payload):
            raise ValueError("a label bank unpacks to more than its record")
        return LabelBank.load(io.BytesIO(payload), where="a record")
    except (BundleError, BadZipFile) as error:
        raise ValueError(str(error)) from error


@dataclass(frozen=True, eq=False)
class FrameRows:
    """The rows of one record of frames, N of them."""

    times_s: Array  # of each frame in its source, [N]
    clocks_s: Array  # when each was captured, in seconds since 1970, [N]; NaN for a file
    rates_fps: Array  # frames looked at per second, [N]
    flags: Array  # see `recorder`, [N]
    values: Mapping[str, Array]  # states and features by name, float32 [N, ...]


def read_rows(
    arrays: Mapping[str, Array], header: Header, manifest: Manifest, bank: LabelBank
) -> FrameRows:
    """Check the arrays of a record of frames against each other, the header and the bank.

    Raises:
        ValueError: an array is missing, unknown, of another shape, or holds impossible numbers.
    """
    names = {*header.states, *header.features}
    if set(arrays) != {*names, TIMES, CLOCK, RATE, FLAGS}:
        raise ValueError("frames lack a state, a feature or their times")
    times, clocks, rates, flags = (arrays[name] for name in (TIMES, CLOCK, RATE, FLAGS))
    count = times.size
    if not count or any(column.shape != (count,) for column in (times, clocks, rates, flags)):
        raise ValueError("frames without a time each")
    if flags.dtype != np.uint8:
        raise ValueError(f"flags are {flags.dtype}")
    if not (np.abs(times) <= _LATEST_S).all():
        raise ValueError("a time is not one of a video")
    if not (np.isnan(clocks) | ((clocks >= 0) & (clocks <= _LATEST_CLOCK_S))).all():
        raise ValueError("a capture time is not one of a clock")
    if not ((rates > 0) & (rates <= MAX_RATE_FPS)).all():
        raise ValueError("a rate is not one of a camera")
    values = {}
    for name in names:
        values[name] = np.asarray(arrays[name], np.float32)
        _check_shape(name, values[name], count, manifest, bank)
        if not np.isfinite(values[name]).all():
            raise ValueError(f"{name} holds numbers that are not finite")
    return FrameRows(times, clocks, rates, flags, values)


def _check_shape(name: str, value: Array, count: int, manifest: Manifest, bank: LabelBank) -> None:
    labels, attributes, width = bank.attribute_embeddings.shape
    shape = value.shape
    if name in manifest.label_states:
        fits = shape[1:] in ((labels,), (labels, attributes))
    elif name in manifest.features:
        fits = len(shape) == 2 + (name == PATCH_EMBEDDINGS) and shape[-1] == width
    else:
        fits = True  # the window graph knows
    if not fits or shape[:1] != (count,) or not math.prod(shape):
        raise ValueError(f"{name} has the shape {list(shape)}")
