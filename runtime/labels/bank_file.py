"""Checks a bank's file before it is read: a small npz may unpack to gigabytes.

Only the header of each array is read here, which has its type and shape.
"""

from pathlib import Path
from typing import Any, BinaryIO
from zipfile import ZipFile

import numpy as np

MAX_BANK_GIB = 2
MAX_WIDTH = 16_384
_MAX_TABLE_CHARACTERS = 2**26
_HEADERS = {
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
}
# numpy's kind of type for each array: text, floats, booleans.
_KINDS = {
    "labels": "U",
    "class_embeddings": "f",
    "attribute_embeddings": "f",
    "attribute_mask": "b",
}
_WORDS = {"U": "text", "f": "floats", "b": "truth values"}

Shape = tuple[int, ...]


def check_bank_file(path: Path | BinaryIO, *, max_labels: int, max_cells: int) -> None:
    """Raise ValueError if a bank's arrays are too large, or have a wrong type or shape.

    Args:
        path: the npz file, or an open one.
        max_labels: C at most.
        max_cells: C times W at most.
    """
    with ZipFile(path) as archive:
        if sum(entry.file_size for entry in archive.infolist()) > MAX_BANK_GIB * 2**30:
            raise ValueError(f"it unpacks to more than {MAX_BANK_GIB} GiB")
        shapes = {name: _shape(archive, name, kind) for name, kind in _KINDS.items()}
    expected = {"class_embeddings": "CD", "attribute_embeddings": "CWD", "attribute_mask": "CW"}
    sizes: dict[str, int] = {}
    for name, axes in expected.items():
        shape = shapes[name]
        same = len(shape) == len(axes) and all(
            sizes.setdefault(axis, size) == size for axis, size in zip(axes, shape, strict=True)
        )
        if not same:
            raise ValueError(f"{name} is {list(shape)}, expected {[sizes.get(a, a) for a in axes]}")
    if sizes["C"] > max_labels or sizes["C"] * sizes["W"] > max_cells or sizes["D"] > MAX_WIDTH:
        raise ValueError(
            f"{sizes['C']} labels of {sizes['W']} attributes of width {sizes['D']} are too many: "
            f"at most {max_labels} labels, {max_cells} attributes and width {MAX_WIDTH} are read"
        )


def _shape(archive: ZipFile, name: str, kind: str) -> Shape:
    """Return the shape of one array from its header."""
    with archive.open(f"{name}.npy") as file:
        stream: Any = file
        version = np.lib.format.read_magic(stream)
        if version not in _HEADERS:
            raise ValueError(f"{name} has numpy's format {version}, which banks do not use")
        shape, _, dtype = _HEADERS[version](stream)
    if dtype.kind != kind:
        raise ValueError(f"{name} is {dtype}, expected {_WORDS[kind]}")
    if kind == "U" and (shape != () or dtype.itemsize > 4 * _MAX_TABLE_CHARACTERS):
        raise ValueError(f"{name} is {list(shape)} of {dtype}, expected one text")
    return shape
