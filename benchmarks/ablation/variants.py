"""The rows of the ablation: a head, and a number of attributes per class."""

import dataclasses
from dataclasses import dataclass

from torch import Tensor

from ...models.config import Interaction, ModelConfig
from ...models.interaction import Bank
from ...models.stzsar import STZSAR
from ...runtime.labels.labels import Label
from ...runtime.shapes.scenes import Action
from ...train.config import Setting

# Heads in the order of the table, with their names in it.
HEADS: dict[Interaction, str] = {
    "mean": "mean pooling",
    "off": "saliency S",
    "product": "S × f",
    "residual": "S × (1 + βf)",
}
LABEL_ONLY = 0
COUNTS = (LABEL_ONLY, 2, 4, 8)


@dataclass(frozen=True)
class Variant:
    head: Interaction  # `HeadConfig.interaction`
    attributes: int  # N_a, per class; 0 makes the label its own attribute

    def __str__(self) -> str:
        return f"{self.head}-{self.attributes}"

    @property
    def words(self) -> str:
        return str(self.attributes) if self.attributes else "label only"

    def label(self, action: Action, setting: Setting) -> Label:
        """Return a class with this row's attributes; in the hard setting its text is ambiguous."""
        label = action.label
        text = label.name if setting == "plain" else label.text
        return Label(label.name, text, attributes_of(action, self.attributes))

    def network(self, config: ModelConfig) -> STZSAR:
        """Return a network with this row's head, and projections before its similarities."""
        head = dataclasses.replace(config.head, interaction=self.head, projections=True)
        kind = DescribedMean if self.head == "mean" and self.attributes else STZSAR
        return kind(dataclasses.replace(config, head=head))


@dataclass(frozen=True)
class TrainedRow:
    """Accuracies and readings of one row with one seed, by name, each 0 to 1."""

    variant: Variant
    seed: int
    found: dict[str, float]


VARIANTS = tuple(Variant(head, count) for head in HEADS for count in COUNTS)


def attributes_of(action: Action, count: int) -> tuple[str, ...]:
    """Return the first `count` attributes, alternating between the thing and its motion."""
    turns = zip(action.thing.attributes, action.motion.attributes, strict=True)
    return tuple(attribute for pair in turns for attribute in pair)[:count]


class DescribedMean(STZSAR):
    """Mean pooling with the attributes averaged into the class's embedding.

    Without saliency and patches the head has no other place for them, and rows can only be compared
    if they know the same words. Frozen CLIP uses descriptions this way (arXiv 2210.07183).
    """

    def forward(self, video_bthwc: Tensor, bank: Bank) -> Tensor:
        return super().forward(video_bthwc, described(bank))


def described(bank: Bank) -> Bank:
    """Return a bank whose classes are the mean direction of label and attributes."""
    mask = bank.attribute_mask[..., None]
    of_attributes = (bank.attribute_embeddings * mask).sum(1) / mask.sum(1)
    both = bank.class_embeddings + of_attributes
    return bank._replace(class_embeddings=both / both.norm(dim=-1, keepdim=True))
