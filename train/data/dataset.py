"""What a data set is to the loop: labels, and clips that depend on a request and nothing else."""

import signal
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Sampler

from ...runtime.labels.labels import Label
from .broken_files import BrokenFile, BrokenFiles

# The label of what stands in a batch in place of a clip that gives no frames: it does not count.
LEFT_OUT = -1


class ClipRequest(NamedTuple):
    """Which clip, and the number that its random choices are drawn from."""

    clip: int
    draw: int


class Clip(NamedTuple):
    """One training example.

    Attributes:
        frames: uint8 [T, S, S, 3], BGR.
        label: index into the data set's labels; LEFT_OUT only in evaluation.
    """

    frames: Tensor
    label: int


class ClipDataset(Protocol):
    """A set of labelled clips. The same request always gives the same clip."""

    labels: tuple[Label, ...]

    def __len__(self) -> int: ...

    def __getitem__(self, request: ClipRequest) -> Clip: ...


@dataclass(frozen=True)
class StepSampler(Sampler[list[ClipRequest]]):
    """The batches of steps `start` to `stop`, each a function of the seed and the step alone.

    So a run that was killed goes on with the very batches that it would have seen, also with
    another number of processes. Each epoch is a fresh permutation; a batch may cross its end.

    Attributes:
        size: number of clips.
        batch: clips of a step, in all of its parts and in all processes.
        seed: of the order.
        start, stop: the steps.
        parts: of a step, one after the other; a multiple of `parts` and `count` is a `batch`.
        rank, count: which of how many processes; they share each part in the order of their ranks.
    """

    size: int
    batch: int
    seed: int
    start: int
    stop: int
    parts: int = 1
    rank: int = 0
    count: int = 1

    def __iter__(self) -> Iterator[list[ClipRequest]]:
        """Give the requests of this process, part by part and step by step."""
        share = self.batch // (self.parts * self.count)
        for part in range(self.start * self.parts, self.stop * self.parts):
            first = (part * self.count + self.rank) * share
            yield [ClipRequest(self._clip(place), place) for place in range(first, first + share)]

    def __len__(self) -> int:
        """Return the number of parts."""
        return (self.stop - self.start) * self.parts

    def _clip(self, place: int) -> int:
        epoch, offset = divmod(place, self.size)
        return int(_permutation(self.size, self.seed, epoch)[offset])


_last_permutation: dict[tuple[int, int, int], np.ndarray] = {}


def _permutation(size: int, seed: int, epoch: int) -> np.ndarray:
    key = (size, seed, epoch)
    if key not in _last_permutation:
        _last_permutation.clear()
        _last_permutation[key] = np.random.default_rng([seed, epoch]).permutation(size)
    return _last_permutation[key]


def collate(clips: list[Clip]) -> tuple[Tensor, Tensor]:
    """Stack clips to frames [B, T, S, S, 3] and labels [B]."""
    return torch.stack([clip.frames for clip in clips]), torch.tensor([c.label for c in clips])


@dataclass(frozen=True)
class NotedBatches:
    """Batches of a loader, whose broken files are noted where the loop runs.

    Workers are processes of their own, so what they find comes with the batch.

    Attributes:
        batches: frames [B, T, S, S, 3], labels [B], and the broken files.
        broken: is told of the latter; None if there can be none.
    """

    batches: DataLoader
    broken: BrokenFiles | None

    def __len__(self) -> int:
        """Return the number of batches."""
        return len(self.batches)

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        """Give frames [B, T, S, S, 3] and labels [B] of one batch after the other."""
        for frames, labels, broken in self.batches:
            if self.broken is not None:
                self.broken.note(broken)
            yield frames, labels


def loader(
    dataset: ClipDataset, batches: Iterable[list[ClipRequest]], *, workers: int
) -> NotedBatches:
    """Return the clips of `batches`, made by `workers` processes (0: in this one)."""
    wrapped: Dataset = dataset  # type: ignore[assignment]  # a Dataset but for its index type
    # Only data sets of files have broken ones.
    broken: BrokenFiles | None = getattr(dataset, "broken", None)
    made = DataLoader(
        wrapped,
        batch_sampler=batches,  # type: ignore[arg-type]  # any iterable will do
        num_workers=workers,
        collate_fn=_CollateNoted(broken),
        worker_init_fn=_outlive_a_signal,
    )
    return NotedBatches(made, broken)


@dataclass(frozen=True)
class _CollateNoted:
    """Stacks clips, and puts beside them what the worker found broken while it made them."""

    broken: BrokenFiles | None

    def __call__(self, clips: list[Clip]) -> tuple[Tensor, Tensor, list[BrokenFile]]:
        return *collate(clips), self.broken.take() if self.broken is not None else []


def lost_worker(error: BaseException) -> bool:
    """Whether `error` says that a process of a loader is gone: killed, or ended by a library."""
    # PyTorch raises it wherever the signal of the child finds this process.
    return isinstance(error, RuntimeError) and str(error).startswith("DataLoader worker (pid")


def _outlive_a_signal(_worker: int) -> None:
    """Let a worker go on through a Ctrl-C or SIGTERM that the whole group of processes gets.

    Whoever reads from it still finishes a step and ends it then, with a SIGTERM of its own.
    """

    def once(number: int, _frame: object) -> None:
        signal.signal(number, signal.SIG_DFL)

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, once)
