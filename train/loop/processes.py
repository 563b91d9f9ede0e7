"""The processes of a run: a single one, or those that torchrun started, on one or more machines.

All take the same steps, each with its part of every batch. Process 0 alone writes and prints.
"""

import contextlib
import logging
import os
import signal
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.distributed.distributed_c10d import PrefixStore, Store
from torch.distributed.rendezvous import rendezvous
from torch.nn.parallel import DistributedDataParallel

from ...runtime.errors import StzsarError
from ...runtime.terminal.commandline import console, log
from .device import find_device

T = TypeVar("T")

# Others wait while process 0 writes a checkpoint, but not for ever.
_PATIENCE = timedelta(minutes=10)
# After a failure a library may wait for lost processes, even while Python exits.
_LAST_SECONDS = 10
_VARIABLES = ("RANK", "LOCAL_RANK", "MASTER_ADDR", "MASTER_PORT")
_LOST = ("gloo", "nccl", "closed by peer", "reset by peer", "broken pipe")


@dataclass(frozen=True)
class Processes:
    device: torch.device  # on which this process computes
    rank: int = 0  # its number, from 0
    count: int = 1  # number of processes

    @property
    def is_first(self) -> bool:
        """Whether this is process 0, which writes and prints."""
        return self.rank == 0

    def parallel(self, module: nn.Module, *, some_unused: bool = False) -> nn.Module:
        """Return `module` with gradients that are averaged over all processes.

        All get process 0's weights. `some_unused`: trainable parameters may get no gradient.
        """
        if self.count == 1:
            return module
        if self.device.type == "cuda":
            # Over the whole batch, as in one process. Not available on CPUs.
            from timm.layers.norm_act import convert_sync_batchnorm

            module = convert_sync_batchnorm(module)
        return DistributedDataParallel(
            module, gradient_as_bucket_view=True, find_unused_parameters=some_unused
        )

    def gather(self, rows: Tensor) -> Tensor:
        """Return the rows [N, …] of all processes in their order, [count·N, …].

        Every process must compute the same from them: then the gradient of its own rows is
        complete. It is multiplied by `count`, since `parallel` takes the mean.
        """
        return rows if self.count == 1 else _Gather.apply(rows, self.rank, self.count)  # type: ignore[no-any-return]

    def total(self, values: Tensor) -> Tensor:
        return self._reduce(values, dist.ReduceOp.SUM)

    def largest(self, number: int) -> int:
        if self.count == 1:
            return number
        return int(self._reduce(torch.tensor(number), dist.ReduceOp.MAX).item())

    def wait(self) -> None:
        self.largest(0)

    def from_first(self, make: Callable[[], T]) -> T:
        """Return what `make` returns in process 0; the others do not call it."""
        if self.count == 1:
            return make()
        shared: list[Any] = [make() if self.is_first else None]
        dist.broadcast_object_list(shared, device=self.device)
        return shared[0]

    def copy_from_first(self, tensors: Iterable[Tensor]) -> None:
        """Copy process 0's values into all processes' `tensors`."""
        if self.count > 1:
            for tensor in tensors:
                dist.broadcast(tensor, 0)

    def agree(self, what: str, value: object) -> None:
        """Check that all processes have the same `value`; raise StzsarError if one has another."""
        if self.count == 1:
            return
        seen: list[Any] = [None] * self.count
        dist.all_gather_object(seen, value)
        other = next((rank for rank, theirs in enumerate(seen) if theirs != seen[0]), None)
        if other is not None:
            raise StzsarError(
                f"Process {other} sees other {what} than process 0: give all machines the same "
                "files, and one folder for the run that all of them see."
            )

    def _reduce(self, values: Tensor, how: Any) -> Tensor:
        if self.count == 1:
            return values
        values = values.to(self.device, copy=True)
        dist.all_reduce(values, how)
        return values


