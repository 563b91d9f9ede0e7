"""Puts tensors into an ONNX graph that was written without their values.

A skeleton is an ordinary ONNX file whose tensors lack their last field, the raw data. Everything
else is copied as it stands, so a filled graph has the bytes of the exported one.
"""

import math
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from ..bundle.protobuf import Field, Message
from .expressions import Array

_MODEL_GRAPH, _GRAPH_TENSOR = 7, 5
_DIMS, _TYPE, _NAME, _RAW_DATA = 1, 2, 8, 9
# TensorProto.DataType of what weights may be, with NumPy's name of it.
TYPES = {1: "<f4", 10: "<f2"}
_ITEM_BYTES = {1: 4, 10: 2}

# Bytes as they are, or the name of a tensor whose data goes here with its length.
_Part = bytes | tuple[str, int]


def empty_tensors(skeleton: bytes) -> dict[str, tuple[str, tuple[int, ...]]]:
    """Return NumPy's type and the shape of each tensor without data, by name."""
    found: dict[str, tuple[str, tuple[int, ...]]] = {}
    message = Message(skeleton)
    for graph in message.fields(0, len(skeleton)):
        if graph.number == _MODEL_GRAPH:
            for tensor in message.fields(graph.start, graph.end):
                if tensor.number == _GRAPH_TENSOR:
                    name, kind, shape, has_data = _tensor(message, tensor)
                    if not has_data:
                        found[name] = TYPES[kind], shape
    return found


def write_filled(skeleton: bytes, path: Path, values: Callable[[str], Array]) -> None:
    """Write `skeleton` to `path` with its empty tensors filled.

    Args:
        skeleton: the graph.
        path: the file to write.
        values: returns the values of a tensor by its name, in the skeleton's type and shape. Each
            is asked for once, in the order of the file, and forgotten before the next.
    """
    parts = _model_parts(Message(skeleton), len(skeleton))
    with path.open("wb") as file:
        for part in parts:
            if isinstance(part, bytes):
                file.write(part)
            else:
                name, length = part
                data = np.ascontiguousarray(values(name)).reshape(-1).view(np.uint8)
                if data.nbytes != length:
                    raise ValueError(f"{name} has {data.nbytes} bytes, expected {length}")
                file.write(data.data)


def _model_parts(message: Message, end: int) -> Iterator[_Part]:
    place = 0
    for field in message.fields(0, end):
        if field.number == _MODEL_GRAPH:
            graph = list(_graph_parts(message, field))
            yield _header(_MODEL_GRAPH, sum(map(_length, graph)))
            yield from graph
        else:
            yield message.data[place : field.end]
        place = field.end


def _graph_parts(message: Message, graph: Field) -> Iterator[_Part]:
    place = graph.start
    for field in message.fields(graph.start, graph.end):
        name, kind, shape, has_data = (
            _tensor(message, field) if field.number == _GRAPH_TENSOR else ("", 0, (), True)
        )
        if has_data:
            yield message.data[place : field.end]
        else:
            length = math.prod(shape) * _ITEM_BYTES[kind]
            body = message.data[field.start : field.end] + _header(_RAW_DATA, length)
            yield _header(_GRAPH_TENSOR, len(body) + length) + body
            yield name, length
        place = field.end


def _tensor(message: Message, field: Field) -> tuple[str, int, tuple[int, ...], bool]:
    """Return name, type and shape of a TensorProto, and whether its data is there."""
    once = message.once(field.start, field.end, {_TYPE, _NAME, _RAW_DATA})
    shape = tuple(
        size
        for found in message.fields(field.start, field.end)
        if found.number == _DIMS
        for size in message.numbers(found)
    )
    return message.text(once.get(_NAME)), once[_TYPE].value, shape, _RAW_DATA in once


def _header(number: int, length: int) -> bytes:
    """Return the tag of a field of bytes, and their count as a varint."""
    header = bytearray([number << 3 | 2])
    while length > 127:
        header.append(length & 127 | 128)
        length >>= 7
    return bytes([*header, length])


def _length(part: _Part) -> int:
    return len(part) if isinstance(part, bytes) else part[1]
