"""The processes that read clips: how many fit into shared memory, and how they end."""

import os
import signal
from collections.abc import Sequence
from pathlib import Path

from ...runtime.terminal.child_processes import end_with_parent
from ...runtime.terminal.commandline import log
from .dataset import ClipDataset, ClipRequest

_SHARED_MEMORY = Path("/dev/shm")
# Each worker prepares this many batches ahead (PyTorch's default), and the loop holds one more.
_AHEAD = 2
_AMPLE_BYTES = 8 << 30


def fitting_workers(dataset: ClipDataset, batch: Sequence[ClipRequest], workers: int) -> int:
    """Return how many of `workers` have room for their batches in /dev/shm, and say if fewer.

    Without room a worker neither fails nor goes on: the loop would wait for ever.

    Args:
        dataset: the clips.
        batch: the requests of one batch.
        workers: the processes wanted.
    """
    free = _free_bytes()
    if workers == 0 or not batch or free is None or free >= _AMPLE_BYTES:
        return workers
    frames = dataset[batch[0]].frames
    batch_bytes = len(batch) * frames.nbytes
    # Half of what is free: a validation and other processes of the run have batches there too.
    share = free // (2 * int(os.environ.get("LOCAL_WORLD_SIZE", "1")))
    fitting = min(workers, max(0, share // batch_bytes - 1) // _AHEAD)
    if fitting < workers:
        log.warning(
            "%s has %s MiB free, too little for the batches of %d workers: clips are read with %s. "
            "Enlarge it (docker run --shm-size 1g), or give --workers %d.",
            _SHARED_MEMORY, f"{free / (1 << 20):.1f}", workers, fitting or "no workers", fitting,
        )  # fmt: skip
    return fitting


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
