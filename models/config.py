"""What a network is, as frozen types: one set of classes for CLIP and for the small model."""

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

Interaction = Literal["product", "residual", "off", "mean"]
PatchPath = Literal["block", "value"]
Activation = Literal["gelu", "quick_gelu", "gelu_tanh"]
TextPool = Literal["end", "last"]
TokenizerKind = Literal["clip", "file"]
TimmPool = Literal["avg", "token", "map"]

INTERACTIONS: tuple[str, ...] = get_args(Interaction)
PATCH_PATHS: tuple[str, ...] = get_args(PatchPath)

PROMPT = "This is a video about {}."


@dataclass(frozen=True, kw_only=True)
class VisionConfig:
    """CLIP's plain ViT over one frame, our own module.

    Attributes:
        image_px: side of the square input.
        patch_px: side of a patch.
        width: width of a token.
        layers: number of blocks.
        heads: attention heads of a block.
        mlp_width: hidden width of a block's MLP.
        activation: of the MLP; OpenAI's weights want quick_gelu.
        pre_norm: whether a LayerNorm precedes the blocks, as in every CLIP.
        patch_path: how the last block treats patches: as it is ("block"), or with attention
            replaced by its value path ("value", after MaskCLIP), which keeps them local.
        mean, std: of RGB values in 0..1.
        kind: tells this type from TimmConfig in JSON.
    """

    image_px: int
    patch_px: int
    width: int
    layers: int
    heads: int
    mlp_width: int
    activation: Activation = "gelu"
    pre_norm: bool = True
    patch_path: PatchPath = "block"
    mean: tuple[float, float, float] = (0.48145466, 0.4578275, 0.40821073)
    std: tuple[float, float, float] = (0.26862954, 0.26130258, 0.27577711)
    kind: Literal["vit"] = "vit"

    @property
    def patches(self) -> int:
        """Number of patches, P."""
        return (self.image_px // self.patch_px) ** 2

    @property
    def patch_grid(self) -> tuple[int, int]:
        """Rows and columns of the patches."""
        side = self.image_px // self.patch_px
        return side, side


@dataclass(frozen=True, kw_only=True)
class TimmConfig:
    """A frame encoder of timm: MobileCLIP's, SigLIP2's, PE-Core's.

    Attributes:
        model: its name in timm, which says all of its architecture.
        image_px: side of the square input.
        patches: number of places that have an embedding, P.
        pool: how places become one embedding: their mean, a class token, or attention ("map").
        projected: whether timm's head maps into the joint space; without it the pool does.
        mean, std: of RGB values in 0..1.
        kind: tells this type from VisionConfig in JSON.
    """

    model: str
    image_px: int
    patches: int
    pool: TimmPool
    projected: bool
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    kind: Literal["timm"] = "timm"

    @property
    def patch_grid(self) -> tuple[int, int]:
        """Rows and columns of the places: of a square picture as many as each other."""
        side = math.isqrt(self.patches)
        return side, side


@dataclass(frozen=True, kw_only=True)
class TextConfig:
    """A text transformer.

    Attributes:
        context_length: tokens of a row.
        vocab_size: may be smaller than CLIP's 49,408: then only that many merges are used, and any
            string still has tokens.
        width: width of a token.
        layers: number of blocks.
        heads: attention heads of a block.
        mlp_width: hidden width of a block's MLP.
        activation: of the MLP.
        causal: whether a token sees only those before it, as in CLIP.
        pool: the token that speaks for the row: its end-of-text, or its last place, padding or not.
        projection_bias: whether the map into the joint space has a bias.
        norm_eps: epsilon of every LayerNorm.
        tokenizer: CLIP's, which open_clip brings, or one that comes as a `tokenizer.json`.
    """

    context_length: int
    vocab_size: int
    width: int
    layers: int
    heads: int
    mlp_width: int
    activation: Activation = "gelu"
    causal: bool = True
    pool: TextPool = "end"
    projection_bias: bool = False
    norm_eps: float = 1e-5
    tokenizer: TokenizerKind = "clip"


@dataclass(frozen=True, kw_only=True)
class TemporalConfig:
    """A transformer over the frames of a window (BIKE's, six layers; fewer in the small model)."""

    layers: int = 6
    heads: int = 8
    max_frames: int = 32


@dataclass(frozen=True, kw_only=True)
class HeadConfig:
    """The spatio-temporal interaction.

    Attributes:
        interaction: how spatial similarity f weighs a frame: "product" f, "residual" 1 + βf,
            "off" 1 (BIKE's video concept spotting), or "mean": plain mean pooling, no saliency.
        temperature: τ of the saliency softmax.
        projections: whether learned maps I + ΔW precede the similarities (ΔW starts at zero).
        initial_scale: exp(γ) at the start of training.
    """

    interaction: Interaction = "product"
    temperature: float = 0.01
    projections: bool = False
    initial_scale: float = 100.0


@dataclass(frozen=True, kw_only=True)
class ModelConfig:
    """A whole network. `dim` is D, the width of the joint embedding."""

    name: str
    dim: int
    vision: VisionConfig | TimmConfig
    text: TextConfig
    head: HeadConfig
    temporal: TemporalConfig | None = None
    prompt: str = PROMPT

    def to_json(self) -> dict[str, Any]:
        """Return the configuration as JSON types."""
        return dataclasses.asdict(self)

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> "ModelConfig":
        """Read what `to_json` gave.

        Raises:
            KeyError, TypeError: a field is missing or unknown.
        """
        vision: dict[str, Any] = {
            k: tuple(v) if isinstance(v, list) else v for k, v in document["vision"].items()
        }
        temporal = document["temporal"]
        return cls(
            **{
                **document,
                "vision": _VISION_KINDS[vision.get("kind", "vit")](**vision),
                "text": TextConfig(**document["text"]),
                "head": HeadConfig(**document["head"]),
                "temporal": None if temporal is None else TemporalConfig(**temporal),
            }
        )


# A configuration without a kind is older than the kinds.
_VISION_KINDS: dict[str, Any] = {"vit": VisionConfig, "timm": TimmConfig}


def small_config() -> ModelConfig:
    """Return the from-scratch network of 1.6 M parameters for 64 px frames (demo and tests).

    The temporal transformer is on: without it no direction of motion can be told.
    """
    return ModelConfig(
        name="small",
        dim=128,
        vision=VisionConfig(image_px=64, patch_px=16, width=128, layers=4, heads=4, mlp_width=512),
        text=TextConfig(
            context_length=24, vocab_size=1024, width=96, layers=2, heads=4, mlp_width=384
        ),
        # A softer saliency than the paper's 0.01: from scratch, a hard choice of frames learns
        # slowly (loss 1.7 against 2.1 after 75 steps).
        head=HeadConfig(temperature=0.1, initial_scale=30.0),
        temporal=TemporalConfig(layers=2, heads=4, max_frames=16),
    )
