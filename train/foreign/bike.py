"""BIKE: a temporal transformer, and video concept spotting by the words of the label's sentence."""

import dataclasses

from ...models.config import HeadConfig
from ...models.prompts import PROMPT_SETS
from ...runtime.errors import BundleError
from .containers import plain_reading
from .family import Choices, Family, ForeignFile, Keys, Reading
from .temporal import CLIP_S, POSITIONS, has_own_text, temporal_layers, towers_of

FRAMES = 8


def is_bike_or_actionclip(file: ForeignFile) -> bool:
    """Tell the two by their keys, which cannot be: both have the same.

    Raises:
        BundleError: the file is of one of them.
    """
    if POSITIONS in file.tensors and has_own_text(file):
        raise BundleError(
            f"{file.path} is of BIKE or of ActionCLIP, whose files have the same names and whose "
            "heads and prompts differ: name bike or actionclip."
        )
    return False


def _read(keys: Keys, choices: Choices) -> Reading:
    towers = towers_of(keys, choices, "BIKE")
    temporal, layers = temporal_layers(keys, towers)
    reading = plain_reading(
        "bike",
        towers,
        choices,
        frames=FRAMES,
        rate_fps=FRAMES / CLIP_S,
        prompts=PROMPT_SETS["bike"],
        view="bike",
        temporal=temporal,
    )
    head = HeadConfig(interaction="off", initial_scale=reading.config.head.initial_scale)
    return dataclasses.replace(
        reading,
        config=dataclasses.replace(reading.config, head=head),
        tensors={**towers.tensors, **layers},
    )


FAMILY = Family(
    name="bike",
    title="BIKE",
    source="https://github.com/whwu95/BIKE",
    knows="the classes of Kinetics-400",
    licence="MIT",
    recognise=is_bike_or_actionclip,
    read=_read,
)
