"""Reads an ONNX file far enough to refuse what no export writes, before an engine sees it.

Bundles come from strangers, and engines trust graphs: a graph with text as output crashes ONNX
Runtime, a loop never ends, external data reads any file, and other domains load code or engines.
The runtime has no onnx package, and protobuf's own library would build all of a message before we
could look at it. So this walks the wire format (`protobuf.py`), and refuses subgraphs and functions
before they are entered.
"""

import mmap
from dataclasses import dataclass, field
from pathlib import Path

from ..documents import open_regular
from ..errors import BundleError
from .protobuf import Message, RefusedError

MAX_FILE_BYTES = 2**31  # protobuf's own limit
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
                raise RefusedError("it is not an ONNX graph")
            with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
                reader = _Reader(data)
                reader.model(0, size)
    except OSError as error:
        raise BundleError(f"Cannot read {path}: {error.strerror}.") from error
    except (RefusedError, IndexError) as error:
        why = "it ends too early" if isinstance(error, IndexError) else error
        raise BundleError(f"{path} is refused: {why}; export the bundle again.") from error
    return OnnxFacts(_FLOAT16 in reader.types)


@dataclass
class _Reader(Message):
    types: set[int] = field(default_factory=set)
    has_graph: bool = False

    def model(self, start: int, end: int) -> None:
        """ModelProto."""
        for found in self.fields(start, end):
            if found.number == 7:
                if self.has_graph:
                    raise RefusedError("it has two graphs")
                self.has_graph = True
                self._graph(found.start, found.end)
            elif found.number in (20, 25):
                raise RefusedError("it has functions or training steps")
        if not self.has_graph:
            raise RefusedError("it is not an ONNX graph")

    def _graph(self, start: int, end: int) -> None:
        """GraphProto."""
        for found in self.fields(start, end):
            if found.number == 1:
                self._node(found.start, found.end)
            elif found.number == 5:
                self._tensor(found.start, found.end)
            elif found.number in (11, 12, 13):
                self._value_info(found.start, found.end)
            elif found.number == 15:
                raise RefusedError("it has sparse weights")

    def _node(self, start: int, end: int) -> None:
        """NodeProto."""
        once = self.once(start, end, {4, 7})
        operator, domain = self.text(once.get(4)), self.text(once.get(7))
        if domain not in ("", "ai.onnx"):
            raise RefusedError(f"it has an operator of another domain, {domain!r:.80}")
        if operator.startswith(_REFUSED_OPERATORS) or operator in _REFUSED_TOO:
            raise RefusedError(f"it has the operator {operator}")
        for found in self.fields(start, end):
            if found.number == 5:
                self._attribute(found.start, found.end, operator)

    def _attribute(self, start: int, end: int, operator: str) -> None:
        """AttributeProto."""
        once = self.once(start, end, {1, 3, 5})
        for found in self.fields(start, end):
            if found.number in (6, 11):
                raise RefusedError(f"its operator {operator} has a graph inside")
            is_text = found.number in (4, 9) and operator == "Constant"
            if is_text or found.number in (10, 14, 15, 22, 23):
                raise RefusedError(f"its operator {operator} has an unusual attribute")
        if 5 in once:
            self._tensor(once[5].start, once[5].end)
        if 3 in once and self.text(once.get(1)) in ("to", "dtype", "output_dtype"):
            self._type(once[3].value)

    def _tensor(self, start: int, end: int) -> None:
        """TensorProto: its data must be there, and as much as its sizes say."""
        once = self.once(start, end, {2, 9, 14})
        count, typed_bytes = 1, 0
        for found in self.fields(start, end):
            if found.number == 1:
                for size in self.numbers(found):
                    if size > MAX_FILE_BYTES:
                        raise RefusedError("a tensor is larger than the file")
                    count *= size
            elif found.number in (4, 5, 7, 10, 11):
                typed_bytes += found.end - found.start or 1
            elif found.number in (3, 6):
                raise RefusedError("a tensor is text or in segments")
            elif found.number == 13:
                raise RefusedError("it keeps weights in other files")
            if count > MAX_FILE_BYTES:
                raise RefusedError("a tensor is larger than the file")
        if 14 in once and once[14].value:
            raise RefusedError("it keeps weights in other files")
        kind = self._type(once[2].value if 2 in once else 0)
        raw_bytes = once[9].end - once[9].start if 9 in once else 0
        if raw_bytes != count * _ELEMENT_BYTES[kind] if 9 in once else count > typed_bytes:
            raise RefusedError("a tensor has other sizes than its data")

    def _value_info(self, start: int, end: int) -> None:
        """ValueInfoProto: a tensor of a known type."""
        kind = self.once(start, end, {2}).get(2)
        if kind is None:
            return
        inner = self.once(kind.start, kind.end, {1, 4, 5, 7, 8, 9})
        if set(inner) - {1}:
            raise RefusedError("a value is not a tensor")
        if 1 in inner:
            tensor = self.once(inner[1].start, inner[1].end, {1})
            if 1 in tensor:
                self._type(tensor[1].value)

    def _type(self, kind: int) -> int:
        if kind not in _ELEMENT_BYTES:
            raise RefusedError(f"a tensor is text or of an unusual type ({kind})")
        self.types.add(kind)
        return kind
