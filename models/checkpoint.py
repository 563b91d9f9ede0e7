"""The checkpoint on disk: the only thing that training hands to export.

A folder with `checkpoint.json` (what the network is) and `model.safetensors` (its weights); with
`tokenizer.json` too, if the network has another tokenizer than CLIP's.
Training keeps its own state beside them, in `training.safetensors`. Nothing is pickled.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import msgspec
import torch
from msgspec import Meta, Struct
from torch import Tensor

from ..runtime.bundle.manifest import MAX_SEEN_BIAS, SamplingSpec, WeightsOrigin
from ..runtime.documents import MIB, Count, DocumentError, from_json, read_file
from ..runtime.errors import BundleError, LabelError
from ..runtime.labels.labels import Label
from .config import ModelConfig
from .stzsar import STZSAR
from .tensor_file import load_tensors, read_shapes, save_tensors
from .tokenizer_file import FILE as TOKENIZER
from .tokenizer_file import MAX_BYTES as MAX_TOKENIZER_BYTES

FORMAT_VERSION = 2  # format 1 had one prompt, which `ModelConfig.from_json` reads
DESCRIPTION = "checkpoint.json"
WEIGHTS = "model.safetensors"
_MAX_DESCRIPTION_BYTES = 64 * MIB  # most of it labels


@dataclass(frozen=True, kw_only=True)
class Checkpoint:
    """What a checkpoint says of its weights."""

    model: ModelConfig  # the network's configuration
    labels: tuple[Label, ...]  # the labels that it was trained on, with their attributes
    sampling: SamplingSpec  # the frames of a window in training
    origin: WeightsOrigin  # where the weights come from
    step: int  # optimiser steps taken
    # How far training puts the logits of its labels above those of others; None if not measured.
    seen_bias: float | None = None


class _Version(Struct):
    format_version: int


class _Description(Struct):
    model: dict[str, Any]
    labels: tuple[Label, ...]
    sampling: SamplingSpec
    origin: WeightsOrigin
    step: Count
    seen_bias: Annotated[float, Meta(ge=0, le=MAX_SEEN_BIAS)] | None = None


def save_checkpoint(folder: Path, checkpoint: Checkpoint, network: STZSAR) -> None:
    """Write `checkpoint` and the weights of `network` into the existing `folder`."""
    save_tensors(folder / WEIGHTS, network.state_dict())
    if network.tokenizer_json is not None:
        (folder / TOKENIZER).write_text(network.tokenizer_json, encoding="utf-8")
    document = {
        "format_version": FORMAT_VERSION,
        **msgspec.to_builtins(checkpoint),
        "model": checkpoint.model.to_json(),
    }
    (folder / DESCRIPTION).write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")


def read_checkpoint(folder: Path) -> Checkpoint:
    """Read what a checkpoint says of itself.

    Raises:
        BundleError: the folder is no checkpoint, or of a format that this version does not know.
    """
    path = folder / DESCRIPTION
    try:
        content = read_file(path, _MAX_DESCRIPTION_BYTES)
    except OSError as error:
        raise BundleError(
            f"{folder} is not a checkpoint, its {DESCRIPTION} cannot be read ({error.strerror}): "
            "name a folder that stzsar-train wrote."
        ) from error
    try:
        version = from_json(content, _Version).format_version
    except DocumentError as error:
        raise BundleError(f"{path} is not a checkpoint description: {error}.") from error
    if not 1 <= version <= FORMAT_VERSION:
        raise BundleError(
            f"{path} has format version {version!r:.40} and this stzsar reads 1 to "
            f"{FORMAT_VERSION}: upgrade stzsar, or train again."
        )
    try:
        document = from_json(content, _Description)
        return Checkpoint(
            model=ModelConfig.from_json(document.model),
            labels=document.labels,
            sampling=document.sampling,
            origin=document.origin,
            step=document.step,
            seen_bias=document.seen_bias,
        )
    except (DocumentError, LabelError) as error:
        raise BundleError(f"{path} is not a valid checkpoint description: {error}.") from error


def load_weights(folder: Path, network: STZSAR) -> None:
    """Load a checkpoint's weights into `network`.

    Raises:
        BundleError: the file is missing, corrupt, or of another architecture.
    """
    path = folder / WEIGHTS
    weights, _ = load_tensors(path)
    _check_fit(path, weights, network)
    network.load_state_dict(weights)


def open_checkpoint(folder: Path) -> tuple[Checkpoint, STZSAR]:
    """Return a checkpoint's description and its network, still without the weights.

    The sizes of the description are compared with the weights before memory is allocated.

    Raises:
        BundleError: it cannot be used; the message says why.
    """
    checkpoint = read_checkpoint(folder)
    config, path = checkpoint.model, folder / WEIGHTS
    tokenizer = _read_tokenizer(folder, config)
    shapes = read_shapes(path)
    towers = (config.vision, config.text, config.temporal)
    try:
        layers = sum(getattr(tower, "layers", 0) for tower in towers)
        if layers > len(shapes):
            raise ValueError(f"it has {layers} layers, more than there are tensors")
        with torch.device("meta"):
            claimed = STZSAR(config, tokenizer)
    except Exception as error:  # nonsense fails anywhere in the modules
        raise BundleError(
            f"{folder / DESCRIPTION} describes no network that can be built: {error}."
        ) from error
    _check_fit(path, shapes, claimed)
    return checkpoint, STZSAR(config, tokenizer)


def load_checkpoint(folder: Path) -> tuple[Checkpoint, STZSAR]:
    """Return a checkpoint's description, and its network with the weights.

    Raises:
        BundleError: it cannot be used; the message says why.
    """
    checkpoint, network = open_checkpoint(folder)
    load_weights(folder, network)
    return checkpoint, network


def _check_fit(path: Path, weights: Mapping[str, Tensor], network: STZSAR) -> None:
    expected = network.state_dict()
    wrong = sorted(set(weights) ^ set(expected)) or [
        name for name, value in weights.items() if value.shape != expected[name].shape
    ]
    if wrong:
        raise BundleError(
            f"{path} belongs to another architecture than {network.config.name!r}: "
            f"{len(wrong)} tensors do not fit, the first is {wrong[0]!r}."
        )


def _read_tokenizer(folder: Path, config: ModelConfig) -> str | None:
    if config.text.tokenizer == "clip":
        return None
    path = folder / TOKENIZER
    try:
        return read_file(path, MAX_TOKENIZER_BYTES).decode()
    except (OSError, UnicodeDecodeError) as error:
        raise BundleError(f"Cannot read the tokenizer {path}: {error}.") from error


def find_checkpoint(path: Path) -> Path:
    """Return `path` if it is a checkpoint, and the newest one of the run there if it is none.

    Raises:
        BundleError: it is neither.
    """
    if (path / DESCRIPTION).is_file():
        return path
    newest = newest_checkpoint(path)
    if newest is None:
        raise BundleError(
            f"{path} is neither a checkpoint nor a run with one: name a folder that stzsar-train "
            "wrote."
        )
    return newest


def newest_checkpoint(root: Path, *, beside: str = "") -> Path | None:
    """Return the last step's checkpoint of the run below `root` that was written last, or None.

    Only those with a file called `beside` in them count, if it is given.
    """
    every = root.glob(f"**/{DESCRIPTION}")
    found = [p for p in every if not _hidden(p, root) and (p.parent / beside).exists()]
    newest = max(found, key=lambda path: path.stat().st_mtime_ns, default=None)
    if newest is None:
        return None
    # Within a run the number counts: a copy of it need not keep the order of the times.
    run = newest.parent.parent
    return max((path.parent for path in found if path.parent.parent == run), key=step_of)


def step_of(folder: Path) -> int:
    """Return the number of steps behind the checkpoint `step-<n>`; 0 if it is called otherwise."""
    number = folder.name.removeprefix("step-")
    return int(number) if number.isdecimal() and len(number) < 16 else 0


def _hidden(path: Path, root: Path) -> bool:
    return any(part.startswith(".") for part in path.relative_to(root).parts)
