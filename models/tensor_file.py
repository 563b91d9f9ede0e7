"""Safetensors files with a hash of their tensors, so that a damaged file is noticed."""

import hashlib
from collections.abc import Mapping
from pathlib import Path

import safetensors
import safetensors.torch
import torch
from torch import Tensor

from ..runtime.errors import BundleError

_HASH = "sha256"


def save_tensors(
    path: Path, tensors: Mapping[str, Tensor], notes: Mapping[str, str] | None = None
) -> None:
    """Write tensors, with notes and their hash in the file's metadata."""
    whole = {name: value.detach().contiguous() for name, value in tensors.items()}
    metadata = {**(notes or {}), _HASH: _hash(whole)}
    # Bytes first: safetensors' own writer raises no OSError on a full disk.
    path.write_bytes(safetensors.torch.save(whole, metadata))


def load_tensors(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Read the tensors and notes of a file; files without a hash are older than it.

    Raises:
        BundleError: the file is missing, not safetensors, or corrupt.
    """
    tensors, notes = _read(path, only_shapes=False)
    recorded = notes.pop(_HASH, None)
    if recorded is not None and recorded != _hash(tensors):
        raise BundleError(
            f"{path} is corrupt: its tensors do not have the hash that they were written with."
        )
    return tensors, notes


def read_shapes(path: Path) -> dict[str, Tensor]:
    """Read names and shapes of the tensors of a file, as tensors without memory.

    Raises:
        BundleError: the file is missing, or not safetensors.
    """
    return _read(path, only_shapes=True)[0]


def _read(path: Path, *, only_shapes: bool) -> tuple[dict[str, Tensor], dict[str, str]]:
    try:
        with safetensors.safe_open(path, "pt") as file:
            tensors = {
                name: torch.empty(file.get_slice(name).get_shape(), device="meta")
                if only_shapes
                else file.get_tensor(name)
                for name in file.keys()  # noqa: SIM118
            }
            return tensors, dict(file.metadata() or {})
    except OSError as error:
        raise BundleError(f"Cannot read the weights {path}: {error}.") from error
    except (safetensors.SafetensorError, ValueError, RuntimeError) as error:
        raise BundleError(
            f"{path} is not a whole safetensors file ({error}): only checkpoints of stzsar-train "
            "are read, and never pickled ones."
        ) from error


def _hash(tensors: Mapping[str, Tensor]) -> str:
    """Return the sha256 of names, types, shapes and values."""
    found = hashlib.sha256()
    for name, value in sorted(tensors.items()):
        found.update(repr((name, value.dtype, tuple(value.shape))).encode())
        found.update(value.cpu().contiguous().reshape(-1).view(torch.uint8).numpy().data)
    return found.hexdigest()
