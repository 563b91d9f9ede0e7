"""transformers' CLIP folders: their names of tensors, as OpenAI's."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

import torch
from msgspec import Meta, Struct
from torch import Tensor

from ...models.config import Activation
from ...runtime.documents import MIB, DocumentError, from_json, read_file
from ...runtime.errors import BundleError
from .family import ForeignFile
from .reading import read_foreign

CONFIG = "config.json"
_WEIGHTS = ("model.safetensors", "pytorch_model.bin")
_ACTIVATIONS: dict[str, Activation] = {
    "quick_gelu": "quick_gelu",
    "gelu": "gelu",
    "gelu_new": "gelu_tanh",
    "gelu_pytorch_tanh": "gelu_tanh",
}
_Size = Annotated[int, Meta(ge=1, le=2**24)]


class _Tower(Struct):
    hidden_act: Literal["quick_gelu", "gelu", "gelu_new", "gelu_pytorch_tanh"] = "quick_gelu"
    num_attention_heads: _Size | None = None
    layer_norm_eps: Annotated[float, Meta(ge=9e-6, le=1.1e-5)] = 1e-5  # that of every CLIP


class _Config(Struct):
    model_type: Literal["clip"]
    text_config: _Tower
    vision_config: _Tower


# Theirs, and OpenAI's
_OUTSIDE = {
    "text_model.embeddings.token_embedding.weight": "token_embedding.weight",
    "text_model.embeddings.position_embedding.weight": "positional_embedding",
    "text_model.final_layer_norm": "ln_final",
    "vision_model.embeddings.class_embedding": "visual.class_embedding",
    "vision_model.embeddings.patch_embedding.weight": "visual.conv1.weight",
    "vision_model.embeddings.position_embedding.weight": "visual.positional_embedding",
    "vision_model.pre_layrnorm": "visual.ln_pre",  # spelt so there
    "vision_model.post_layernorm": "visual.ln_post",
}
_IN_BLOCK = {
    "layer_norm1": "ln_1",
    "layer_norm2": "ln_2",
    "mlp.fc1": "mlp.c_fc",
    "mlp.fc2": "mlp.c_proj",
    "self_attn.out_proj": "attn.out_proj",
}
_BLOCK = re.compile(r"(text|vision)_model\.encoder\.layers\.(\d+)\.(.+)\.(weight|bias)")
_QKV = ("q_proj", "k_proj", "v_proj")


def read_folder(folder: Path) -> ForeignFile:
    """Read one of transformers' CLIPs: config.json beside one file of weights.

    `settings` of the result holds its `activation`, `vision_heads` and `text_heads`.

    Raises:
        BundleError: the folder holds no CLIP that can be read.
    """
    try:
        config = from_json(read_file(folder / CONFIG, MIB), _Config)
    except OSError as error:
        raise BundleError(
            f"{folder} is a folder without a readable {CONFIG} ({error.strerror}): name a file of "
            "weights, or the folder of one of transformers' CLIPs."
        ) from error
    except DocumentError as error:
        raise BundleError(
            f"{folder / CONFIG} describes no CLIP that is read here: {error}."
        ) from error
    text, vision = config.text_config, config.vision_config
    if text.hidden_act != vision.hidden_act:
        raise BundleError(f"{folder / CONFIG} has another activation in each tower.")
    path = next((folder / name for name in _WEIGHTS if (folder / name).is_file()), None)
    if path is None:
        raise BundleError(f"{folder} holds neither {' nor '.join(_WEIGHTS)}: it needs one of them.")
    tensors = _renamed(read_foreign(path).tensors)
    settings = {
        "activation": _ACTIVATIONS[text.hidden_act],
        "vision_heads": vision.num_attention_heads,
        "text_heads": text.num_attention_heads,
    }
    return ForeignFile(folder, "transformers", tensors, settings)


def _renamed(theirs: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the tensors by OpenAI's names, with one matrix for queries, keys and values."""
    found: dict[str, Tensor] = {}
    packed: dict[str, dict[str, Tensor]] = {}
    for name, value in theirs.items():
        block = _BLOCK.fullmatch(name)
        stem, _, kind = name.rpartition(".")
        if block:
            tower, layer, inner, kind = block.groups()
            prefix = "visual." if tower == "vision" else ""
            home = f"{prefix}transformer.resblocks.{layer}"
            part = inner.removeprefix("self_attn.")
            if part in _QKV:
                packed.setdefault(f"{home}.attn.in_proj_{kind}", {})[part] = value
            else:
                found[f"{home}.{_IN_BLOCK.get(inner, inner)}.{kind}"] = value
        elif name in _OUTSIDE:
            found[_OUTSIDE[name]] = value
        elif stem in _OUTSIDE:
            found[f"{_OUTSIDE[stem]}.{kind}"] = value
        elif name in ("visual_projection.weight", "text_projection.weight"):
            found["visual.proj" if name.startswith("vis") else "text_projection"] = value.T
        else:
            found[name] = value
    for name, parts in packed.items():
        if set(parts) == set(_QKV):
            found[name] = torch.cat([parts[part] for part in _QKV])
        else:
            found |= {f"{name}.{part}": value for part, value in parts.items()}
    return found
