"""Top-1 and top-5 accuracy of a network on a data set."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from rich.progress import track

from ...models.label_texts import embed_labels, to_tensors
from ...models.stzsar import STZSAR
from ...runtime.errors import SourceError
from ...runtime.labels.labels import Label
from ...runtime.shapes.clip_settings import CLIP_SETTINGS
from ...runtime.terminal.commandline import console
from ..data.dataset import LEFT_OUT, ClipDataset, ClipRequest
from ..data.loader import ReportingLoader, loader
from ..data.moving_shapes import MovingShapes
from .processes import Processes

# Clips that are tested at a time.
TEST_BATCH = 32


@dataclass(frozen=True)
class HitRates:
    top1: float  # from 0 to 1
    top5: float
    clips: int  # number of clips classified
    candidates: int  # number of classes that competed
    left_out: int = 0  # number of clips without frames, which do not count


def _with_bar(batches: ReportingLoader) -> Iterable[Any]:
    return track(batches, "testing ", console=console, transient=True)


@torch.no_grad()
def evaluate(
    network: STZSAR,
    dataset: ClipDataset,
    candidates: Sequence[Label],
    *,
    seen: Sequence[Label] = (),
    seen_bias: float = 0,
    batch: int = TEST_BATCH,
    workers: int = 0,
    processes: Processes | None = None,
    watch: Callable[[ReportingLoader], Iterable[Any]] = _with_bar,
) -> HitRates:
    """Classify every clip of `dataset` among `candidates`, which include its labels by name.

    The network stays in evaluation mode. Processes share the batches, which are those of a single
    one, and each gets the accuracy on all clips. `watch` iterates over the batches and shows
    progress. `seen_bias` is subtracted from the logits of the candidates `seen`, see `Checkpoint`.

    Raises:
        SourceError: no clip gives frames.
    """
    network.eval()
    device = network.head.logit_scale.device
    processes = processes or Processes(device)
    processes.copy_from_first(network.buffers())  # BatchNorm's statistics differ
    bank = to_tensors(embed_labels(network, candidates), device)
    names = [label.name for label in candidates]
    truth = torch.tensor([names.index(label.name) for label in dataset.labels])
    biases = torch.tensor([seen_bias * (label in seen) for label in candidates], device=device)
    starts = range(processes.rank * batch, len(dataset), processes.count * batch)
    batches = [
        [ClipRequest(i, i) for i in range(start, min(start + batch, len(dataset)))]
        for start in starts
    ]
    counts = torch.zeros(3, dtype=torch.int64)
    for frames, classes in watch(loader(dataset, batches, workers=workers)):
        readable = classes != LEFT_OUT
        if not readable.any():
            continue
        frames, classes = frames[readable], classes[readable]
        logits = network(frames.to(device), bank) - biases
        best = logits.topk(min(5, len(names))).indices.cpu()
        hits = best == truth[classes][:, None]
        counts += torch.stack([hits[:, 0].sum(), hits.any(1).sum(), readable.sum()])
    top1, top5, clips = processes.total(counts).tolist()
    if not clips:
        raise SourceError(f"None of {len(dataset):,} clips to test gives frames: convert them.")
    return HitRates(top1 / clips, top5 / clips, clips, len(names), len(dataset) - clips)


def evaluate_moving_shapes(
    network: STZSAR,
    *,
    seen_bias: float | None = None,
    workers: int = 0,
    processes: Processes | None = None,
) -> dict[str, HitRates]:
    """Return the benchmark's table: seen, unseen and all classes, in each setting.

    Among all classes, `seen_bias` is taken from the seen ones; see `Checkpoint`.
    """
    table: dict[str, HitRates] = {}
    for setting in CLIP_SETTINGS:
        seen, unseen = MovingShapes("seen-test", setting), MovingShapes("unseen-test", setting)
        tests = {
            "seen classes": (seen, seen.labels),
            "unseen classes": (unseen, unseen.labels),
            "seen among all classes": (seen, unseen.labels + seen.labels),
            "unseen among all classes": (unseen, unseen.labels + seen.labels),
        }
        for name, (clips, candidates) in tests.items():
            table[f"{setting}, {name}"] = evaluate(
                network,
                clips,
                candidates,
                seen=seen.labels,
                seen_bias=seen_bias or 0,
                workers=workers,
                processes=processes,
            )
    return table
