r"""The file of a recording: records one after the other, each whole by itself.

    b"STZSAR-RECORDING\n"
    kind (1 byte) | length (uint32) | crc32 (uint32) | payload        as often as there are any

All numbers are little-endian. The first record is the header:

    H  JSON: version, bundle, sampling, the names of states and features, the patches' grid
    B  a label bank, the npz of `LabelBank.save`; banks are counted from 0
    S  JSON: stream (its number), name of the source, region, bank (the one that its states are for
       from here on)
    F  frames of one stream: length of the JSON (uint32), JSON, then the arrays back to back; the
       JSON has the stream and for each array its name, type and shape [frames, ...]
    E  JSON: stream (it has ended)

A process that is killed leaves a last record that is cut off; all records before it can be read.
Nothing in the file is executed, and no more is allocated than the file holds.
"""

import json
import logging
import math
import os
import struct
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
import numpy.typing as npt
from msgspec import Meta, Struct

from ..documents import Count, from_json, open_regular
from ..errors import RecordingError

MAGIC = b"STZSAR-RECORDING\n"
VERSION = 2
HEADER, BANK, STREAM, FRAMES, END = b"H", b"B", b"S", b"F", b"E"
_HEAD = struct.Struct("<cII")
_COUNT = struct.Struct("<I")
_MAX_DIMENSIONS = 4
_MAX_RECORD_BYTES = 512 << 20  # the largest bank; frames are written in far smaller parts

Array = npt.NDArray[Any]
log = logging.getLogger(__name__)


def packed(kind: bytes, payload: bytes) -> bytes:
    """Return a record as bytes."""
    return _HEAD.pack(kind, len(payload), zlib.crc32(payload)) + payload


def packed_json(kind: bytes, document: Mapping[str, Any]) -> bytes:
    """Return a record of JSON as bytes."""
    return packed(kind, json.dumps(document).encode())


def packed_frames(stream: int, arrays: Mapping[str, Array]) -> bytes:
    """Return frames of a stream as bytes: arrays of float16, 32, 64 or uint8, [frames, ...]."""
    shapes = [[name, array.dtype.str[1:], list(array.shape)] for name, array in arrays.items()]
    head = json.dumps({"stream": stream, "arrays": shapes}).encode()
    data = [array.astype(array.dtype.newbyteorder("<")).tobytes() for array in arrays.values()]
    return packed(FRAMES, b"".join([_COUNT.pack(len(head)), head, *data]))


class _FramesHead(Struct, frozen=True):
    """The JSON of a record of frames."""

    stream: Count
    arrays: Annotated[
        tuple[
            tuple[
                Annotated[str, Meta(max_length=100)],
                Literal["f2", "f4", "f8", "u1"],
                Annotated[tuple[Count, ...], Meta(max_length=_MAX_DIMENSIONS)],
            ],
            ...,
        ],
        Meta(max_length=100),
    ]


def unpacked_frames(payload: bytes) -> tuple[int, dict[str, Array]]:
    """Return a stream's number and its arrays by name, which are views of the payload.

    Raises:
        ValueError: the payload is shorter or longer than its arrays, or a type is unknown.
    """
    if len(payload) < _COUNT.size:
        raise ValueError("a record of frames is too short")
    start = _COUNT.size + _COUNT.unpack_from(payload)[0]
    if start > len(payload):
        raise ValueError("a record of frames is shorter than it says")
    head = from_json(payload[_COUNT.size : start], _FramesHead)
    arrays: dict[str, Array] = {}
    for name, kind, shape in head.arrays:
        dtype = np.dtype(f"<{kind}")
        count = math.prod(shape)
        if count * dtype.itemsize > len(payload) - start:
            raise ValueError(f"{name!r:.40} is larger than its record")
        arrays[name] = np.frombuffer(payload, dtype, count, start).reshape(shape)
        start += count * dtype.itemsize
    if start != len(payload):
        raise ValueError("a record of frames is longer than its arrays")
    return head.stream, arrays


def is_recording(path: Path) -> bool:
    """Say whether a file begins like a recording."""
    try:
        with path.open("rb") as file:
            return file.read(len(MAGIC)) == MAGIC
    except OSError:
        return False


def read_records(path: Path) -> Iterator[tuple[bytes, bytes]]:
    """Yield kind and payload of each complete record.

    A last record that was cut off, as by a kill, is left out with a warning.

    Raises:
        RecordingError: the file cannot be read, is not a recording, or is damaged.
    """
    try:
        opened = open_regular(path)
    except OSError as error:
        raise RecordingError(f"Cannot read the recording {path}: {error.strerror}.") from error
    with opened as file:
        if file.read(len(MAGIC)) != MAGIC:
            raise RecordingError(f"{path} is not a recording: name what --record wrote.")
        place, size = len(MAGIC), os.fstat(file.fileno()).st_size
        while head := file.read(_HEAD.size):
            place += _HEAD.size
            kind, length, crc = _HEAD.unpack(head) if len(head) == _HEAD.size else (b"", 0, 0)
            if not kind or length > size - place:
                log.warning("%s was cut off: the part before that is replayed.", path)
                return
            payload = file.read(length) if length <= _MAX_RECORD_BYTES else b""
            if len(payload) != length or zlib.crc32(payload) != crc:
                raise RecordingError(
                    f"The recording {path} is damaged {place} bytes after its start: only the part "
                    "before that can be used."
                )
            place += length
            yield kind, payload
