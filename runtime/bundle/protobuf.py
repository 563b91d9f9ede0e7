"""Protobuf's wire format: the fields of a message, found without building anything.

Nothing is copied or allocated, and the number of fields is bounded, so files of strangers may be
walked.
"""

import mmap
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

_MAX_FIELDS = 3_000_000  # a ViT-L's graph has 50,000
_MAX_NAME_BYTES = 4096

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5


class RefusedError(Exception):
    """Why a file is refused, as a clause."""


class Field(NamedTuple):
    """A field of a message: its number, its wire type, and its value or where its bytes lie."""

    number: int
    wire: int
    value: int
    start: int
    end: int


@dataclass
class Message:
    """The bytes of a message; `start` and `end` say which part of them a method reads."""

    data: mmap.mmap | bytes
    fields_left: int = _MAX_FIELDS

    def once(self, start: int, end: int, numbers: set[int]) -> dict[int, Field]:
        """Return fields by number, which may stand once: protobuf would merge two of them."""
        once: dict[int, Field] = {}
        for found in self.fields(start, end):
            if found.number in numbers and once.setdefault(found.number, found) is not found:
                raise RefusedError("a field stands twice")
        return once

    def text(self, found: Field | None) -> str:
        """Return a field's bytes as ASCII, with escapes; "" where there is no field."""
        if found is None:
            return ""
        if found.end - found.start > _MAX_NAME_BYTES:
            raise RefusedError("a name is too long")
        return self.data[found.start : found.end].decode("ascii", "backslashreplace")

    def numbers(self, found: Field) -> Iterator[int]:
        """Yield a repeated number, which is a field of its own or packed with others."""
        if found.wire == _VARINT:
            yield found.value
        place = found.start
        while place < found.end:
            value, place = self._varint(place, found.end)
            yield value

    def fields(self, start: int, end: int) -> Iterator[Field]:
        """Yield the fields from `start` to `end`.

        Raises:
            RefusedError: these bytes are no message, or there are too many fields.
        """
        place = start
        while place < end:
            self.fields_left -= 1
            if not self.fields_left:
                raise RefusedError("it has too many parts")
            tag, place = self._varint(place, end)
            number, wire = tag >> 3, tag & 7
            value, length = 0, 0
            if wire == _VARINT:
                value, place = self._varint(place, end)
            elif wire == _BYTES:
                length, place = self._varint(place, end)
            elif wire in (_FIXED32, _FIXED64):
                length = 4 if wire == _FIXED32 else 8
            else:
                raise RefusedError("it is not an ONNX graph")
            if length > end - place:
                raise RefusedError("it ends too early")
            yield Field(number, wire, value, place, place + length)
            place += length

    def _varint(self, place: int, end: int) -> tuple[int, int]:
        value = shift = 0
        while place < end and shift < 70:
            byte = self.data[place]
            place += 1
            value |= (byte & 127) << shift
            if byte < 128:
                return value, place
            shift += 7
        raise RefusedError("it is not an ONNX graph")
