"""Files of weights from strangers, read without running anything that is in them."""

import re
import zipfile
from collections import OrderedDict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import safetensors
import safetensors.torch
import torch
from torch import Tensor

from ...runtime.documents import open_regular
from ...runtime.errors import BundleError
from .family import ForeignFile
from .torchscript import is_torchscript, read_torchscript

MAX_TENSORS = 100_000
_TIED = 2
# What training saves a state dict under. Two of them in one file keep apart by their prefixes.
_STATES = {
    "state_dict": "",
    "model": "",
    "model_state_dict": "",
    "model_state": "",
    "fusion_model_state_dict": "fusion_model.",
}
_SETTINGS = ("config", "cfg", "args", "hyper_parameters")
_GLOBAL = re.compile(r"GLOBAL (\S+)")


class _Inert:
    """Stands for an object that is not needed: it takes any arguments and state, and keeps none."""

    def __new__(cls, *_: object) -> "_Inert":
        return super().__new__(cls)

    def __setstate__(self, _: object) -> None:
        pass


# Classes that training code pickles beside its weights. None is imported: a dictionary stands for
# configurations, since torch fills nothing else, and an inert object for numbers of numpy.
_STAND_INS: list[Any] = [
    *((OrderedDict, name) for name in (
        "yacs.config.CfgNode", "fvcore.common.config.CfgNode", "argparse.Namespace",
        "easydict.EasyDict", "dotmap.DotMap",
    )),
    *((_Inert, name) for name in (
        "numpy.core.multiarray.scalar", "numpy._core.multiarray.scalar", "numpy.dtype",
        "pathlib.PosixPath",
    )),
]  # fmt: skip


def read_foreign(path: Path) -> ForeignFile:
    """Read a file of weights: torch's, a TorchScript archive, or safetensors.

    Raises:
        BundleError: it is none of them, wants code to run, or holds no weights.
    """
    try:
        with open_regular(path) as file:
            head = file.read(16)
            size = file.seek(0, 2)
    except OSError as error:
        raise BundleError(f"Cannot read {path}: {error.strerror}.") from error
    if path.suffix == ".safetensors":
        return ForeignFile(path, "safetensors", _bounded(path, _safetensors(path), size))
    if is_torchscript(path):
        return ForeignFile(path, "torchscript", _bounded(path, read_torchscript(path), size))
    if not (zipfile.is_zipfile(path) or head.startswith((b"\x80", b"\x8a"))):
        raise BundleError(
            f"{path} is not a file of weights: name a .pt or .pth file of torch, a .safetensors "
            "file, or the folder of one of transformers' CLIPs."
        )
    _refuse_packed(path, size)
    document = _torch(path)
    tensors, settings, other = _split(path, document)
    return ForeignFile(path, "torch", _bounded(path, tensors, size), settings, other)


def _torch(path: Path) -> Any:
    try:
        with torch.serialization.safe_globals(_STAND_INS):
            return torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # hostile pickles fail anywhere
        found = _GLOBAL.search(str(error))
        if found:
            raise BundleError(
                f"{path} wants to run {found[1]:.80} when it is loaded, which weights do not need: "
                "save its state dict alone, with torch.save(model.state_dict(), FILE)."
            ) from error
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0][:120].rstrip(".")
        raise BundleError(f"{path} is not a whole file of torch ({reason}).") from error


def _safetensors(path: Path) -> dict[str, Tensor]:
    try:
        return safetensors.torch.load_file(path)
    except (OSError, safetensors.SafetensorError, ValueError, RuntimeError) as error:
        raise BundleError(f"{path} is not a whole safetensors file ({error}).") from error


def _refuse_packed(path: Path, size: int) -> None:
    """Refuse an archive that unpacks to more than it holds; torch packs nothing."""
    if not zipfile.is_zipfile(path):
        return
    try:
        with zipfile.ZipFile(path) as archive:
            whole = sum(entry.file_size for entry in archive.infolist())
    except (zipfile.BadZipFile, OSError, ValueError) as error:
        raise BundleError(f"{path} is not a whole archive ({error}).") from error
    if whole > size:
        raise BundleError(
            f"{path} unpacks to {whole} bytes and has {size}, and torch packs nothing: get the "
            "file from its authors."
        )


def _split(
    path: Path, document: object
) -> tuple[dict[str, Tensor], Mapping[str, Any], tuple[str, ...]]:
    """Return the tensors of a loaded file, the settings beside them, and what else there is."""
    if not isinstance(document, Mapping):
        raise BundleError(
            f"{path} holds a {type(document).__name__} and no state dict: save it with "
            "torch.save(model.state_dict(), FILE)."
        )
    tensors: dict[str, Tensor] = {}
    settings: Mapping[str, Any] = {}
    other: list[str] = []
    states = {name: prefix for name, prefix in _STATES.items() if _is_state(document.get(name))}
    if not states:
        tensors = {str(k): v for k, v in document.items() if isinstance(v, Tensor)}
        other = [str(k) for k, v in document.items() if not isinstance(v, Tensor)]
        return _without_module(tensors), settings, tuple(other)
    for name, value in document.items():
        if name in states:
            prefix = states[name]
            tensors |= {f"{prefix}{k}": v for k, v in _without_module(value).items()}
            continue
        if name in _SETTINGS and isinstance(value, Mapping):
            settings = value
        elif _is_state(value):
            raise BundleError(
                f"{path} holds a second state dict, {name!r:.80}: save the one to import alone."
            )
        other.append(str(name))
    return tensors, settings, tuple(other)


def _is_state(value: object) -> bool:
    return isinstance(value, Mapping) and any(isinstance(v, Tensor) for v in value.values())


def _without_module(state: Mapping[Any, Any]) -> dict[str, Any]:
    """Take off the `module.` that DataParallel puts before every name."""
    named = {str(name): value for name, value in state.items()}
    if all(name.startswith("module.") for name in named):
        return {name.removeprefix("module."): value for name, value in named.items()}
    return named


def _bounded(path: Path, tensors: Mapping[str, Any], size: int) -> dict[str, Tensor]:
    """Check that these are ordinary tensors whose numbers are all in the file."""
    if not tensors:
        raise BundleError(f"{path} holds no tensors.")
    if len(tensors) > MAX_TENSORS:
        raise BundleError(f"{path} holds {len(tensors)} tensors; at most {MAX_TENSORS} are read.")
    claimed = 0
    for name, value in tensors.items():
        if not isinstance(value, Tensor) or value.layout != torch.strided or value.is_quantized:
            raise BundleError(f"{path} holds {name!r:.80}, which is no ordinary tensor.")
        # Strides of 0 make a tensor of any size from one number; tied weights are in a file once.
        claimed += value.numel() * value.element_size()
        if value.device.type != "cpu" or claimed > _TIED * size:
            raise BundleError(
                f"{path} says that {name!r:.80} has the shape {tuple(value.shape)}, which is more "
                "than the file holds."
            )
    return {name: value.detach() for name, value in tensors.items()}
