"""Top-1 and top-5 of a network on a data set's clips."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from rich.progress import track

from ..models.label_texts import embed_labels, to_tensors
from ..models.stzsar import STZSAR
from ..runtime.commandline import console
from ..runtime.labels import Label
from .data import ClipDataset, ClipRequest, collate
from .moving_shapes import MovingShapes, Setting


@dataclass(frozen=True)
class Accuracy:
    """Parts of clips, 0 to 1, whose class was the best, or among the best five."""

    top1: float
    top5: float
    clips: int
    candidates: int


@torch.no_grad()
def evaluate(
    network: STZSAR, dataset: ClipDataset, candidates: Sequence[Label], *, batch: int = 32
) -> Accuracy:
    """Classify every clip of `dataset` among `candidates`, which hold its labels by name."""
    network.eval()
    device = network.head.logit_scale.device
    bank = to_tensors(embed_labels(network, candidates), device)
    names = [label.name for label in candidates]
    truth = torch.tensor([names.index(label.name) for label in dataset.labels])
    first = five = 0
    starts = range(0, len(dataset), batch)
    for start in track(starts, "testing ", console=console, transient=True):
        requests = [ClipRequest(i, i) for i in range(start, min(start + batch, len(dataset)))]
        frames, classes = collate([dataset[request] for request in requests])
        best = network(frames.to(device), bank).topk(min(5, len(names))).indices.cpu()
        hits = best == truth[classes][:, None]
        first += int(hits[:, 0].sum())
        five += int(hits.any(1).sum())
    return Accuracy(first / len(dataset), five / len(dataset), len(dataset), len(names))


def evaluate_moving_shapes(network: STZSAR) -> dict[str, Accuracy]:
    """Return the benchmark's table: seen and unseen classes, plain and hard, and all together."""
    table: dict[str, Accuracy] = {}
    settings: tuple[Setting, ...] = ("plain", "hard")
    for setting in settings:
        seen, unseen = MovingShapes("seen-test", setting), MovingShapes("unseen-test", setting)
        table[f"{setting}, seen classes"] = evaluate(network, seen, seen.labels)
        table[f"{setting}, unseen classes"] = evaluate(network, unseen, unseen.labels)
        everything = unseen.labels + seen.labels
        table[f"{setting}, unseen among all classes"] = evaluate(network, unseen, everything)
    return table
