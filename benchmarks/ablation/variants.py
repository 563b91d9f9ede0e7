"""The rows of the ablation: a head, a number of attributes per class, and two switches."""

import dataclasses
from dataclasses import dataclass

from ...models.config import ModelConfig, PatchPath
from ...models.stzsar import STZSAR
from ...runtime.labels.labels import Label
from ...runtime.shapes.scenes import Action
from ...train.config import Setting
from .heads import HEADS, Head

LABEL_ONLY, MOST = 0, 8
COUNTS = (LABEL_ONLY, 2, 4, MOST)


@dataclass(frozen=True)
class Variant:
    head: str  # of `HEADS`
    attributes: int  # N_a, per class; 0 makes the label its own attribute
    patch_path: PatchPath = "block"
    temporal: bool = True  # whether there is a temporal transformer

    def __str__(self) -> str:
        path = "" if self.patch_path == "block" else f"-{self.patch_path}"
        return f"{self.head}-{self.attributes}{path}{'' if self.temporal else '-still'}"

    @property
    def parts(self) -> Head:
        return HEADS[self.head]

    @property
    def name(self) -> str:
        """The head in tables, with what is unusual about it."""
        path = "" if self.patch_path == "block" else f", {self.patch_path} path"
        return f"{self.parts.name}{path}{'' if self.temporal else ', no temporal transformer'}"

    @property
    def words(self) -> str:
        return str(self.attributes) if self.attributes else "label only"

    def label(self, action: Action, setting: Setting) -> Label:
        """Return a class with this row's attributes; its text is ambiguous unless it is plain."""
        label = action.label
        text = label.name if setting == "plain" else label.text
        return Label(label.name, text, attributes_of(action, self.attributes))

    def network(self, config: ModelConfig) -> STZSAR:
        """Return a network with this row's head, and projections before its similarities."""
        changed = dataclasses.replace(
            config,
            head=self.parts.config(config.head),
            vision=dataclasses.replace(config.vision, patch_path=self.patch_path),
            temporal=config.temporal if self.temporal else None,
        )
        if self.head == "mean" and not self.attributes:
            return STZSAR(changed)
        return self.parts.kind(changed)


@dataclass(frozen=True)
class TrainedRow:
    """Accuracies and readings of one row with one seed, by name, each 0 to 1."""

    variant: Variant
    seed: int
    found: dict[str, float]


# In the order of the tables.
_GRID = tuple(Variant(head, count) for head in HEADS for count in COUNTS)
_VALUE_PATH = tuple(
    Variant(name, MOST, patch_path="value") for name, head in HEADS.items() if head.uses_patches
)
_STILL = tuple(Variant(head, MOST, temporal=False) for head in HEADS)
VARIANTS = (*_GRID, *_VALUE_PATH, *_STILL)


def stage_of(variant: Variant) -> int:
    """Return when a row is trained: first all heads with all attributes, then what varies them."""
    if variant in _VALUE_PATH:
        return 1
    if variant in _STILL:
        return 3
    return {MOST: 0, LABEL_ONLY: 2}.get(variant.attributes, 4)


def attributes_of(action: Action, count: int) -> tuple[str, ...]:
    """Return the first `count` attributes, alternating between the thing and its motion."""
    turns = zip(action.thing.attributes, action.motion.attributes, strict=True)
    return tuple(attribute for pair in turns for attribute in pair)[:count]
