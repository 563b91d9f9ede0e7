"""CLIP's weights, from open_clip by name or from a file, into our own towers."""

import dataclasses
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from ..runtime.errors import BundleError
from ..runtime.manifest import WeightsOrigin
from .config import HeadConfig, ModelConfig, PatchPath, TemporalConfig, TextConfig, VisionConfig
from .quiet import quiet
from .stzsar import STZSAR

_TOLERANCE = 1e-3  # of a cosine; an unsupported variant is off by far more


def load_clip(
    backbone: str,
    pretrained: str,
    *,
    head: HeadConfig,
    temporal: TemporalConfig | None = None,
    patch_path: PatchPath = "block",
) -> tuple[STZSAR, WeightsOrigin]:
    """Build STZSAR over a CLIP of open_clip.

    Args:
        backbone: a ViT's name in open_clip, e.g. "ViT-B-16".
        pretrained: a tag of open_clip ("openai": downloaded once), a file, or "none" for random
            weights.
        head: the head's switches; its weights are at their start (identity projections).
        temporal: the temporal transformer, if there is to be one.
        patch_path: how the last block treats patches.

    Raises:
        BundleError: no such backbone or weights, a file that is none, or a kind of CLIP that is no
            plain ViT with a plain text transformer.
    """
    source = _create(backbone, pretrained)
    config = _describe(source, backbone, head=head, temporal=temporal, patch_path=patch_path)
    network = STZSAR(config)
    _copy(source, network, backbone)
    _check_same(source, network, backbone)
    with torch.no_grad():
        network.head.logit_scale.copy_(source.logit_scale)
    return network, _origin(backbone, pretrained)


def _create(backbone: str, pretrained: str) -> Any:
    import open_clip

    if backbone not in open_clip.list_models():
        vits = [name for name in open_clip.list_models() if name.startswith("ViT-")]
        raise BundleError(
            f"open_clip has no backbone {backbone!r}; ViTs that it has: {', '.join(vits[:12])}, …"
        )
    tag = open_clip.get_pretrained_cfg(backbone, pretrained) if pretrained != "none" else {}
    if pretrained != "none" and not tag and not Path(pretrained).is_file():
        known = ", ".join(open_clip.list_pretrained_tags_by_model(backbone)[:6]) or "none"
        raise BundleError(
            f"--pretrained {pretrained!r} is neither a file nor weights that open_clip has for "
            f"{backbone} ({known}, …); --pretrained none takes random weights."
        )
    try:
        with quiet():
            model = open_clip.create_model(
                backbone,
                pretrained=None if pretrained == "none" else pretrained,
                force_quick_gelu=bool(tag.get("quick_gelu", False)),
            )
    except Exception as error:  # downloads and unpickling fail in many ways
        raise BundleError(_cannot_load(backbone, pretrained, error, is_tag=bool(tag))) from error
    return model.eval()


def _cannot_load(backbone: str, pretrained: str, error: Exception, *, is_tag: bool) -> str:
    reason = (str(error).strip().splitlines() or [type(error).__name__])[0][:160].rstrip(".")
    if is_tag:
        return (
            f"The weights {pretrained!r} of {backbone} could not be downloaded ({reason}). With "
            "internet, open_clip fetches them once; without, copy their .safetensors file here and "
            f"give it: --backbone {_backbone_of_file(backbone, pretrained)} --pretrained FILE."
        )
    return (
        f"{pretrained} does not hold weights of {backbone} ({reason}): give a .safetensors or "
        ".pt file with a state dict of that backbone."
    )


def _backbone_of_file(backbone: str, tag: str) -> str:
    """Return the backbone to name with a copy of the weights `tag`: a file has no activation."""
    import open_clip

    quick = f"{backbone}-quickgelu"
    wants_quick = open_clip.get_pretrained_cfg(backbone, tag).get("quick_gelu", False)
    return quick if wants_quick and quick in open_clip.list_models() else backbone


def _describe(
    source: Any,
    backbone: str,
    *,
    head: HeadConfig,
    temporal: TemporalConfig | None,
    patch_path: PatchPath,
) -> ModelConfig:
    """Read the configuration off the modules themselves: names and tags are not to be trusted."""
    import open_clip

    # A CustomTextCLIP keeps its text tower in `.text`, a CLIP at the top.
    text = getattr(source, "text", source)
    try:
        vision_block = source.visual.transformer.resblocks[0]
        text_block = text.transformer.resblocks[0]
        pixels = open_clip.get_model_preprocess_cfg(source)
        vision = VisionConfig(
            image_px=source.visual.image_size[0],
            patch_px=source.visual.patch_size[0],
            mean=tuple(pixels["mean"]),
            std=tuple(pixels["std"]),
            pre_norm=isinstance(source.visual.ln_pre, nn.LayerNorm),
            patch_path=patch_path,
            layers=len(source.visual.transformer.resblocks),
            **_block_fields(vision_block),
        )
        words = TextConfig(
            context_length=text.positional_embedding.shape[0],
            vocab_size=text.token_embedding.weight.shape[0],
            layers=len(text.transformer.resblocks),
            **_block_fields(text_block),
        )
        dim = source.visual.proj.shape[1]
    except (AttributeError, KeyError, TypeError, IndexError) as error:
        raise BundleError(_unsupported(backbone, str(error))) from error
    scale = float(source.logit_scale.detach().exp())
    return ModelConfig(
        name=backbone,
        dim=dim,
        vision=vision,
        text=words,
        head=dataclasses.replace(head, initial_scale=scale),
        temporal=temporal,
    )


def _block_fields(block: Any) -> dict[str, Any]:
    quick = type(block.mlp.gelu).__name__ == "QuickGELU"
    return {
        "width": block.attn.embed_dim,
        "heads": block.attn.num_heads,
        "mlp_width": block.mlp.c_fc.out_features,
        "activation": "quick_gelu" if quick else "gelu",
    }


def _copy(source: Any, network: STZSAR, backbone: str) -> None:
    text = getattr(source, "text", source)
    try:
        network.visual.load_state_dict(source.visual.state_dict())
        wanted = network.text.state_dict().keys()
        own = {name: value for name, value in text.state_dict().items() if name in wanted}
        network.text.load_state_dict(own)
    except RuntimeError as error:
        raise BundleError(_unsupported(backbone, str(error).splitlines()[-1].strip())) from error


@torch.no_grad()
def _check_same(source: Any, network: STZSAR, backbone: str) -> None:
    """Compare both networks on one frame and one row of tokens.

    Open_clip has switches that change the numbers and not the weights (pooling, masks, norms); a
    backbone that uses one must be refused, not exported wrong.
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
        raise BundleError(_unsupported(backbone, str(error).splitlines()[0])) from error
    for tower, ours, theirs in pairs:
        if 1 - torch.cosine_similarity(ours, theirs).item() > _TOLERANCE:
            raise BundleError(_unsupported(backbone, f"its {tower} tower computes otherwise"))


def _unsupported(backbone: str, reason: str) -> str:
    return (
        f"{backbone} is not a CLIP of plain transformers ({reason}): take a ViT such as ViT-B-32, "
        "ViT-B-16 or ViT-L-14."
    )


def _origin(backbone: str, pretrained: str) -> WeightsOrigin:
    if pretrained == "none":
        return WeightsOrigin(
            source=f"{backbone}, random weights", knows="nothing: its weights are random"
        )
    source = Path(pretrained).name if Path(pretrained).is_file() else pretrained
    return WeightsOrigin(
        source=f"{backbone} ({source})",
        knows="what CLIP knows of single frames; its interaction head is not trained",
    )
