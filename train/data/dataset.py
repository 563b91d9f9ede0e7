"""What the loop expects of a data set: labels, and clips that depend on a request alone."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Sampler

from ...runtime.labels.labels import Label

# Marks the placeholder of a clip without frames, which does not count.
LEFT_OUT = -1


class ClipRequest(NamedTuple):
    """Which clip, and the seed of its random choices."""

    clip: int
    draw: int


class Example(NamedTuple):
    frames: Tensor  # uint8 [T, S, S, 3], BGR
    label: int  # index into the data set's labels; LEFT_OUT only in evaluation


class ClipDataset(Protocol):
    """A set of labelled clips. The same request always returns the same frames."""

    labels: tuple[Label, ...]

    def __len__(self) -> int: ...

    def __getitem__(self, request: ClipRequest) -> Example: ...


class ListedClips(ClipDataset, Protocol):
    """A data set that knows its clips' classes without reading them."""

    def class_of(self, clip: int) -> int:
        """Return the index of a clip's label."""
        ...


@dataclass(frozen=True)
class StepSampler(Sampler[list[ClipRequest]]):
    """The batches of steps `start` to `stop`, each a function of the seed and the step alone.

    So a killed run resumes with the same batches, also with another number of processes. Each
    epoch is a fresh permutation; a batch may cross its end.
    """

    size: int  # number of clips
    batch: int  # clips of a step, a multiple of `parts` times `count`
    seed: int  # of the order
    start: int
    stop: int
    parts: int = 1  # parts of a step, one after the other
    # This process and their number; they share each part in the order of ranks
    rank: int = 0
    count: int = 1

    def __iter__(self) -> Iterator[list[ClipRequest]]:
        """Yield the requests of this process, part by part and step by step."""
        share = self.batch // (self.parts * self.count)
        for part in range(self.start * self.parts, self.stop * self.parts):
            first = (part * self.count + self.rank) * share
            yield [ClipRequest(self._clip(place), place) for place in range(first, first + share)]

    def __len__(self) -> int:
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


def collate(examples: list[Example]) -> tuple[Tensor, Tensor]:
    """Stack examples to frames [B, T, S, S, 3] and labels [B]."""
    frames, labels = zip(*examples, strict=True)
    return torch.stack(frames), torch.tensor(labels)
