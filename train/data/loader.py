"""Batches of a data set, read by this process or by workers."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from .broken_files import BrokenFile, BrokenFiles
from .dataset import ClipDataset, ClipRequest, Example, collate
from .workers import start_worker


@dataclass(frozen=True)
class ReportingLoader:
    """Batches of a loader; the main process reports broken files.

    Workers are separate processes, so the files that they find broken come with the batch.
    """

    batches: DataLoader  # frames [B, T, S, S, 3], labels [B], and the broken files
    broken: BrokenFiles | None  # collects these; None for a data set that has no files

    def __len__(self) -> int:
        return len(self.batches)

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield frames [B, T, S, S, 3] and labels [B] of each batch."""
        for frames, labels, broken in self.batches:
            if self.broken is not None:
                self.broken.report(broken)
            yield frames, labels


def loader(
    dataset: ClipDataset, batches: Iterable[list[ClipRequest]], *, workers: int
) -> ReportingLoader:
    """Return the clips of `batches`, read by `workers` processes (0: by this one)."""
    wrapped: Dataset = dataset  # type: ignore[assignment]  # a Dataset but for its index type
    # Only data sets of files have broken ones.
    broken: BrokenFiles | None = getattr(dataset, "broken", None)
    batched = DataLoader(
        wrapped,
        batch_sampler=batches,  # type: ignore[arg-type]  # any iterable works
        num_workers=workers,
        collate_fn=_CollateWithBroken(broken),
        worker_init_fn=start_worker,
    )
    return ReportingLoader(batched, broken)


@dataclass(frozen=True)
class _CollateWithBroken:
    """Stacks clips, and adds the files that the worker found broken."""

    broken: BrokenFiles | None

    def __call__(self, examples: list[Example]) -> tuple[Tensor, Tensor, list[BrokenFile]]:
        return *collate(examples), self.broken.take() if self.broken is not None else []
