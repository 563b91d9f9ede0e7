"""OST: CLIP's towers, and a head that matches frames with descriptors by optimal transport."""

import dataclasses

from ...models.config import HeadConfig
from .containers import plain_reading
from .family import Choices, Family, ForeignFile, Keys, Reading
from .vifi_clip import CLIP_S, VIEW, vifi_towers

# A class has as many descriptors of each kind as the other, seen before done.
SEEN, DONE = "This is a video about {}", "A video of {} usually includes {}"
_FRAMES = 32


def _is_ost(file: ForeignFile) -> bool:
    # Of the networks that name the towers so, OST alone keeps its token embeddings.
    names = {"image_encoder.conv1.weight", "text_encoder.token_embedding.weight"}
    return names <= set(file.tensors)


def _read(keys: Keys, choices: Choices) -> Reading:
    towers = vifi_towers(keys, choices)
    # Attributes are whole sentences, in two templates.
    reading = plain_reading(
        "ost",
        towers,
        choices,
        frames=_FRAMES,
        rate_fps=_FRAMES / CLIP_S,
        prompts=("{}",),
        view=VIEW,
    )
    head = HeadConfig(interaction="transport", initial_scale=reading.config.head.initial_scale)
    return dataclasses.replace(reading, config=dataclasses.replace(reading.config, head=head))


FAMILY = Family(
    name="ost",
    title="OST",
    source="https://github.com/tomchen-ctj/OST",
    knows="the classes of Kinetics-400",
    licence="MIT",
    recognise=_is_ost,
    read=_read,
    share=0.8,
)
