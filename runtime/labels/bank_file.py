"""Reads the arrays of a bank's file once their sizes are checked: 2 MB may unpack to gigabytes.

Headers are bounded, and types, shapes and sizes must agree with each other before anything is
unpacked.
"""

import io
from typing import Any, BinaryIO
from zipfile import ZIP_DEFLATED, ZIP_STORED, ZipFile

import numpy as np
import numpy.typing as npt

# Ten thousand labels with ten attributes each, 1,500 wide, as float32.
MAX_BANK_MIB = 640
MAX_WIDTH = 16_384
_MAX_TABLE_CHARACTERS = 2**25
_MAX_HEADER_BYTES = 4096
_HEADERS = {
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
}
# numpy's kind of type for each array (text, floats, booleans), and its axes.
_KINDS = {
    "labels": ("U", ""),
    "class_embeddings": ("f", "CD"),
    "attribute_embeddings": ("f", "CWD"),
    "attribute_mask": ("b", "CW"),
}
_WORDS = {"U": "text", "f": "floats", "b": "truth values"}

Array = npt.NDArray[Any]
Shape = tuple[int, ...]


class BankFile:
    """An npz file that has been checked, and whose arrays can be read one by one.

    Args:
        file: the file, open.
        max_labels: C at most.
        max_cells: C times W at most.

    Attributes:
        count: C, how many labels the arrays are for.

    Raises:
        ValueError: arrays are missing or too large, or have a wrong type or shape.
    """

    def __init__(self, file: BinaryIO, *, max_labels: int, max_cells: int) -> None:
        self._archive = ZipFile(file)
        members = [entry.filename for entry in self._archive.infolist()]
        if len(members) != len(set(members)):
            raise ValueError("it holds two files of one name")
        sizes: dict[str, int] = {}
        floats = 0
        for name, (kind, axes) in _KINDS.items():
            shape = self._shape(name, kind)
            fits = len(shape) == len(axes) and all(
                sizes.setdefault(axis, size) == size for axis, size in zip(axes, shape, strict=True)
            )
            if not fits:
                expected = [sizes.get(axis, axis) for axis in axes]
                raise ValueError(f"{name} is {list(shape)}, expected {expected or 'one text'}")
            floats += int(np.prod(shape)) if kind == "f" else 0
        self.count, words, width = (sizes[axis] for axis in "CWD")
        if self.count > max_labels or self.count * words > max_cells or width > MAX_WIDTH:
            raise ValueError(
                f"{self.count} labels of {words} attributes of width {width} are too many: at most "
                f"{max_labels} labels, {max_cells} attributes and width {MAX_WIDTH} are read"
            )
        if 4 * floats > MAX_BANK_MIB * 2**20:
            raise ValueError(f"it unpacks to more than {MAX_BANK_MIB} MiB of float32")

    def read(self, name: str) -> Array:
        """Unpack one array."""
        with self._archive.open(f"{name}.npy") as file:
            return np.lib.format.read_array(file, allow_pickle=False)

    def _shape(self, name: str, kind: str) -> Shape:
        """Return the shape of an array without unpacking it; its type and size must fit."""
        entry = self._archive.getinfo(f"{name}.npy")
        if entry.compress_type not in (ZIP_STORED, ZIP_DEFLATED):
            raise ValueError(f"{name} is compressed in a way that banks do not use")
        with self._archive.open(entry) as file:
            start = io.BytesIO(file.read(_MAX_HEADER_BYTES))
        version = np.lib.format.read_magic(start)
        if version not in _HEADERS:
            raise ValueError(f"{name} has numpy's format {version}, which banks do not use")
        shape, _, dtype = _HEADERS[version](start)
        if dtype.kind != kind or dtype.itemsize > (4 * _MAX_TABLE_CHARACTERS if kind == "U" else 8):
            raise ValueError(f"{name} is {dtype}, expected {_WORDS[kind]}")
        if start.tell() + int(np.prod(shape, dtype=object)) * dtype.itemsize != entry.file_size:
            raise ValueError(f"{name} is {list(shape)} of {dtype}, which is not its size")
        return shape
