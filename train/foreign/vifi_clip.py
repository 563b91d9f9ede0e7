"""ViFi-CLIP, and MAXI, which trains the same network without labels.

Frames are averaged and then normalised, and pixels have ImageNet's mean and deviation. Neither file
has token embeddings: their training looks them up once for its own classes, and keeps those rows in
`prompt_learner`.
"""

import dataclasses
from functools import partial

from .clip_towers import Towers, clip_towers
from .containers import plain_reading
from .family import Choices, Family, ForeignFile, Keys, Reading

PROMPT, VIEW = "a photo of a {}.", "vifi-clip"
_FROZEN = "token embeddings of its training classes, which --with replaces for all words"
# Of RGB values in 0..1: ImageNet's and not CLIP's
_MEAN = (123.675 / 255, 116.28 / 255, 103.53 / 255)
_STD = (58.395 / 255, 57.12 / 255, 57.375 / 255)
# Frames are spread over clips of Kinetics, which last ten seconds.
CLIP_S = 10


def _is_vifi(file: ForeignFile) -> bool:
    return {"image_encoder.conv1.weight", "text_encoder.text_projection"} <= set(file.tensors)


def _is_maxi(file: ForeignFile) -> bool:
    # The same network. Only MAXI's settings speak of bags of texts.
    data = file.settings.get("DATA")
    return _is_vifi(file) and isinstance(data, dict) and "CAPTION_BAG_DIR" in data


def vifi_towers(keys: Keys, choices: Choices) -> Towers:
    """Take the towers as ViFi-CLIP names them."""
    keys.drop("prompt_learner.complete_text_embeddings", _FROZEN)
    keys.drop("prompt_learner.token_prefix", _FROZEN)
    keys.drop("prompt_learner.token_suffix", _FROZEN)
    towers = clip_towers(
        keys,
        visual="image_encoder.",
        text="text_encoder.",
        activation=choices.activation or "quick_gelu",
        original=choices.original,
    )
    return towers._replace(vision=dataclasses.replace(towers.vision, mean=_MEAN, std=_STD))


def _read(keys: Keys, choices: Choices, *, name: str, frames: int) -> Reading:
    return plain_reading(
        name,
        vifi_towers(keys, choices),
        choices,
        frames=frames,
        rate_fps=frames / CLIP_S,
        prompts=(PROMPT,),
        view=VIEW,
    )


FAMILIES = (
    Family(
        name="maxi",
        title="MAXI",
        source="https://github.com/wlin-at/MAXI",
        knows="videos of Kinetics-400, which it saw without labels",
        recognise=_is_maxi,
        read=partial(_read, name="maxi", frames=16),
        share=0.8,
    ),
    Family(
        name="vifi-clip",
        title="ViFi-CLIP",
        source="https://github.com/muzairkhattak/ViFi-CLIP",
        knows="the classes of Kinetics-400",
        recognise=_is_vifi,
        read=partial(_read, name="vifi-clip", frames=32),
    ),
)
