"""Architectures as frozen dataclasses: the same ones for CLIP and for the small model."""

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal, get_args

import msgspec
from msgspec import Meta, Struct

from ..runtime.bundle.manifest import check_prompts
from ..runtime.documents import DocumentError, convert

Size = Annotated[int, Meta(ge=1, le=2**24)]
Interaction = Literal["product", "residual", "off", "mean", "transport"]
FrameWeights = Literal["saliency", "guided", "both"]
PatchPath = Literal["block", "value"]
Pooling = Literal["unit", "raw"]
Initial = Literal["torch", "bert"]
Activation = Literal["gelu", "quick_gelu", "gelu_tanh"]
TextPool = Literal["end", "last"]
TokenizerKind = Literal["clip", "file"]
TimmPool = Literal["avg", "token", "map"]

INTERACTIONS: tuple[str, ...] = get_args(Interaction)
FRAME_WEIGHTS: tuple[str, ...] = get_args(FrameWeights)
PATCH_PATHS: tuple[str, ...] = get_args(PatchPath)

PROMPTS = ("This is a video about {}.",)


@dataclass(frozen=True, kw_only=True)
class VisionConfig:
    """CLIP's plain ViT, which `vision.py` implements."""

    image_px: Size  # side of the square input
    patch_px: Size  # side of a patch
    width: Size  # width of a token
    # Number of blocks, and the size of each
    layers: Size
    heads: Size
    mlp_width: Size
    activation: Activation = "gelu"  # of the MLP; OpenAI's weights need quick_gelu
    pre_norm: bool = True  # whether a LayerNorm precedes the blocks, as in every CLIP
    # What patches pass through in the last block: the block itself, or its value path, which keeps
    # them local (MaskCLIP)
    patch_path: PatchPath = "block"
    # Of RGB values in 0..1
    mean: tuple[float, float, float] = (0.48145466, 0.4578275, 0.40821073)
    std: tuple[float, float, float] = (0.26862954, 0.26130258, 0.27577711)
    kind: Literal["vit"] = "vit"  # distinguishes this type from TimmConfig in JSON

    @property
    def patches(self) -> int:
        return (self.image_px // self.patch_px) ** 2

    @property
    def patch_grid(self) -> tuple[int, int]:
        side = self.image_px // self.patch_px
        return side, side


@dataclass(frozen=True, kw_only=True)
class TimmConfig:
    """A frame encoder from timm: MobileCLIP's, SigLIP2's, PE-Core's."""

    model: str  # its name in timm, which fixes the architecture
    image_px: Size  # side of the square input
    patches: Size  # number of patch embeddings, P
    pool: TimmPool  # how patches become one embedding: mean, class token or attention ("map")
    projected: bool  # whether timm's head maps into the joint space; otherwise the pool does
    # Of RGB values in 0..1
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    kind: Literal["timm"] = "timm"  # distinguishes this type from VisionConfig in JSON

    @property
    def patch_grid(self) -> tuple[int, int]:
        """Rows and columns of the patches; equal, since the input is square."""
        side = math.isqrt(self.patches)
        return side, side


@dataclass(frozen=True, kw_only=True)
class TextConfig:
    context_length: Size  # tokens of a sequence
    vocab_size: Size  # may be below CLIP's 49,408; the tokenizer then uses fewer merges
    width: Size  # width of a token
    # Number of blocks, and the size of each
    layers: Size
    heads: Size
    mlp_width: Size
    activation: Activation = "gelu"  # of the MLP
    causal: bool = True  # whether a token attends only to those before it, as in CLIP
    pool: TextPool = "end"  # the token to read: end-of-text, or the last position, padding or not
    projection_bias: bool = False  # whether the map into the joint space has a bias
    norm_eps: float = 1e-5  # epsilon of every LayerNorm
    tokenizer: TokenizerKind = "clip"  # CLIP's from open_clip, or a `tokenizer.json` file


@dataclass(frozen=True, kw_only=True)
class TemporalConfig:
    """A transformer over the frames of a window; `bike_temporal` gives that of BIKE's family."""

    layers: Size = 6
    heads: Size = 8
    max_frames: Size = 32
    activation: Activation = "gelu"  # of the MLP
    norm_eps: Annotated[float, Meta(gt=0, lt=1)] = 1e-5  # epsilon of every LayerNorm
    difference: bool = True  # whether a frame gets its difference from the one before
    # Weights at the start: PyTorch's with positions of N(0, 0.01), or N(0, 0.02) as in BERT
    initial: Initial = "torch"
    # Classes of its training that gate it, by how near they are to the labels (MoTE); 0: no gate
    gate_classes: Annotated[int, Meta(ge=0, le=10_000)] = 0


def bike_temporal(width: int, *, layers: int = 6, gate_classes: int = 0) -> TemporalConfig:
    """Return the temporal transformer that ActionCLIP, Text4Vis, BIKE and MoTE share.

    `width` is that of the text encoder, which has heads of 64.
    """
    return TemporalConfig(
        layers=layers,
        heads=width // 64,
        max_frames=77,
        activation="quick_gelu",
        norm_eps=1e-12,
        difference=False,
        initial="bert",
        gate_classes=gate_classes,
    )


@dataclass(frozen=True, kw_only=True)
class HeadConfig:
    # The weight of a frame with spatial similarity f: "product" f, "residual" 1 + βf, "off" 1
    # (BIKE's video concept spotting); "mean" is plain mean pooling, "transport" OST's matching
    interaction: Interaction = "product"
    temperature: float = 0.01  # τ of the saliency softmax
    projections: bool = False  # whether learned maps I + ΔW precede the similarities
    initial_scale: float = 100.0  # exp(γ) at the start of training
    # What "mean" averages: unit frames, or frames as they are, of which long ones count more
    # (BIKE's DP, Text4Vis, ActionCLIP, ViFi-CLIP)
    pooling: Pooling = "unit"
    # What weighs the frames: "saliency" S, "guided" a softmax of their similarity with the class as
    # label and attributes describe it, "both" their mean; idle if the interaction is "mean"
    frame_weights: FrameWeights = "saliency"
    guide_temperature: Annotated[float, Meta(gt=0)] = 0.01  # of the guided softmax
    learned_temperature: bool = False  # whether training moves both temperatures

    def __post_init__(self) -> None:
        if self.pooling == "raw" and self.interaction != "mean":
            raise ValueError(f"pooling 'raw' goes with 'mean', not with {self.interaction!r}")


@dataclass(frozen=True, kw_only=True)
class ModelConfig:
    """A whole network. `dim` is D, the width of the joint embedding."""

    name: str
    dim: Size
    vision: VisionConfig | TimmConfig
    text: TextConfig
    head: HeadConfig
    temporal: TemporalConfig | None = None
    # Sentences around a label or an attribute, each with one {}. Several are an ensemble: the mean
    # of their unit embeddings, as a unit vector
    prompts: tuple[str, ...] = PROMPTS

    def __post_init__(self) -> None:
        check_prompts(self.prompts)

    def to_json(self) -> dict[str, Any]:
        return dataclasses.asdict(self)

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> "ModelConfig":
        """Build the configuration from the result of `to_json`.

        Raises:
            DocumentError: a field is missing, unknown, of another type or out of range.
        """
        if "prompt" in document:  # of format 1, which had one
            others = {name: value for name, value in document.items() if name != "prompt"}
            document = {"prompts": [document["prompt"]], **others}
        parts = convert(document, _Parts)
        kinds: dict[str, Any] = {"vision": _vision_kind(parts.vision), **_PARTS}
        for name, kind in kinds.items():
            part = document.get(name) or {}
            if unknown := sorted(set(part) - {field.name for field in dataclasses.fields(kind)}):
                raise DocumentError(f"{name}: unknown field {unknown[0]!r:.80}")
        try:
            vision = convert(parts.vision, kinds["vision"])
        except DocumentError as error:
            raise DocumentError(f"vision.{error}") from error
        try:
            return cls(**{**msgspec.structs.asdict(parts), "vision": vision})
        except ValueError as error:
            raise DocumentError(str(error)) from error


class _Parts(Struct, forbid_unknown_fields=True):
    """A configuration whose frame encoder may be of either kind."""

    name: str
    dim: Size
    vision: dict[str, Any]
    text: TextConfig
    head: HeadConfig
    temporal: TemporalConfig | None
    prompts: tuple[str, ...] = PROMPTS


_PARTS = {"text": TextConfig, "head": HeadConfig, "temporal": TemporalConfig}


def _vision_kind(vision: Mapping[str, Any]) -> type[VisionConfig] | type[TimmConfig]:
    kind = vision.get("kind", "vit")  # old checkpoints have none
    if kind not in ("vit", "timm"):
        raise DocumentError(f"vision.kind: {kind!r:.80} is neither 'vit' nor 'timm'")
    return TimmConfig if kind == "timm" else VisionConfig


def small_config() -> ModelConfig:
    """Return the small network of 1.6 M parameters for 64 px frames, trained from scratch.

    It has a temporal transformer: without one, no direction of motion can be recognised.
    """
    return ModelConfig(
        name="small",
        dim=128,
        vision=VisionConfig(image_px=64, patch_px=16, width=128, layers=4, heads=4, mlp_width=512),
        text=TextConfig(
            context_length=24, vocab_size=1024, width=96, layers=2, heads=4, mlp_width=384
        ),
        # Softer than the paper's 0.01: from scratch, a sharp saliency learns slowly (loss 2.1
        # instead of 1.7 after 75 steps).
        head=HeadConfig(temperature=0.1, initial_scale=30.0),
        temporal=TemporalConfig(layers=2, heads=4, max_frames=16),
    )
