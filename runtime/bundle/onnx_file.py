"""Reads an ONNX file far enough to refuse what no export writes, before an engine sees it.

Bundles come from strangers, and engines trust graphs: a graph with text as output crashes ONNX
Runtime, a loop never ends, external data reads any file, and other domains load code or engines.
The runtime has no onnx package, and protobuf's own library would build all of a message before we
could look at it. So this walks the wire format: nothing is copied or allocated, subgraphs and
functions are refused before they are entered, and the number of fields is bounded.
"""

import mmap
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from ..documents import open_regular
from ..errors import BundleError

MAX_FILE_BYTES = 2**31  # protobuf's own limit
_MAX_FIELDS = 3_000_000  # a ViT-L has 50,000
_MAX_NAME_BYTES = 4096

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
# TensorProto.DataType, with bytes of an element: float, (u)int8, (u)int16, int32, int64, bool,
# float16, double, uint32, uint64. Text, complex numbers and packed types are not among them.
_ELEMENT_BYTES = {1: 4, 2: 1, 3: 1, 4: 2, 5: 2, 6: 4, 7: 8, 9: 1, 10: 2, 11: 8, 12: 4, 13: 8}
_FLOAT16 = 10
# Beside what has subgraphs or lies in another domain.
_REFUSED_OPERATORS = ("If", "Loop", "Scan", "Sequence", "Optional", "String", "Random")
_REFUSED_TOO = {
    "Bernoulli",
    "ConcatFromSequence",
    "ImageDecoder",
    "Multinomial",
    "RegexFullMatch",
    "SplitToSequence",
    "TfIdfVectorizer",
}


@dataclass(frozen=True)
class OnnxFacts:
    """What the rest of the runtime wants to know of a graph.

    Attributes:
        has_fp16: whether any tensor is float16.
    """

    has_fp16: bool


def read_onnx(path: Path) -> OnnxFacts:
    """Read the ONNX file `path`.

    Raises:
        BundleError: it cannot be read, is not an ONNX graph, or holds what no export writes.
    """
    try:
        with open_regular(path) as file:
            size = file.seek(0, 2)
            if not 0 < size <= MAX_FILE_BYTES:
                raise _RefusedError("it is not an ONNX graph")
            with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
                reader = _Reader(data)
                reader.model(0, size)
    except OSError as error:
        raise BundleError(f"Cannot read {path}: {error.strerror}.") from error
    except (_RefusedError, IndexError) as error:
        why = "it ends too early" if isinstance(error, IndexError) else error
        raise BundleError(f"{path} is refused: {why}; export the bundle again.") from error
    return OnnxFacts(_FLOAT16 in reader.types)


class _RefusedError(Exception):
    """Why a file is refused, as a clause."""


class _Field(NamedTuple):
    """A field of a message: its number, its wire type, and its value or where its bytes lie."""

    number: int
    wire: int
    value: int
    start: int
    end: int


