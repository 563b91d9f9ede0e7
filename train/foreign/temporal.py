"""What ActionCLIP, Text4Vis, BIKE and MoTE share: their layers over frames, and frozen text."""

import dataclasses
import re

from torch import Tensor

from ...models.config import Activation, TemporalConfig, bike_temporal
from ...runtime.errors import BundleError
from .clip_towers import Towers, clip_towers
from .family import Choices, ForeignFile, Keys

FUSION = "fusion_model."
POSITIONS = f"{FUSION}frame_position_embeddings.weight"
OURS = "temporal."
# Frames are spread over clips of Kinetics, which last ten seconds.
CLIP_S = 10
_TEXT = ("text_projection", "positional_embedding", "token_embedding.", "transformer.", "ln_final.")
_NUMBER = re.compile(r"resblocks\.(\d{1,3})\.")


def has_own_text(file: ForeignFile) -> bool:
    """Whether the text encoder is in the file."""
    return "text_projection" in file.tensors


def towers_of(keys: Keys, choices: Choices, title: str) -> Towers:
    """Take CLIP's towers; the text encoder, if the file lacks it, is that of --with.

    Raises:
        BundleError: it is not there, or a tensor is missing or has another shape than CLIP's.
    """
    activation: Activation = choices.activation or "quick_gelu"
    if has_own_text(keys.file):
        return clip_towers(keys, activation=activation)
    if choices.original is None:
        raise BundleError(
            f"{keys.file.path} has no text encoder, since {title}'s training froze it: name the "
            "CLIP that it was tuned from with --with, for example OpenAI's ViT-L-14.pt."
        )
    text = {name: value for name, value in choices.original.items() if name.startswith(_TEXT)}
    whole = Keys(dataclasses.replace(keys.file, tensors={**keys.file.tensors, **text}))
    towers = clip_towers(whole, activation=activation)
    for name in set(keys.left()) - set(whole.left()):
        keys.take(name)
    return towers


def temporal_layers(
    keys: Keys, towers: Towers, *, gate_classes: int = 0
) -> tuple[TemporalConfig | None, dict[str, Tensor]]:
    """Take the layers over frames out of `keys`: their configuration, and the tensors as ours.

    A network that averages frames as they are has none.

    Raises:
        BundleError: blocks are missing.
    """
    if POSITIONS not in keys.left():
        return None, {}
    positions = keys.take(POSITIONS)
    blocks = keys.take_all(f"{FUSION}transformer.")
    numbers = {int(found[1]) for name in blocks if (found := _NUMBER.match(name))}
    if positions.ndim != 2 or not numbers or numbers != set(range(len(numbers))):
        raise BundleError(
            f"{keys.file.path} has layers over frames that are not a transformer's, {len(numbers)} "
            "blocks that are not numbered from 0: get the file from its authors."
        )
    config = dataclasses.replace(
        bike_temporal(towers.text.width, layers=len(numbers), gate_classes=gate_classes),
        max_frames=positions.shape[0],
    )
    tensors = {f"{OURS}transformer.{name}": value for name, value in blocks.items()}
    return config, {f"{OURS}positional_embedding": positions, **tensors}
