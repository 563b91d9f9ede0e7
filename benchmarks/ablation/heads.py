"""The heads of the ablation: those of the network, and plain rivals that stay here."""

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

from ...models.config import FrameWeights, HeadConfig, Interaction, ModelConfig
from ...models.interaction import Bank, FrameState, STIHead, described
from ...models.stzsar import STZSAR


@dataclass(frozen=True)
class Head:
    """One head; its network's similarities have learned projections."""

    name: str  # in tables
    interaction: Interaction = "off"
    frame_weights: FrameWeights = "saliency"
    learned_temperature: bool = False
    kind: Callable[[ModelConfig], STZSAR] = STZSAR

    @property
    def uses_patches(self) -> bool:
        return self.interaction in ("product", "residual")

    def config(self, usual: HeadConfig) -> HeadConfig:
        return dataclasses.replace(
            usual,
            interaction=self.interaction,
            projections=True,
            frame_weights=self.frame_weights,
            learned_temperature=self.learned_temperature,
        )


class DescribedMean(STZSAR):
    """Mean pooling with the attributes averaged into the class's embedding.

    Without saliency and patches the head has no other place for them, and rows can only be compared
    if they know the same words.
    """

    def forward(self, video_bthwc: Tensor, bank: Bank) -> Tensor:
        return super().forward(video_bthwc, described(bank))


class BestFrames(STZSAR):
    """The mean of the frames that are most similar to the described class, `count` of them."""

    def __init__(self, config: ModelConfig, count: int) -> None:
        super().__init__(config)
        self.head = _BestFramesHead(
            config.head, config.dim, contextual=self.temporal is not None, count=count
        )


class _BestFramesHead(STIHead):
    def __init__(self, config: HeadConfig, dim: int, *, contextual: bool, count: int) -> None:
        super().__init__(config, dim, contextual=contextual)
        self.count = count

    def frame_weights(self, state: FrameState, bank: Bank) -> Tensor:  # noqa: ARG002
        similarity = state["class_similarity"]
        best = similarity.topk(self.count, dim=1).indices
        return torch.zeros_like(similarity).scatter(1, best, 1 / self.count)


# In the order of the table.
HEADS: dict[str, Head] = {
    "mean": Head("mean pooling", "mean", kind=DescribedMean),
    "off": Head("saliency S"),
    "product": Head("S × f", "product"),
    "residual": Head("S × (1 + βf)", "residual"),
    "guided": Head("guided", frame_weights="guided"),
    "top-3": Head("top 3 frames", frame_weights="guided", kind=partial(BestFrames, count=3)),
    "max": Head("maximum", frame_weights="guided", kind=partial(BestFrames, count=1)),
    "guided-product": Head("guided × f", "product", "guided"),
    "both": Head("(S + guided) / 2", frame_weights="both"),
    "both-product": Head("(S + guided) / 2 × f", "product", "both"),
    "guided-learned": Head("guided, learned τ", frame_weights="guided", learned_temperature=True),
}
