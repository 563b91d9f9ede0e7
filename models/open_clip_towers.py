"""Copies open_clip's models into ours: reads the architecture, copies the weights, compares both.

Names and tags are unreliable, so the configuration comes from the modules themselves. Both networks
must give the same embeddings for one frame and one row of tokens.
"""

import dataclasses
from collections.abc import Mapping
from typing import Any, get_args

import torch
from torch import Tensor, nn

from ..runtime.errors import BundleError
from .config import (
    HeadConfig,
    ModelConfig,
    PatchPath,
    TemporalConfig,
    TextConfig,
    TimmConfig,
    TimmPool,
    VisionConfig,
)
from .stzsar import STZSAR

# Relative to the largest value. Rounding gives about 1e-6. The tanh form of GELU in a text tower
# gives 3e-4, although the cosine stays 1 to seven digits.
_TOLERANCE = 1e-4
_POOLS = {"argmax": "end", "last": "last"}
_TRUNKS = {"FastVit": {"avg"}, "VisionTransformer": {"token", "map"}, "Eva": {"token", "map"}}


def describe(
    source: Any,
    backbone: str,
    pixels: Mapping[str, Any],
    *,
    head: HeadConfig,
    temporal: TemporalConfig | None,
    patch_path: PatchPath,
) -> ModelConfig:
    """Return our configuration for the open_clip model `source`, called `backbone` there.

    `pixels` holds "mean" and "std" of RGB values; the other arguments go into the configuration.

    Raises:
        BundleError: the architecture is not supported.
    """
    import open_clip

    settings = open_clip.get_model_config(backbone) or {}
    colours = {"mean": tuple(pixels["mean"]), "std": tuple(pixels["std"])}
    try:
        vision: VisionConfig | TimmConfig
        if hasattr(source.visual, "trunk"):
            vision, dim = _timm(source, backbone, settings["vision_cfg"], colours)
            if patch_path != "block":
                raise BundleError(
                    f"--patch-path {patch_path} works with CLIP's plain ViTs only, not with "
                    f"{backbone}. Leave it out."
                )
        else:
            vision, dim = _plain(source, colours, patch_path)
        words = _text(source, backbone, settings["text_cfg"])
    except (AttributeError, KeyError, TypeError, IndexError) as error:
        raise BundleError(unsupported(backbone, str(error))) from error
    scale = float(source.logit_scale.detach().exp())
    return ModelConfig(
        name=backbone,
        dim=dim,
        vision=vision,
        text=words,
        head=dataclasses.replace(head, initial_scale=scale),
        temporal=temporal,
    )


def copy_weights(source: Any, network: STZSAR, backbone: str) -> None:
    """Copy the weights of the open_clip model `source` into `network`.

    Raises:
        BundleError: the weights do not fit.
    """
    text = _text_tower(source)
    wanted = network.text.state_dict().keys()
    own = {name: value for name, value in text.state_dict().items() if name in wanted}
    try:
        network.visual.load_state_dict(source.visual.state_dict())
        network.text.load_state_dict(own)
    except RuntimeError as error:
        raise BundleError(unsupported(backbone, str(error).splitlines()[-1].strip())) from error
    with torch.no_grad():
        network.head.logit_scale.copy_(source.logit_scale)


