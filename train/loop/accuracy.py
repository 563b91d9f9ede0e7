"""Top-1 and top-5 of a network on a data set's clips."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from rich.progress import track

from ...models.label_texts import embed_labels, to_tensors
from ...models.stzsar import STZSAR
from ...runtime.errors import SourceError
from ...runtime.labels.labels import Label
from ...runtime.terminal.commandline import console
from ..data.dataset import LEFT_OUT, ClipDataset, ClipRequest, NotedBatches, loader
from ..data.moving_shapes import MovingShapes, Setting
from .processes import Processes


@dataclass(frozen=True)
class Accuracy:
    """Parts of clips, 0 to 1, whose class was the best, or among the best five.

    Attributes:
        top1, top5: those parts.
        clips: how many clips were classified.
        candidates: among how many classes.
        left_out: how many further clips gave no frames.
    """

    top1: float
    top5: float
    clips: int
    candidates: int
    left_out: int = 0


def _with_a_bar(batches: NotedBatches) -> Iterable[Any]:
    return track(batches, "testing ", console=console, transient=True)


@torch.no_grad()
def evaluate(
    network: STZSAR,
    dataset: ClipDataset,
    candidates: Sequence[Label],
    *,
    batch: int = 32,
    workers: int = 0,
    processes: Processes | None = None,
    watched: Callable[[NotedBatches], Iterable[Any]] = _with_a_bar,
) -> Accuracy:
    """Classify every clip of `dataset` among `candidates`, which hold its labels by name.

    Args:
        network: left in the mode of evaluation.
        dataset: the clips.
        candidates: the labels that compete.
        batch: clips at a time.
        workers: processes that make clips; 0 makes them in this one.
        processes: share the batches, the same ones that a single process takes; all of them get
            the accuracy of all clips.
        watched: shows how far the batches are.

    Raises:
        SourceError: no clip gives frames.
    """
    network.eval()
    device = network.head.logit_scale.device
    together = processes or Processes(device)
    together.copy_from_first(network.buffers())  # what BatchNorm saw in each is its own
    bank = to_tensors(embed_labels(network, candidates), device)
    names = [label.name for label in candidates]
    truth = torch.tensor([names.index(label.name) for label in dataset.labels])
    starts = range(together.rank * batch, len(dataset), together.count * batch)
    batches = [
        [ClipRequest(i, i) for i in range(start, min(start + batch, len(dataset)))]
        for start in starts
    ]
    found = torch.zeros(3, dtype=torch.int64)
    for frames, classes in watched(loader(dataset, batches, workers=workers)):
        sound = classes != LEFT_OUT
        if not sound.any():
            continue
        frames, classes = frames[sound], classes[sound]
        best = network(frames.to(device), bank).topk(min(5, len(names))).indices.cpu()
        hits = best == truth[classes][:, None]
        found += torch.stack([hits[:, 0].sum(), hits.any(1).sum(), sound.sum()])
    first, five, clips = together.total(found).tolist()
    if not clips:
        raise SourceError(f"None of {len(dataset):,} clips to test gives frames: convert them.")
    return Accuracy(first / clips, five / clips, clips, len(names), len(dataset) - clips)


def evaluate_moving_shapes(
    network: STZSAR, *, workers: int = 0, processes: Processes | None = None
) -> dict[str, Accuracy]:
    """Return the benchmark's table: seen and unseen classes, plain and hard, and all together."""
    table: dict[str, Accuracy] = {}
    how: dict[str, Any] = {"workers": workers, "processes": processes}
    settings: tuple[Setting, ...] = ("plain", "hard")
    for setting in settings:
        seen, unseen = MovingShapes("seen-test", setting), MovingShapes("unseen-test", setting)
        table[f"{setting}, seen classes"] = evaluate(network, seen, seen.labels, **how)
        table[f"{setting}, unseen classes"] = evaluate(network, unseen, unseen.labels, **how)
        everything = unseen.labels + seen.labels
        table[f"{setting}, unseen among all classes"] = evaluate(network, unseen, everything, **how)
    return table
