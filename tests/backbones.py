"""Small relatives of the backbones that open_clip has, registered under names of their own.

Each goes through the code of the real one: timm's entry point with other sizes, and a model
configuration of open_clip.
"""

import json
from pathlib import Path
from typing import Any

import open_clip
import timm
import torch
from timm.models import register_model
from tokenizers import Tokenizer, models, pre_tokenizers

from stzsar.models.config import HeadConfig
from stzsar.models.pretrained import load_clip
from stzsar.models.stzsar import STZSAR

WORDS = "this is a video about swing bat ball rope seat playground archery playing the guitar"
_TINY_VIT = {"img_size": 32, "patch_size": 8, "embed_dim": 32, "depth": 2, "num_heads": 2}
_TEXT = {"context_length": 24, "vocab_size": 1024, "width": 32, "heads": 2, "layers": 1}


@register_model
def tiny_fastvit(pretrained: bool = False, **options: Any) -> Any:
    """MobileCLIP2-S0's frame encoder with a layer in each stage."""
    sizes = {"layers": (1, 1, 1, 1), "embed_dims": (8, 16, 32, 64)}
    return timm.models.fastvit.fastvit_mci0(pretrained, **sizes, **options)


@register_model
def tiny_mci(pretrained: bool = False, **options: Any) -> Any:
    """MobileCLIP-B's, one layer; its stem has no smaller width."""
    sizes = {"img_size": 32, "depth": 1}
    return timm.models.vision_transformer_hybrid.vit_base_mci_224(pretrained, **sizes, **options)


@register_model
def tiny_siglip(pretrained: bool = False, **options: Any) -> Any:
    """SigLIP2's, two layers."""
    make = timm.models.vision_transformer.vit_base_patch16_siglip_224
    return make(pretrained, **_TINY_VIT, **options)


@register_model
def tiny_pe(pretrained: bool = False, **options: Any) -> Any:
    """PE-Core's, two layers."""
    sizes = {**_TINY_VIT, "ref_feat_shape": (4, 4), "attn_pool_num_heads": 2}
    return timm.models.eva.vit_pe_core_tiny_patch16_384(pretrained, **sizes, **options)


def _config(model: str, pool: str, px: int, proj: str | None, **text: Any) -> dict[str, Any]:
    vision = {
        "timm_model_name": model,
        "timm_model_pretrained": False,
        "timm_pool": pool,
        "timm_proj": proj,
        "image_size": px,
    }
    return {
        "embed_dim": 32,
        "custom_text": True,
        "vision_cfg": vision,
        "text_cfg": {**_TEXT, **text},
    }


# What differs between them is what differs between the real ones' configurations in open_clip.
CONFIGS = {
    "tiny-ViT": {
        "embed_dim": 32,
        "vision_cfg": {
            "image_size": 32, "patch_size": 8, "layers": 2, "width": 32, "head_width": 16,
        },
        "text_cfg": _TEXT,
    },
    "tiny-MobileCLIP2": _config("tiny_fastvit", "avg", 64, None, no_causal_mask=True),
    "tiny-MobileCLIP-B": _config("tiny_mci", "token", 32, None),
    "tiny-PE-Core": _config("tiny_pe", "map", 32, None),
    "tiny-SigLIP2": _config(
        "tiny_siglip", "map", 32, "none", no_causal_mask=True, proj_bias=True, pool_type="last",
        norm_kwargs={"eps": 1e-06}, act_kwargs={"approximate": "tanh"},
        hf_tokenizer_name="timm/tiny-SigLIP2", tokenizer_kwargs={"clean": "canonicalize"},
    )
    | {"init_logit_bias": -10},
}  # fmt: skip


def register(folder: Path, configs: dict[str, Any]) -> None:
    """Tell open_clip of `configs`, through files in the empty `folder`."""
    for name, config in configs.items():
        (folder / f"{name}.json").write_text(json.dumps(config))
    open_clip.add_model_config(folder)


def write_tokenizer(folder: Path, *, pad: str = "<pad>", words: str = WORDS) -> Path:
    """Write a `tokenizer.json` with SigLIP2's special tokens and few words."""
    vocabulary = {pad: 0, "<eos>": 1, "<unk>": 2}
    for word in words.split():
        vocabulary.setdefault(word, len(vocabulary))
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    path = folder / "tokenizer.json"
    tokenizer.save(str(path))
    return path


def make_source(name: str) -> Any:
    """Return open_clip's model with weights, biases and statistics away from their start."""
    torch.manual_seed(0)
    source = open_clip.create_model(name).eval()
    with torch.no_grad():
        for key, value in source.state_dict().items():
            if key.endswith("running_var"):
                value.mul_(0.5 + torch.rand_like(value))
            elif value.is_floating_point() and not key.startswith("logit"):
                value.add_(0.05 * torch.randn_like(value))
    return source


def load(name: str, folder: Path, **head: Any) -> tuple[STZSAR, Any]:
    """Return our network and open_clip's model with the same weights, through files in `folder`."""
    source = make_source(name)
    weights = folder / f"{name}.pt"
    torch.save(source.state_dict(), weights)
    tokenizer = str(write_tokenizer(folder)) if "SigLIP2" in name else None
    network, _ = load_clip(name, str(weights), head=HeadConfig(**head), tokenizer=tokenizer)
    return network, source
