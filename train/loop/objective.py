"""A step's loss as one module, whose forward pass covers everything with a gradient."""

from collections.abc import Sequence

import torch.nn.functional as F
from torch import Tensor, nn

from ...models.interaction import Bank
from ...models.label_texts import LabelTexts
from ...models.stzsar import STZSAR
from ...runtime.labels.labels import Label
from ..config import Loss
from .processes import Processes


class Objective(nn.Module):
    """Computes the loss over the whole batch from this process's part of the clips."""

    def __init__(
        self,
        network: STZSAR,
        texts: "BatchTexts",
        processes: Processes,
        loss: Loss = "cross-entropy",
    ) -> None:
        super().__init__()
        self.network = network
        self._texts = texts
        self._processes = processes
        self._loss: Loss = loss

    def forward(self, frames: Tensor, classes: Tensor, step: int) -> Tensor:
        """Return the loss, the same in every process.

        Frames are uint8 [B / count, T, S, S, 3] and classes int64 [B / count], of this process.
        """
        all_classes = self._processes.gather(classes)
        present, columns = all_classes.unique(return_inverse=True)
        bank = self._texts.bank(self.network, present, step)
        logits = self.network(frames, bank)[:, columns]
        return symmetric_loss(self._processes.gather(logits), all_classes, self._loss)

    @property
    def has_unused(self) -> bool:
        """Whether parameters get no gradient: the map of patches where these are ignored."""
        head = self.network.head
        return head.config.projections and "spatial" not in head.state_names


class BatchTexts:
    """The classes' text embeddings, step by step.

    If a label's name and text differ (an ambiguous text), steps alternate between the two, so that
    the network learns both. A frozen text tower runs once.
    """

    def __init__(self, labels: Sequence[Label], network: STZSAR, *, train_text: bool) -> None:
        device = network.head.logit_scale.device
        named = [_by_name(label) for label in labels]
        wordings = [list(labels)] if named == list(labels) else [list(labels), named]
        self._texts = [
            LabelTexts(wording, network.config, network.tokenizer_json).to(device)
            for wording in wordings
        ]
        self._texts[0].warn_of_cuts()
        self._fixed = None if train_text else [texts.embeddings(network) for texts in self._texts]

    def bank(self, network: STZSAR, classes: Tensor, step: int) -> Bank:
        turn = step % len(self._texts)
        if self._fixed is None:
            return self._texts[turn].bank(network, classes)
        return self._texts[turn].fixed_bank(self._fixed[turn], classes)


def _by_name(label: Label) -> Label:
    """Return the label with its name as text; without attributes it stays its own attribute."""
    is_own_attribute = label.attributes == (label.text,)
    return Label(label.name, attributes=() if is_own_attribute else label.attributes)


def symmetric_loss(logits_bb: Tensor, classes_b: Tensor, loss: Loss = "cross-entropy") -> Tensor:
    """Return the mean of the video-to-text and the text-to-video loss.

    Row i of the logits [B, B] is video i against the text of each clip. Clips of one class [B] are
    positives of each other. For "cross-entropy" they share the target equally. "kl" is that of
    ActionCLIP and BIKE: softmax(10 · positive) under the Kullback-Leibler divergence, which leaves
    others a little and is above zero only where the prediction differs from the target.
    """
    same = (classes_b[:, None] == classes_b[None]).to(logits_bb.dtype)
    targets = (10 * same).softmax(1) if loss == "kl" else same / same.sum(1, keepdim=True)
    sides = [F.cross_entropy(table, targets) for table in (logits_bb, logits_bb.T)]
    if loss == "kl":
        entropy = -(targets * targets.log()).sum(1).mean()
        sides = [side - entropy for side in sides]
    return (sides[0] + sides[1]) / 2
