"""The rows of the ablation: what a head does with a window, and what it is told of a class."""

import dataclasses
from dataclasses import dataclass

from torch import Tensor

from ...models.config import Interaction, ModelConfig
from ...models.interaction import Bank
from ...models.stzsar import STZSAR
from ...runtime.labels.labels import Label
from ...runtime.shapes.scenes import Action
from ...train.config import Setting

# In the order of the table, with the names that it shows.
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
    """One row.

    Attributes:
        head: `HeadConfig.interaction`.
        attributes: N_a, how many a class has; 0 is the label alone, as its own attribute.
    """

    head: Interaction
    attributes: int

    def __str__(self) -> str:
        return f"{self.head}-{self.attributes}"

    @property
    def words(self) -> str:
        """How many attributes a class has, as the tables say it."""
        return str(self.attributes) if self.attributes else "label only"

    def label(self, action: Action, setting: Setting) -> Label:
        """Return a class as this row knows it; in the hard setting its text is ambiguous."""
        label = action.label
        text = label.name if setting == "plain" else label.text
        return Label(label.name, text, attributes_of(action, self.attributes))

    def network(self, config: ModelConfig) -> STZSAR:
        """Return a network with this row's head, and with maps before its similarities."""
        head = dataclasses.replace(config.head, interaction=self.head, projections=True)
        kind = DescribedMean if self.head == "mean" and self.attributes else STZSAR
        return kind(dataclasses.replace(config, head=head))


VARIANTS = tuple(Variant(head, count) for head in HEADS for count in COUNTS)


def attributes_of(action: Action, count: int) -> tuple[str, ...]:
    """Return the first `count` attributes of a class, of its thing and its motion in turn."""
    turns = zip(action.thing.attributes, action.motion.attributes, strict=True)
    return tuple(attribute for pair in turns for attribute in pair)[:count]


class DescribedMean(STZSAR):
    """Mean pooling that is told the attributes too: they join the label in the class's embedding.

    The head has no other place for them without saliency and patches, and all rows with attributes
    must know the same words, if what is compared is the interaction. Frozen CLIP is told of
    descriptions in this way (arXiv 2210.07183).
    """

    def forward(self, video_bthwc: Tensor, bank: Bank) -> Tensor:
        """Score clips, as `STZSAR.forward` does."""
        return super().forward(video_bthwc, described(bank))


def described(bank: Bank) -> Bank:
    """Return a bank whose classes are the mean direction of their label and their attributes."""
    mask = bank.attribute_mask[..., None]
    of_attributes = (bank.attribute_embeddings * mask).sum(1) / mask.sum(1)
    both = bank.class_embeddings + of_attributes
    return bank._replace(class_embeddings=both / both.norm(dim=-1, keepdim=True))