class _Gather(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, rows: Tensor, rank: int, count: int) -> Tensor:  # type: ignore[override]
        ctx.own = slice(rank * len(rows), (rank + 1) * len(rows))
        ctx.count = count
        gathered = [torch.empty_like(rows) for _ in range(count)]
        dist.all_gather(gathered, rows.contiguous())
        return torch.cat(gathered)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None]:  # type: ignore[override]
        return gradient[ctx.own] * ctx.count, None, None


def lost_others(error: BaseException) -> bool:
    """Whether `error` means that another process died."""
    if isinstance(error, dist.DistError):
        return True
    message = str(error).lower()
    return isinstance(error, RuntimeError) and any(word in message for word in _LOST)


@contextlib.contextmanager
def joined(device: str) -> Iterator[Processes]:
    """Join the processes that torchrun started; without torchrun, be the only one.

    The device "cuda" is one GPU for each process of a machine. An error in one process ends all;
    only the first that fails prints why.

    Raises:
        StzsarError: the device cannot be used, the environment of torchrun is incomplete, or a
            process was lost.
    """
    if _number("WORLD_SIZE", least=1) == 1:
        yield Processes(find_device(device))
        return
    store, rank, count = _meet()
    if rank:
        _print_warnings_only()
    try:
        own_device = _own_device(device)
        dist.init_process_group(
            "nccl" if own_device.type == "cuda" else "gloo",
            store=PrefixStore("group", store),
            rank=rank,
            world_size=count,
            timeout=_PATIENCE,
        )
        yield Processes(own_device, rank, count)
    except Exception as error:
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.alarm(_LAST_SECONDS)
        if not _fails_first(store):
            sys.exit(StzsarError.exit_code)
        console.quiet = False
        if lost_others(error) and not log.isEnabledFor(logging.DEBUG):
            raise StzsarError(
                f"Process {rank} of {count} has lost another one, possibly out of memory: go on "
                "with --resume."
            ) from error
        raise
    dist.destroy_process_group()


def _number(name: str, *, least: int) -> int:
    """Return a number from torchrun's environment; `least` without torchrun."""
    written = os.environ.get(name, str(least))
    if not written.isdecimal() or int(written) < least:
        raise StzsarError(
            f"The environment variable {name} is {written!r} and must be a number from {least}: "
            "start all processes with torchrun, or unset WORLD_SIZE."
        )
    return int(written)


def _meet() -> tuple[Store, int, int]:
    """Return the processes' shared store, this one's rank, and their count."""
    lacking = [name for name in _VARIABLES if name not in os.environ]
    if lacking:
        raise StzsarError(
            f"WORLD_SIZE is {os.environ['WORLD_SIZE']} but {lacking[0]} is not set: start all "
            "processes with torchrun, or unset WORLD_SIZE."
        )
    try:
        return next(rendezvous("env://", timeout=_PATIENCE))
    except (RuntimeError, ValueError) as error:
        raise StzsarError(
            f"The processes of the run cannot find each other ({str(error).splitlines()[0]}): "
            "check --master-addr and --master-port of torchrun."
        ) from error


def _own_device(name: str) -> torch.device:
    if name.startswith("cuda:"):
        raise StzsarError(
            f"--device {name} is one GPU, and torchrun started several processes: use --device "
            "cuda, which gives each its own."
        )
    if name != "cuda" and not (name == "auto" and torch.cuda.is_available()):
        return find_device(name)
    number, gpus = _number("LOCAL_RANK", least=0), torch.cuda.device_count()
    if number >= gpus > 0:
        raise StzsarError(
            f"torchrun started more than {number} processes on a machine with {gpus} GPUs: give it "
            f"--nproc-per-node {gpus}."
        )
    device = find_device(f"cuda:{number}")
    torch.cuda.set_device(device)
    return device


def _fails_first(store: Store) -> bool:
    try:
        return store.add("failures", 1) == 1
    except RuntimeError:  # the process with the store died
        return True


def _print_warnings_only() -> None:
    """Leave messages and progress to process 0, except for warnings of this one alone."""
    console.quiet = True
    log.handlers = [logging.StreamHandler()]
    if log.level == logging.INFO:
        log.setLevel(logging.WARNING)
