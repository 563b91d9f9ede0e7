"""A row trained with one seed, and its accuracy on four test sets."""

from collections.abc import Mapping
from dataclasses import dataclass

import torch

from ...models.label_texts import embed_labels, to_tensors
from ...models.stzsar import STZSAR
from ...runtime.shapes.scenes import Action, seen_actions, unseen_actions
from ...train.config import Setting
from ...train.data.moving_shapes import MovingShapes, Split
from .encoder import EncodedClips, Seen, train
from .variants import Variant

_BATCH = 64


@dataclass(frozen=True)
class Exam:
    """One of the four test sets: classes seen in training or not, plain or hard."""

    seen: bool
    setting: Setting

    @property
    def actions(self) -> tuple[Action, ...]:
        """The classes, which are also the candidates."""
        return seen_actions() if self.seen else unseen_actions()

    @property
    def split(self) -> Split:
        return "seen-test" if self.seen else "unseen-test"

    @property
    def name(self) -> str:
        """The column of the table."""
        return f"{'seen' if self.seen else 'unseen'}, {self.setting}"

    @property
    def file(self) -> str:
        return f"{self.split}-{self.setting}.safetensors"


UNSEEN_HARD = Exam(False, "hard")
EXAMS = (UNSEEN_HARD, Exam(False, "plain"), Exam(True, "hard"), Exam(True, "plain"))


def train_row(
    variant: Variant,
    shared: STZSAR,
    clips: EncodedClips | MovingShapes,
    *,
    steps: int,
    batch: int,
    seed: int,
) -> STZSAR:
    """Train a row from the seed's shared network; the encoder too unless the clips are encoded."""
    torch.manual_seed(seed)
    network = variant.network(shared.config)
    # Projections and β are new: they start at the identity and at 0.
    network.load_state_dict(shared.state_dict(), strict=False)
    if isinstance(clips, EncodedClips):
        network.visual = Seen()  # type: ignore[assignment]
    clips.labels = tuple(variant.label(action, "hard") for action in seen_actions())
    train(network, clips, steps=steps, batch=batch, seed=seed)
    return network


@torch.no_grad()
def accuracies(
    variant: Variant, network: STZSAR, exams: Mapping[Exam, EncodedClips]
) -> dict[str, float]:
    """Return top-1, 0 to 1, by the name of the test set."""
    network.eval()
    found = {}
    for exam, clips in exams.items():
        labels = [variant.label(action, exam.setting) for action in exam.actions]
        bank = to_tensors(embed_labels(network, labels), torch.device("cpu"))
        best = [network(tokens, bank).argmax(1) for tokens in clips.tokens.split(_BATCH)]
        hits = torch.cat(best) == clips.classes
        found[exam.name] = hits.double().mean().item()
    return found
