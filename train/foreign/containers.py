"""CLIP itself in three containers: OpenAI's archive, open_clip's file, transformers' folder."""

from collections.abc import Callable, Mapping
from typing import Any

from ...models.config import PROMPTS, HeadConfig, ModelConfig
from ...runtime.bundle.manifest import UNTRAINED_HEAD, SamplingSpec
from .clip_towers import Towers, clip_towers
from .family import Choices, Family, ForeignFile, Keys, Reading

OURS = "stzsar"  # the view of stzsar-eval that is no family's
# What a stream of plain CLIP samples, as in stzsar-export --backbone.
_FRAMES, _RATE_FPS = 8, 4.0


def plain_reading(
    name: str,
    towers: Towers,
    choices: Choices,
    *,
    frames: int,
    rate_fps: float,
    prompts: tuple[str, ...],
    view: str = OURS,
    **model: Any,
) -> Reading:
    """Return CLIP's towers with frames averaged and then normalised.

    `model` is what else the configuration holds, such as temporal layers.
    """
    config = ModelConfig(
        name=name,
        dim=towers.dim,
        vision=towers.vision,
        text=towers.text,
        head=HeadConfig(
            interaction="mean",
            pooling="raw",
            initial_scale=float(towers.tensors["head.logit_scale"].exp()),
        ),
        prompts=choices.prompts or prompts,
        **model,
    )
    sampling = SamplingSpec(frames=choices.frames or frames, rate_fps=choices.rate_fps or rate_fps)
    return Reading(config=config, tensors=towers.tensors, sampling=sampling, view=view)


def is_clip(file: ForeignFile) -> bool:
    """Whether a file has CLIP's towers under OpenAI's names."""
    return {"visual.conv1.weight", "token_embedding.weight", "text_projection"} <= set(file.tensors)


def _is_open_clip(file: ForeignFile) -> bool:
    custom = {"visual.conv1.weight", "text.text_projection"} <= set(file.tensors)
    return custom or is_clip(file)


def _form(form: str) -> Callable[[ForeignFile], bool]:
    return lambda file: file.form == form and is_clip(file)


def drop_counters(keys: Keys) -> None:
    """Leave out what a CLIP has besides its weights."""
    for name in ("input_resolution", "context_length", "vocab_size"):
        keys.drop(name, "a size that the shapes give")
    keys.drop("*attn_mask", "the causal mask, which the network builds")
    keys.drop("*position_ids", "the numbers 0, 1, 2, …")


def _openai(keys: Keys, choices: Choices) -> Reading:
    drop_counters(keys)
    towers = clip_towers(keys, activation=choices.activation or "quick_gelu")
    return _plain(towers, choices)


def _open_clip(keys: Keys, choices: Choices) -> Reading:
    drop_counters(keys)
    text = "text." if keys.has("text.text_projection") else ""
    vision_heads, text_heads = _known_heads(keys, text)
    towers = clip_towers(
        keys,
        text=text,
        activation=choices.activation or "gelu",
        vision_heads=vision_heads,
        text_heads=text_heads,
    )
    return _plain(towers, choices)


def _known_heads(keys: Keys, text: str) -> tuple[int | None, int | None]:
    """Return the heads of both towers, if open_clip's models of these sizes agree on them."""
    import open_clip

    shapes = keys.file.tensors
    wanted = ("visual.conv1.weight", f"{text}ln_final.weight", f"{text}text_projection")
    if any(name not in shapes for name in wanted):
        return None, None
    sizes = tuple(shapes[name].shape[at] for name, at in zip(wanted, (0, 0, -1), strict=True))
    found = set()
    for name in open_clip.list_models():
        settings: Mapping[str, Any] = open_clip.get_model_config(name) or {}
        vision, texts = settings.get("vision_cfg", {}), settings.get("text_cfg", {})
        theirs = (vision.get("width"), texts.get("width"), settings.get("embed_dim"))
        if theirs == sizes and "timm_model_name" not in vision:
            found.add((sizes[0] // vision.get("head_width", 64), texts.get("heads", 8)))
    return found.pop() if len(found) == 1 else (None, None)


def _transformers(keys: Keys, choices: Choices) -> Reading:
    drop_counters(keys)
    settings = keys.file.settings
    towers = clip_towers(
        keys,
        activation=choices.activation or settings["activation"],
        vision_heads=settings["vision_heads"],
        text_heads=settings["text_heads"],
    )
    return _plain(towers, choices)


def _plain(towers: Towers, choices: Choices) -> Reading:
    # CLIP's authors give no way of reading videos: this is ours, with another mean.
    size = towers.vision
    name = f"CLIP-{size.width}x{size.layers}-{size.patch_px}"
    return plain_reading(name, towers, choices, frames=_FRAMES, rate_fps=_RATE_FPS, prompts=PROMPTS)


FAMILIES = (
    Family(
        name="openai",
        title="OpenAI's CLIP",
        source="https://github.com/openai/CLIP",
        knows=UNTRAINED_HEAD,
        licence="MIT",
        recognise=_form("torchscript"),
        read=_openai,
    ),
    Family(
        name="transformers",
        title="transformers' CLIP",
        source="https://github.com/huggingface/transformers",
        knows=UNTRAINED_HEAD,
        recognise=_form("transformers"),
        read=_transformers,
    ),
    Family(
        name="open-clip",
        title="open_clip",
        source="https://github.com/mlfoundations/open_clip",
        knows=UNTRAINED_HEAD,
        recognise=_is_open_clip,
        read=_open_clip,
    ),
)