@torch.no_grad()
def check_same(source: Any, network: STZSAR, backbone: str) -> None:
    """Compare both networks on one frame and one row of tokens.

    Some of open_clip's switches change the computation but not the weights (pooling, masks, norms).
    A backbone that uses one must be refused instead of exported wrong.

    Raises:
        BundleError: the embeddings differ.
    """
    generator = torch.Generator().manual_seed(0)
    size = network.config.vision.image_px
    frame = torch.randint(0, 256, (1, size, size, 3), dtype=torch.uint8, generator=generator)
    length, vocabulary = network.config.text.context_length, network.config.text.vocab_size
    tokens = torch.randint(1, vocabulary - 2, (1, length), generator=generator)
    tokens[0, length // 2 :] = 0
    tokens[0, length // 2] = vocabulary - 1
    network.eval()
    try:
        pairs: list[tuple[str, Tensor, Tensor]] = [
            (
                "image",
                network.visual(frame).frame,
                source.encode_image(network.visual.pixels(frame)),
            ),
            ("text", network.text(tokens), source.encode_text(tokens)),
        ]
    except RuntimeError as error:
        raise BundleError(unsupported(backbone, str(error).splitlines()[0])) from error
    for tower, ours, theirs in pairs:
        difference = (ours - theirs).abs().max() / theirs.abs().max()
        if not difference <= _TOLERANCE:  # so that NaN fails
            raise BundleError(unsupported(backbone, f"its {tower} tower gives other embeddings"))


def unsupported(backbone: str, reason: str) -> str:
    return (
        f"stzsar does not support {backbone} ({reason}). Use a plain ViT such as ViT-B-32 or "
        "ViT-B-16, or MobileCLIP2-S0, ViT-B-32-SigLIP2-256 or PE-Core-T-16-384."
    )


def hub_tokenizer(backbone: str) -> str | None:
    """Return the hub's name of the backbone's tokenizer, or None if it uses CLIP's."""
    import open_clip

    settings = open_clip.get_model_config(backbone) or {}
    return settings.get("text_cfg", {}).get("hf_tokenizer_name")


def _text_tower(source: Any) -> Any:
    # CustomTextCLIP keeps its text tower in `.text`, CLIP at the top level.
    return getattr(source, "text", source)


def _plain(
    source: Any, colours: Mapping[str, Any], patch_path: PatchPath
) -> tuple[VisionConfig, int]:
    visual = source.visual
    config = VisionConfig(
        image_px=visual.image_size[0],
        patch_px=visual.patch_size[0],
        **colours,
        pre_norm=isinstance(visual.ln_pre, nn.LayerNorm),
        patch_path=patch_path,
        layers=len(visual.transformer.resblocks),
        **_block_fields(visual.transformer.resblocks[0]),
    )
    return config, visual.proj.shape[1]


@torch.no_grad()
def _timm(
    source: Any, backbone: str, settings: Mapping[str, Any], colours: Mapping[str, Any]
) -> tuple[TimmConfig, int]:
    visual, trunk = source.visual, source.visual.trunk
    kind, pool = type(trunk).__name__, settings["timm_pool"]
    if pool not in _TRUNKS.get(kind, ()) or pool not in get_args(TimmPool) or len(visual.head):
        raise BundleError(unsupported(backbone, f"its frame encoder is timm's {kind} with {pool}"))
    size = visual.image_size[0]
    features = trunk.forward_features(torch.zeros(1, 3, size, size))
    patches = features[0, 0].numel() if pool == "avg" else features.shape[1]
    config = TimmConfig(
        model=settings["timm_model_name"],
        image_px=size,
        patches=patches if pool == "avg" else patches - trunk.num_prefix_tokens,
        pool=pool,
        projected=trunk.num_classes > 0,
        **colours,
    )
    return config, trunk.forward_head(features).shape[1]


def _text(source: Any, backbone: str, settings: Mapping[str, Any]) -> TextConfig:
    text = _text_tower(source)
    hub_name = settings.get("hf_tokenizer_name")
    if hub_name and "SigLIP2" not in hub_name:
        raise BundleError(unsupported(backbone, f"its tokenizer is {hub_name}"))
    # CLIP calls it text_pool_type, TextTransformer pool_type.
    pool = text.pool_type if hasattr(text, "pool_type") else source.text_pool_type
    block = text.transformer.resblocks[0]
    return TextConfig(
        context_length=text.positional_embedding.shape[0],
        vocab_size=text.token_embedding.weight.shape[0],
        layers=len(text.transformer.resblocks),
        **_block_fields(block),
        causal=text.attn_mask is not None,
        pool=_POOLS[pool],  # pyright: ignore[reportArgumentType]
        projection_bias=isinstance(text.text_projection, nn.Linear),
        norm_eps=block.ln_1.eps,
        tokenizer="file" if hub_name else "clip",
    )


def _block_fields(block: Any) -> dict[str, Any]:
    activation = "gelu"
    if type(block.mlp.gelu).__name__ == "QuickGELU":
        activation = "quick_gelu"
    elif getattr(block.mlp.gelu, "approximate", "none") == "tanh":
        activation = "gelu_tanh"
    return {
        "width": block.attn.embed_dim,
        "heads": block.attn.num_heads,
        "mlp_width": block.mlp.c_fc.out_features,
        "activation": activation,
    }