@dataclass
class _Reader:
    data: mmap.mmap
    types: set[int] = field(default_factory=set)
    fields_left: int = _MAX_FIELDS
    has_graph: bool = False

    def model(self, start: int, end: int) -> None:
        """ModelProto."""
        for found in self._fields(start, end):
            if found.number == 7:
                if self.has_graph:
                    raise _RefusedError("it has two graphs")
                self.has_graph = True
                self._graph(found.start, found.end)
            elif found.number in (20, 25):
                raise _RefusedError("it has functions or training steps")
        if not self.has_graph:
            raise _RefusedError("it is not an ONNX graph")

    def _graph(self, start: int, end: int) -> None:
        """GraphProto."""
        for found in self._fields(start, end):
            if found.number == 1:
                self._node(found.start, found.end)
            elif found.number == 5:
                self._tensor(found.start, found.end)
            elif found.number in (11, 12, 13):
                self._value_info(found.start, found.end)
            elif found.number == 15:
                raise _RefusedError("it has sparse weights")

    def _node(self, start: int, end: int) -> None:
        """NodeProto."""
        once = self._once(start, end, {4, 7})
        operator, domain = self._text(once.get(4)), self._text(once.get(7))
        if domain not in ("", "ai.onnx"):
            raise _RefusedError(f"it has an operator of another domain, {domain!r:.80}")
        if operator.startswith(_REFUSED_OPERATORS) or operator in _REFUSED_TOO:
            raise _RefusedError(f"it has the operator {operator}")
        for found in self._fields(start, end):
            if found.number == 5:
                self._attribute(found.start, found.end, operator)

    def _attribute(self, start: int, end: int, operator: str) -> None:
        """AttributeProto."""
        once = self._once(start, end, {1, 3, 5})
        for found in self._fields(start, end):
            if found.number in (6, 11):
                raise _RefusedError(f"its operator {operator} has a graph inside")
            is_text = found.number in (4, 9) and operator == "Constant"
            if is_text or found.number in (10, 14, 15, 22, 23):
                raise _RefusedError(f"its operator {operator} has an unusual attribute")
        if 5 in once:
            self._tensor(once[5].start, once[5].end)
        if 3 in once and self._text(once.get(1)) in ("to", "dtype", "output_dtype"):
            self._type(once[3].value)

    def _tensor(self, start: int, end: int) -> None:
        """TensorProto: its data must be there, and as much as its sizes say."""
        once = self._once(start, end, {2, 9, 14})
        count, typed_bytes = 1, 0
        for found in self._fields(start, end):
            if found.number == 1:
                for size in self._numbers(found):
                    if size > MAX_FILE_BYTES:
                        raise _RefusedError("a tensor is larger than the file")
                    count *= size
            elif found.number in (4, 5, 7, 10, 11):
                typed_bytes += found.end - found.start or 1
            elif found.number in (3, 6):
                raise _RefusedError("a tensor is text or in segments")
            elif found.number == 13:
                raise _RefusedError("it keeps weights in other files")
            if count > MAX_FILE_BYTES:
                raise _RefusedError("a tensor is larger than the file")
        if 14 in once and once[14].value:
            raise _RefusedError("it keeps weights in other files")
        kind = self._type(once[2].value if 2 in once else 0)
        raw_bytes = once[9].end - once[9].start if 9 in once else 0
        if raw_bytes != count * _ELEMENT_BYTES[kind] if 9 in once else count > typed_bytes:
            raise _RefusedError("a tensor has other sizes than its data")

    def _value_info(self, start: int, end: int) -> None:
        """ValueInfoProto: a tensor of a known type."""
        kind = self._once(start, end, {2}).get(2)
        if kind is None:
            return
        inner = self._once(kind.start, kind.end, {1, 4, 5, 7, 8, 9})
        if set(inner) - {1}:
            raise _RefusedError("a value is not a tensor")
        if 1 in inner:
            tensor = self._once(inner[1].start, inner[1].end, {1})
            if 1 in tensor:
                self._type(tensor[1].value)

    def _type(self, kind: int) -> int:
        if kind not in _ELEMENT_BYTES:
            raise _RefusedError(f"a tensor is text or of an unusual type ({kind})")
        self.types.add(kind)
        return kind

    def _text(self, found: _Field | None) -> str:
        if found is None:
            return ""
        if found.end - found.start > _MAX_NAME_BYTES:
            raise _RefusedError("a name is too long")
        return self.data[found.start : found.end].decode("ascii", "backslashreplace")

    def _once(self, start: int, end: int, numbers: set[int]) -> dict[int, _Field]:
        """Return fields by number, which may stand once: protobuf would merge two of them."""
        once: dict[int, _Field] = {}
        for found in self._fields(start, end):
            if found.number in numbers and once.setdefault(found.number, found) is not found:
                raise _RefusedError("a field stands twice")
        return once

    def _numbers(self, found: _Field) -> Iterator[int]:
        """Yield a repeated number, which is a field of its own or packed with others."""
        if found.wire == _VARINT:
            yield found.value
        place = found.start
        while place < found.end:
            value, place = self._varint(place, found.end)
            yield value

    def _fields(self, start: int, end: int) -> Iterator[_Field]:
        place = start
        while place < end:
            self.fields_left -= 1
            if not self.fields_left:
                raise _RefusedError("it has too many parts")
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
                raise _RefusedError("it is not an ONNX graph")
            if length > end - place:
                raise _RefusedError("it ends too early")
            yield _Field(number, wire, value, place, place + length)
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
        raise _RefusedError("it is not an ONNX graph")
