"""Text4Vis: a temporal transformer and a mean; its file leaves out the text encoder."""

import dataclasses

from ...models.prompts import PROMPT_SETS
from .containers import plain_reading
from .family import Choices, Family, ForeignFile, Keys, Reading
from .temporal import CLIP_S, POSITIONS, has_own_text, temporal_layers, towers_of

FRAMES = 8


def _is_text4vis(file: ForeignFile) -> bool:
    return POSITIONS in file.tensors and not has_own_text(file)


def _read(keys: Keys, choices: Choices) -> Reading:
    towers = towers_of(keys, choices, "Text4Vis")
    temporal, layers = temporal_layers(keys, towers)
    reading = plain_reading(
        "text4vis",
        towers,
        choices,
        frames=FRAMES,
        rate_fps=FRAMES / CLIP_S,
        prompts=PROMPT_SETS["text4vis"],
        view="bike",  # by the same authors
        temporal=temporal,
    )
    return dataclasses.replace(reading, tensors={**towers.tensors, **layers})


FAMILY = Family(
    name="text4vis",
    title="Text4Vis",
    source="https://github.com/whwu95/Text4Vis",
    knows="the classes of Kinetics-400",
    licence="MIT",
    recognise=_is_text4vis,
    read=_read,
)
