"""The hash of a stretch's rows: the same rows have the same, however they were written."""

import hashlib
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import pyarrow

# Which try wrote the rows says nothing of them.
_LEFT_OUT = ("attempt",)


def hash_rows(table: "pyarrow.Table") -> str:
    """Return the hash of the rows of one stretch, in the order of their frames.

    Args:
        table: all columns of `frames`, in any order of rows.
    """
    table = table.sort_by("frame").combine_chunks()
    found = hashlib.sha256(f"{table.num_rows} rows".encode())
    for name in sorted(set(table.column_names) - set(_LEFT_OUT)):
        column: Any = table[name].combine_chunks()
        found.update(f"\n{name} {column.type} ".encode())
        found.update(np.packbits(column.is_valid().to_numpy(zero_copy_only=False)).tobytes())
        found.update(_content(column))
    return found.hexdigest()[:32]


def _content(column: Any) -> bytes:
    import pyarrow

    if pyarrow.types.is_string(column.type) or pyarrow.types.is_large_string(column.type):
        return "\0".join(text or "" for text in column.to_pylist()).encode()
    if pyarrow.types.is_fixed_size_list(column.type):
        return np.ascontiguousarray(column.flatten().to_numpy(zero_copy_only=False)).tobytes()
    filled = column.fill_null(0)
    return np.ascontiguousarray(filled.to_numpy(zero_copy_only=False)).tobytes()
