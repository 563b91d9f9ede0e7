"""A row trained with one seed, and its accuracy on the test sets."""

from collections.abc import Mapping

import torch

from ...models.label_texts import embed_labels, to_tensors
from ...models.stzsar import STZSAR
from ...runtime.shapes.scenes import seen_actions
from ...train.data.moving_shapes import MovingShapes
from .encoder import EncodedClips, Seen, train
from .exams import Exam
from .variants import Variant

_BATCH = 64


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
    # What is new starts at the identity and at 0; without a temporal transformer, it has no place.
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
