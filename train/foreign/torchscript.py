"""The tensors of a TorchScript archive, without its code.

torch.jit.load runs code of the file. The weights lie beside that code, one record for each storage,
and a pickle says which module holds which. Here, that pickle may name storages and nothing else.
"""

import io
import math
import pickle
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ...runtime.errors import BundleError

_MAX_PICKLE_BYTES = 64 << 20
_MOST_OBJECTS = 1_000_000
_TYPES = {
    "FloatStorage": torch.float32,
    "DoubleStorage": torch.float64,
    "HalfStorage": torch.float16,
    "BFloat16Storage": torch.bfloat16,
    "LongStorage": torch.int64,
    "IntStorage": torch.int32,
    "ShortStorage": torch.int16,
    "CharStorage": torch.int8,
    "ByteStorage": torch.uint8,
    "BoolStorage": torch.bool,
}


def is_torchscript(path: Path) -> bool:
    """Whether a file is an archive with code in it."""
    try:
        with zipfile.ZipFile(path) as archive:
            return any(name.endswith("/constants.pkl") for name in archive.namelist())
    except (OSError, ValueError, zipfile.BadZipFile):
        return False


def read_torchscript(path: Path) -> dict[str, Tensor]:
    """Return the tensors of the archive's modules, by their names in a state dict.

    Raises:
        BundleError: it is damaged, or its pickle holds more than modules and tensors.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            top = next(name for name in archive.namelist() if name.endswith("/data.pkl"))
            module = _Modules(archive, top.removesuffix("data.pkl")).load()
            return dict(_tensors(module))
    except Exception as error:  # hostile archives fail anywhere
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0][:160].rstrip(".")
        raise BundleError(f"{path} is not a TorchScript archive of weights ({reason}).") from error


def _read(archive: zipfile.ZipFile, name: str, most: int) -> bytes:
    """Read a record of at most so many bytes; code is packed, weights and their pickle never."""
    record = archive.getinfo(name)
    if record.compress_type != zipfile.ZIP_STORED or record.file_size > most:
        raise ValueError(f"its record {name:.80} is packed, or too large")
    return archive.read(record)


class _Module:
    """What an object of the archive's own classes becomes: its attributes."""

    attributes: Any = None

    def __setstate__(self, state: object) -> None:
        self.attributes = state


class _Storage:
    """The numbers of one record."""

    def __init__(self, dtype: torch.dtype, content: bytes) -> None:
        self.flat = torch.frombuffer(bytearray(content), dtype=dtype)


class _Modules(pickle.Unpickler):
    def __init__(self, archive: zipfile.ZipFile, folder: str) -> None:
        super().__init__(io.BytesIO(_read(archive, f"{folder}data.pkl", _MAX_PICKLE_BYTES)))
        self._archive, self._folder = archive, folder
        self._storages: dict[str, _Storage] = {}

    def find_class(self, module: str, name: str) -> Any:
        """Stand in for a class: only what is named here ever comes to be."""
        if module.startswith("__torch__"):
            return _Module
        if module == "torch._utils" and name in ("_rebuild_tensor_v2", "_rebuild_parameter"):
            return _tensor if name == "_rebuild_tensor_v2" else _parameter
        if module == "torch" and name in _TYPES:
            return _TYPES[name]
        if (module, name) == ("collections", "OrderedDict"):
            return dict
        if module == "torch.jit._pickle":  # typed lists
            return _first
        raise pickle.UnpicklingError(f"it names {module}.{name}")

    def persistent_load(self, pid: Any) -> _Storage:
        """Read a storage, once."""
        kind, dtype, key, _, count = pid
        if kind != "storage" or not isinstance(dtype, torch.dtype):
            raise pickle.UnpicklingError("it names no storage")
        if key not in self._storages:
            expected = count * dtype.itemsize
            content = _read(self._archive, f"{self._folder}data/{key}", expected)
            if len(content) != expected or not content:
                raise ValueError(f"record {key!r:.40} has {len(content)} bytes")
            self._storages[key] = _Storage(dtype, content)
        return self._storages[key]


def _tensor(storage: _Storage, offset: int, size: Any, stride: Any, *_: object) -> Tensor:
    last = offset + sum((n - 1) * step for n, step in zip(size, stride, strict=True))
    spans = [*size, *stride, offset]
    if not all(isinstance(n, int) and n >= 0 for n in spans) or last >= len(storage.flat):
        raise ValueError("a tensor reaches beyond its record")
    if math.prod(size) > len(storage.flat):
        raise ValueError("a tensor has more numbers than its record")
    return storage.flat.as_strided(tuple(size), tuple(stride), offset)


def _parameter(tensor: Tensor, *_: object) -> Tensor:
    return tensor


def _first(values: object, *_: object) -> object:
    return values


def _tensors(module: object) -> Iterator[tuple[str, Tensor]]:
    """Yield the tensors of a module and of those inside it, by their names."""
    waiting, met = [("", module)], 0
    while waiting:
        name, value = waiting.pop()
        met += 1
        if met > _MOST_OBJECTS:  # a module may hold itself
            raise ValueError("its modules are too many")
        if isinstance(value, Tensor):
            yield name, value
        elif isinstance(value, _Module) and isinstance(value.attributes, dict):
            waiting += [
                (f"{name}.{attribute}" if name else str(attribute), inner)
                for attribute, inner in value.attributes.items()
                if isinstance(inner, Tensor | _Module)
            ]
