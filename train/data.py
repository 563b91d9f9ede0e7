"""What a data set is to the loop: labels, and clips that depend on a request and nothing else."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Sampler

from ..runtime.labels import Label
from .broken_files import BrokenFile, BrokenFiles


class ClipRequest(NamedTuple):
    """Which clip, and the number that its random choices are drawn from."""

    clip: int
    draw: int


class Clip(NamedTuple):
    """One training example.

    Attributes:
        frames: uint8 [T, S, S, 3], BGR.
        label: index into the data set's labels.
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

    So a run that was killed goes on with the very batches that it would have seen. Each epoch is
    a fresh permutation; a batch may cross its end.
    """

    size: int
    batch: int
    seed: int
    start: int
    stop: int

    def __iter__(self) -> Iterator[list[ClipRequest]]:
        """Give the requests of one step after the other."""
        for step in range(self.start, self.stop):
            places = range(step * self.batch, (step + 1) * self.batch)
            yield [ClipRequest(self._clip(place), place) for place in places]

    def __len__(self) -> int:
        """Return the number of steps."""
        return self.stop - self.start

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


def loader(dataset: ClipDataset, sampler: StepSampler, *, workers: int) -> NotedBatches:
    """Return the batches of `sampler`, made by `workers` processes (0: in this one)."""
    wrapped: Dataset = dataset  # type: ignore[assignment]  # a Dataset but for its index type
    # Only data sets of files have broken ones.
    broken: BrokenFiles | None = getattr(dataset, "broken", None)
    batches = DataLoader(
        wrapped, batch_sampler=sampler, num_workers=workers, collate_fn=_CollateNoted(broken)
    )
    return NotedBatches(batches, broken)


@dataclass(frozen=True)
class _CollateNoted:
    """Stacks clips, and puts beside them what the worker found broken while it made them."""

    broken: BrokenFiles | None

    def __call__(self, clips: list[Clip]) -> tuple[Tensor, Tensor, list[BrokenFile]]:
        return *collate(clips), self.broken.take() if self.broken is not None else []
