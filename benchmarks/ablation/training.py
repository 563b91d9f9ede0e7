"""A row trained for one seed, and what it recognises."""

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

_TESTED_AT_ONCE = 64


@dataclass(frozen=True)
class Test:
    """One of the four tests: classes that training showed or did not, plain or hard."""

    __test__ = False  # pytest would take the name for a test's

    seen: bool
    setting: Setting

    @property
    def actions(self) -> tuple[Action, ...]:
        """The classes; they are also the candidates."""
        return seen_actions() if self.seen else unseen_actions()

    @property
    def split(self) -> Split:
        """The split of the benchmark."""
        return "seen-test" if self.seen else "unseen-test"

    @property
    def name(self) -> str:
        """As the table says it."""
        return f"{'seen' if self.seen else 'unseen'}, {self.setting}"

    @property
    def file(self) -> str:
        """Where its clips lie, as the encoder sees them."""
        return f"{self.split}-{self.setting}.safetensors"


UNSEEN_HARD = Test(False, "hard")
TESTS = (UNSEEN_HARD, Test(False, "plain"), Test(True, "hard"), Test(True, "plain"))


def train_row(
    variant: Variant,
    beginning: STZSAR,
    clips: EncodedClips | MovingShapes,
    *,
    steps: int,
    batch: int,
    seed: int,
) -> STZSAR:
    """Train a row from what the encoder's network knows; the encoder too if `clips` are drawn."""
    torch.manual_seed(seed)
    network = variant.network(beginning.config)
    # Maps and β are new: they begin at the identity and at 0.
    network.load_state_dict(beginning.state_dict(), strict=False)
    if isinstance(clips, EncodedClips):
        network.visual = Seen()  # type: ignore[assignment]
    clips.labels = tuple(variant.label(action, "hard") for action in seen_actions())
    train(network, clips, steps=steps, batch=batch, seed=seed)
    return network


@torch.no_grad()
def accuracies(
    variant: Variant, network: STZSAR, tests: Mapping[Test, EncodedClips]
) -> dict[str, float]:
    """Return the parts of clips, 0 to 1, whose class came first, by the name of the test."""
    network.eval()
    found = {}
    for test, clips in tests.items():
        labels = [variant.label(action, test.setting) for action in test.actions]
        bank = to_tensors(embed_labels(network, labels), torch.device("cpu"))
        best = [network(tokens, bank).argmax(1) for tokens in clips.tokens.split(_TESTED_AT_ONCE)]
        hits = torch.cat(best) == clips.classes
        found[test.name] = hits.double().mean().item()
    return found
