"""CLIP's two towers under OpenAI's names, as most families keep them, with sizes from shapes."""

import re
from typing import NamedTuple

from torch import Tensor

from ...models.config import Activation, TextConfig, VisionConfig
from ...runtime.errors import BundleError
from .family import Keys, Tensors

HEAD_WIDTH = 64  # of OpenAI's CLIPs, and of what was tuned from them
TOKENS = "token_embedding.weight"
_MOST_LAYERS = 1000
_BLOCK = re.compile(r"(?:^|\.)resblocks\.(\d{1,4})\.")


class Towers(NamedTuple):
    dim: int  # D
    vision: VisionConfig
    text: TextConfig
    tensors: dict[str, Tensor]  # visual.*, text.* and head.logit_scale


def clip_towers(
    keys: Keys,
    *,
    visual: str = "visual.",
    text: str = "",
    logit_scale: str = "logit_scale",
    activation: Activation = "quick_gelu",
    original: Tensors | None = None,
    vision_heads: int | None = None,
    text_heads: int | None = None,
) -> Towers:
    """Take both towers and the logit scale out of `keys`.

    Args:
        keys: where they are.
        visual: what precedes the names of the frame encoder.
        text: what precedes the names of the text encoder.
        logit_scale: the name of γ.
        activation: of both; no file records it.
        original: the CLIP that was tuned, for token embeddings that the file leaves out.
        vision_heads: number of heads; None is the width by 64.
        text_heads: the same of the text encoder.

    Raises:
        BundleError: a tensor is missing or has another shape than CLIP's.
    """
    names = keys.file.tensors
    needed = (f"{visual}conv1.weight", f"{visual}proj", f"{text}text_projection")
    if f"{visual}conv1.weight" not in names and f"{visual}layer1.0.conv1.weight" in names:
        raise _misfit(keys, "its frame encoder is a ResNet", "only CLIP's plain ViTs are read")
    if f"{visual}trunk.patch_embed.proj.weight" in names:
        raise _misfit(
            keys,
            "its frame encoder is timm's",
            "name it to stzsar-train with --backbone NAME --pretrained FILE",
        )
    for name in needed:
        if name not in names:
            raise _misfit(keys, f"it has no tensor {name!r}", "name another family")
    conv, proj = names[needed[0]], names[needed[1]]
    position = _two(keys, f"{visual}positional_embedding")
    if conv.ndim != 4 or conv.shape[1] != 3 or conv.shape[2] != conv.shape[3]:
        raise _misfit(keys, f"{needed[0]!r} has the shape {tuple(conv.shape)}", _PATCHES)
    width, patch_px = conv.shape[0], conv.shape[-1]
    side = round((position.shape[0] - 1) ** 0.5)
    if side < 1 or side * side != position.shape[0] - 1:
        raise _misfit(keys, f"it has positions for {position.shape[0] - 1} patches", _PATCHES)
    _two(keys, needed[1])
    vision = VisionConfig(
        image_px=side * patch_px,
        patch_px=patch_px,
        width=width,
        layers=_layers(keys, f"{visual}transformer."),
        heads=vision_heads or _heads(keys, width),
        mlp_width=_mlp(keys, f"{visual}transformer."),
        activation=activation,
        pre_norm=f"{visual}ln_pre.weight" in names,
    )
    tokens = names.get(f"{text}{TOKENS}")
    if tokens is None:
        tokens = (original or {}).get(TOKENS)
        if tokens is None:
            raise BundleError(
                f"{keys.file.path} leaves out CLIP's token embeddings, which its training never "
                "changed: name the CLIP that it was tuned from with --with, for example OpenAI's "
                "ViT-B-16.pt."
            )
    else:
        keys.take(f"{text}{TOKENS}")
    positions = _two(keys, f"{text}positional_embedding")
    words = TextConfig(
        context_length=positions.shape[0],
        vocab_size=tokens.shape[0],
        width=positions.shape[1],
        layers=_layers(keys, f"{text}transformer."),
        heads=text_heads or _heads(keys, positions.shape[1]),
        mlp_width=_mlp(keys, f"{text}transformer."),
        activation=activation,
    )
    tensors = {f"visual.{name}": value for name, value in _tower(keys, visual, _VISUAL).items()}
    tensors |= {f"text.{name}": value for name, value in _tower(keys, text, _TEXT).items()}
    tensors[f"text.{TOKENS}"] = tokens
    tensors["head.logit_scale"] = keys.take(logit_scale).reshape(())
    return Towers(proj.shape[1], vision, words, tensors)


_PATCHES = "only square frames in square patches are read"
_VISUAL = ("conv1.weight", "class_embedding", "positional_embedding", "proj")
_TEXT = ("positional_embedding", "text_projection")
_IN_NORM = re.compile(r"ln_(?:pre|post|final)\.(?:weight|bias)")
_IN_BLOCK = re.compile(
    r"transformer\.resblocks\.\d+\.(?:(?:ln_1|ln_2|mlp\.c_fc|mlp\.c_proj|attn\.out_proj)\."
    r"(?:weight|bias)|attn\.in_proj_(?:weight|bias))"
)


def _tower(keys: Keys, prefix: str, parts: tuple[str, ...]) -> dict[str, Tensor]:
    """Take a tower's own tensors; what a family adds inside it stays."""
    found = {}
    for name in keys.left():
        own = name.removeprefix(prefix)
        if not name.startswith(prefix):
            continue
        if own in parts or _IN_NORM.fullmatch(own) or _IN_BLOCK.fullmatch(own):
            found[own] = keys.take(name)
    return found


def _layers(keys: Keys, prefix: str) -> int:
    names = (n.removeprefix(prefix) for n in keys.file.tensors if n.startswith(prefix))
    numbers = {int(found[1]) for name in names if (found := _BLOCK.match(name))}
    if not numbers or numbers != set(range(len(numbers))) or len(numbers) > _MOST_LAYERS:
        raise _misfit(
            keys, f"its blocks {prefix}resblocks are not numbered from 0", "name another family"
        )
    return len(numbers)


def _mlp(keys: Keys, prefix: str) -> int:
    return _two(keys, f"{prefix}resblocks.0.mlp.c_fc.weight").shape[0]


def _heads(keys: Keys, width: int) -> int:
    if width % HEAD_WIDTH:
        raise _misfit(
            keys, f"a width of {width} is no multiple of {HEAD_WIDTH}", "its heads are unknown"
        )
    return width // HEAD_WIDTH


def _two(keys: Keys, name: str) -> Tensor:
    value = keys.file.tensors.get(name)
    if value is None or value.ndim != 2 or not all(value.shape):
        shape = "is missing" if value is None else f"has the shape {tuple(value.shape)}"
        raise _misfit(keys, f"{name!r:.120} {shape}", "name another family")
    return value


def _misfit(keys: Keys, problem: str, remedy: str) -> BundleError:
    return BundleError(f"{keys.file.path} does not hold CLIP's towers, {problem}: {remedy}.")
