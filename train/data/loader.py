"""Batches of a data set, read by this process or by workers."""

import os
import signal
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from ...runtime.errors import StzsarError
from ...runtime.terminal.child_processes import end_with_parent
from ...runtime.terminal.commandline import log
from .broken_files import BrokenFile, BrokenFiles
from .dataset import ClipDataset, ClipRequest, Example, collate

_SHARED_MEMORY = Path("/dev/shm")
# Each worker prepares this many batches ahead (PyTorch's default), and the loop holds one more.
_AHEAD = 2
_USUAL = 1


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


def choose_workers(wanted: int | None, batch_bytes: int) -> int:
    """Return how many workers to start: those wanted, or the usual one if it has room.

    Batches, of so many bytes for training and validation together, pass through /dev/shm. Without
    room there a worker neither fails nor goes on, and the loop would wait for ever.

    Raises:
        StzsarError: the batches of the workers that are wanted do not fit.
    """
    workers = _USUAL if wanted is None else wanted
    free = _free_bytes()
    if free is None:
        return workers
    share = free // int(os.environ.get("LOCAL_WORLD_SIZE", "1"))
    fitting = max(0, share // batch_bytes - 1) // _AHEAD
    if workers <= fitting:
        return workers
    room = (
        f"{_SHARED_MEMORY} has {free / (1 << 20):.1f} MiB free, and a batch takes "
        f"{batch_bytes / (1 << 20):.1f} MiB"
    )
    enlarge = "enlarge it (docker run --shm-size 1g)"
    if wanted is not None:
        raise StzsarError(
            f"{room}, so --workers {wanted} do not fit: {enlarge}, or give --workers {fitting}."
        )
    log.warning("%s, so no worker fits and clips are read in the main process: %s.", room, enlarge)
    return 0


def _free_bytes() -> int | None:
    try:
        found = os.statvfs(_SHARED_MEMORY)
    except OSError:  # another system
        return None
    return found.f_bavail * found.f_frsize


def lost_worker(error: BaseException) -> bool:
    """Whether `error` means that a worker died: killed, or ended by a library."""
    # PyTorch raises it wherever the child's signal interrupts this process.
    return isinstance(error, RuntimeError) and str(error).startswith("DataLoader worker (pid")


def start_worker(_worker: int) -> None:
    """Keep a worker alive through the first signal to the whole process group.

    The main process still finishes a step, and then ends the worker with a SIGTERM. If it is
    killed, the worker ends at once.
    """

    def once(number: int, _frame: object) -> None:
        signal.signal(number, signal.SIG_DFL)

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, once)
    end_with_parent()
