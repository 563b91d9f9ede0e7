"""ActionCLIP: frames as they are, or after a temporal transformer, averaged; 16 prompts."""

import dataclasses

from ...models.prompts import PROMPT_SETS
from ...runtime.errors import BundleError
from .bike import is_bike_or_actionclip
from .containers import plain_reading
from .family import Choices, Family, Keys, Reading
from .temporal import CLIP_S, FUSION, temporal_layers, towers_of

FRAMES = 8
# Its other heads over frames, which are no transformer of this family
_OTHERS = {
    "lstm_visual.": "an LSTM",
    "shift.": "convolutions",
    "transformer.transformer_enc.": "a transformer with a class token",
}


def _read(keys: Keys, choices: Choices) -> Reading:
    for name, head in _OTHERS.items():
        if keys.has(f"{FUSION}{name}"):
            raise BundleError(
                f"{keys.file.path} has {head} over its frames, which stzsar does not import: take "
                "one of ActionCLIP's files with Transf or meanP."
            )
    towers = towers_of(keys, choices, "ActionCLIP")
    temporal, layers = temporal_layers(keys, towers)
    reading = plain_reading(
        "actionclip",
        towers,
        choices,
        frames=FRAMES,
        rate_fps=FRAMES / CLIP_S,
        prompts=PROMPT_SETS["actionclip"],
        view="actionclip",
        temporal=temporal,
    )
    return dataclasses.replace(reading, tensors={**towers.tensors, **layers})


FAMILY = Family(
    name="actionclip",
    title="ActionCLIP",
    source="https://github.com/sallymmx/ActionCLIP",
    knows="the classes of Kinetics-400",
    licence="MIT",
    recognise=is_bike_or_actionclip,
    read=_read,
)
