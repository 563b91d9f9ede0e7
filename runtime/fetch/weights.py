"""Reads a safetensors file: eight bytes of length, a JSON header, and the tensors' bytes.

The package safetensors would do it too, but not on a device whose weights come from a stranger:
here a header that lies about its file is one sentence, and only the tensor that is asked for is in
memory.
"""

import io
import math
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import msgspec
import numpy as np
import numpy.typing as npt

from ..documents import MIB, DocumentError, from_json, open_regular
from ..errors import BundleError

MAX_HEADER_BYTES = 16 * MIB  # a ViT-L's has 0.1
_LENGTH_BYTES = 8
_METADATA = "__metadata__"
_Size = Annotated[int, msgspec.Meta(ge=0, le=2**40)]
# Of these, open_clip makes float32 too.
_FLOATS = {"F64": "<f8", "F32": "<f4", "F16": "<f2", "BF16": "<u2"}

Array = npt.NDArray[Any]


class _Entry(msgspec.Struct):
    """A tensor in the header; `data_offsets` count from the end of the header."""

    dtype: str
    shape: Annotated[tuple[_Size, ...], msgspec.Meta(max_length=8)]
    data_offsets: tuple[_Size, _Size]


@dataclass(frozen=True)
class WeightsFile:
    """An open file of weights.

    Attributes:
        path: the file.
        shapes: the shape of each tensor by its name.
    """

    path: Path
    shapes: dict[str, tuple[int, ...]]
    _entries: dict[str, _Entry]
    _start: int
    _file: io.BufferedReader

    def read(self, name: str) -> Array:
        """Return a tensor as float32, in the shape that the file gives it.

        Raises:
            BundleError: it holds no floats, or the file got shorter.
        """
        entry = self._entries[name]
        kind = _FLOATS.get(entry.dtype)
        if kind is None:
            raise BundleError(
                f"{self.path} holds {name} as {entry.dtype:.20}, and weights are floats "
                f"({', '.join(_FLOATS)}): name another file."
            )
        begin, end = entry.data_offsets
        needed = math.prod(entry.shape) * np.dtype(kind).itemsize
        if needed != end - begin:
            raise _no_safetensors(
                self.path,
                f"{name} has {end - begin} bytes, and its shape {list(entry.shape)} takes {needed}",
            )
        values = np.empty(entry.shape, kind)
        try:
            self._file.seek(self._start + begin)
            count = self._file.readinto(values.reshape(-1).view(np.uint8).data)
        except OSError as error:
            raise _unreadable(self.path, error) from error
        if count != values.nbytes:
            raise BundleError(f"{self.path} ends too early, in {name}: copy or download it again.")
        if entry.dtype == "BF16":  # the upper half of a float32
            return (values.astype(np.uint32) << 16).view(np.float32)
        return values.astype(np.float32, copy=False)


@contextmanager
def open_weights(path: Path) -> Iterator[WeightsFile]:
    """Open a safetensors file and read its header.

    Raises:
        BundleError: the file cannot be read, is not a safetensors file, or ends too early.
    """
    try:
        file = open_regular(path)
    except OSError as error:
        raise _unreadable(path, error) from error
    with file:
        try:
            size = os.fstat(file.fileno()).st_size
            length = int.from_bytes(file.read(_LENGTH_BYTES), "little")
            if not 2 <= length <= min(MAX_HEADER_BYTES, size - _LENGTH_BYTES):
                raise _no_safetensors(path, "it does not start with the length of a header")
            header = file.read(length)
        except OSError as error:
            raise _unreadable(path, error) from error
        entries = _read_header(path, header)
        start = _LENGTH_BYTES + length
        needed = start + max((entry.data_offsets[1] for entry in entries.values()), default=0)
        if size < needed:
            raise BundleError(
                f"{path} ends too early: it has {size} of {needed} bytes. Copy or download it "
                "again."
            )
        shapes = {name: entry.shape for name, entry in entries.items()}
        yield WeightsFile(path, shapes, entries, start, file)


def _read_header(path: Path, header: bytes) -> dict[str, _Entry]:
    try:
        rows = from_json(header, dict[str, msgspec.Raw])
        rows.pop(_METADATA, None)
        entries = {name: from_json(bytes(row), _Entry) for name, row in rows.items()}
    except DocumentError as error:
        raise _no_safetensors(path, f"in its header, {error}") from error
    for name, entry in entries.items():
        begin, end = entry.data_offsets
        if begin > end or math.prod(max(1, size) for size in entry.shape) > 2**40:
            raise _no_safetensors(path, f"its header gives {name!r:.80} an impossible size")
    return entries


def _no_safetensors(path: Path, why: str) -> BundleError:
    return BundleError(
        f"{path} is not a safetensors file: {why}. Pickled weights (.pt, .bin) can run programs "
        "and are not read: look for the .safetensors file beside them."
    )


def _unreadable(path: Path, error: OSError) -> BundleError:
    return BundleError(f"Cannot read the weights {path}: {error.strerror}.")
