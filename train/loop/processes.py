"""The processes of a run: one alone, or those that torchrun started, on one machine or several.

All of them take the same steps, each with its own part of every batch. Process 0 writes and speaks.
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

# Process 0 writes a checkpoint while the others wait; none may wait for ever.
_PATIENCE = timedelta(minutes=10)
# After a failure a library may wait for processes that are gone, also while Python ends.
_LAST_SECONDS = 10
_VARIABLES = ("RANK", "LOCAL_RANK", "MASTER_ADDR", "MASTER_PORT")
_LOST = ("gloo", "nccl", "closed by peer", "reset by peer", "broken pipe")


@dataclass(frozen=True)
class Processes:
    """One of the processes, and what it does together with the others.

    Attributes:
        device: where this process computes.
        rank: its number among all, from 0.
        count: how many there are.
    """

    device: torch.device
    rank: int = 0
    count: int = 1

    @property
    def is_first(self) -> bool:
        """Whether this is process 0, which writes and speaks."""
        return self.rank == 0

    def parallel(self, module: nn.Module, *, some_unused: bool = False) -> nn.Module:
        """Return `module` such that a backward pass gives all processes the mean gradients.

        Args:
            module: what has the forward pass of a step; process 0's weights become everybody's.
            some_unused: whether parameters that want a gradient may get none.
        """
        if self.count == 1:
            return module
        if self.device.type == "cuda":
            # Of the whole batch, as in one process. There is no such BatchNorm on a CPU.
            from timm.layers.norm_act import convert_sync_batchnorm

            module = convert_sync_batchnorm(module)
        return DistributedDataParallel(
            module, gradient_as_bucket_view=True, find_unused_parameters=some_unused
        )

    def gather(self, rows: Tensor) -> Tensor:
        """Return the rows [N, …] of all processes in their order, [count·N, …].

        What every process computes from it must be the same: then the gradient of its own rows is
        whole, and is taken `count` times, since `parallel` takes the mean.
        """
        return rows if self.count == 1 else _Gather.apply(rows, self.rank, self.count)  # type: ignore[no-any-return]

    def total(self, values: Tensor) -> Tensor:
        """Return the sum of everybody's `values`."""
        return self._reduced(values, dist.ReduceOp.SUM)

    def largest(self, number: int) -> int:
        """Return the largest of everybody's numbers."""
        if self.count == 1:
            return number
        return int(self._reduced(torch.tensor(number), dist.ReduceOp.MAX).item())

    def wait(self) -> None:
        """Wait until all processes have come here."""
        self.largest(0)

    def from_first(self, make: Callable[[], T]) -> T:
        """Return what `make` gives in process 0; the others do not call it."""
        if self.count == 1:
            return make()
        held: list[Any] = [make() if self.is_first else None]
        dist.broadcast_object_list(held, device=self.device)
        return held[0]

    def copy_from_first(self, tensors: Iterable[Tensor]) -> None:
        """Write process 0's values into everybody's `tensors`."""
        if self.count > 1:
            for tensor in tensors:
                dist.broadcast(tensor, 0)

    def agree(self, what: str, value: object) -> None:
        """Hold that all processes see the same.

        Raises:
            StzsarError: one of them sees something else.
        """
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

    def _reduced(self, values: Tensor, how: Any) -> Tensor:
        if self.count == 1:
            return values
        values = values.to(self.device, copy=True)
        dist.all_reduce(values, how)
        return values


class _Gather(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, rows: Tensor, rank: int, count: int) -> Tensor:  # type: ignore[override]
        ctx.mine = slice(rank * len(rows), (rank + 1) * len(rows))
        ctx.count = count
        everybodys = [torch.empty_like(rows) for _ in range(count)]
        dist.all_gather(everybodys, rows.contiguous())
        return torch.cat(everybodys)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None]:  # type: ignore[override]
        return gradient[ctx.mine] * ctx.count, None, None


def lost_others(error: BaseException) -> bool:
    """Whether `error` says that another process is gone."""
    if isinstance(error, dist.DistError):
        return True
    said = str(error).lower()
    return isinstance(error, RuntimeError) and any(word in said for word in _LOST)


@contextlib.contextmanager
def joined(device: str) -> Iterator[Processes]:
    """Be one of the processes that torchrun started; without torchrun, the only one.

    An error in one process ends all. The first that fails says why, and nobody else says anything.

    Args:
        device: as `find_device` takes it; "cuda" is one GPU for each process of a machine.

    Raises:
        StzsarError: the device cannot be used, the others cannot be found or counted, or one was
            lost.
    """
    if _number("WORLD_SIZE", least=1) == 1:
        yield Processes(find_device(device))
        return
    store, rank, count = _meet()
    if rank:
        _say_warnings_only()
    try:
        where = _own_device(device)
        dist.init_process_group(
            "nccl" if where.type == "cuda" else "gloo",
            store=PrefixStore("group", store),
            rank=rank,
            world_size=count,
            timeout=_PATIENCE,
        )
        yield Processes(where, rank, count)
    except Exception as error:
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.alarm(_LAST_SECONDS)
        if not _fails_first(store):
            sys.exit(StzsarError.exit_code)
        console.quiet = False
        if lost_others(error) and not log.isEnabledFor(logging.DEBUG):
            raise StzsarError(
                f"Process {rank} of {count} has lost another one: was that killed, for want of "
                "memory perhaps? Go on with --resume."
            ) from error
        raise
    dist.destroy_process_group()


def _number(name: str, *, least: int) -> int:
    """Return what torchrun has written into the environment; alone, the least."""
    written = os.environ.get(name, str(least))
    if not written.isdecimal() or int(written) < least:
        raise StzsarError(
            f"The environment's {name} is {written!r}, where a number from {least} is wanted: "
            "start all processes with torchrun, or unset WORLD_SIZE."
        )
    return int(written)


def _meet() -> tuple[Store, int, int]:
    """Return what the processes share before they are a group, this one's rank, and their count."""
    lacking = [name for name in _VARIABLES if name not in os.environ]
    if lacking:
        raise StzsarError(
            f"WORLD_SIZE is {os.environ['WORLD_SIZE']}, and {lacking[0]} is not set: start all "
            "processes with torchrun, or unset WORLD_SIZE."
        )
    try:
        return next(rendezvous("env://", timeout=_PATIENCE))
    except (RuntimeError, ValueError) as error:
        raise StzsarError(
            f"The processes of the run cannot find each other ({str(error).splitlines()[0]}): "
            "look at --master-addr and --master-port of torchrun."
        ) from error


def _own_device(name: str) -> torch.device:
    if name.startswith("cuda:"):
        raise StzsarError(
            f"--device {name} is one GPU, and torchrun started several processes: take --device "
            "cuda, which gives each its own."
        )
    if name != "cuda" and not (name == "auto" and torch.cuda.is_available()):
        return find_device(name)
    number, there = _number("LOCAL_RANK", least=0), torch.cuda.device_count()
    if number >= there > 0:
        raise StzsarError(
            f"torchrun started more than {number} processes on a machine of {there} GPUs: give it "
            f"--nproc-per-node {there}."
        )
    device = find_device(f"cuda:{number}")
    torch.cuda.set_device(device)
    return device


def _fails_first(store: Store) -> bool:
    try:
        return store.add("failures", 1) == 1
    except RuntimeError:  # the process that kept the store is gone
        return True


def _say_warnings_only() -> None:
    """Leave messages and progress to process 0, but for what only this one has met."""
    console.quiet = True
    log.handlers = [logging.StreamHandler()]
    if log.level == logging.INFO:
        log.setLevel(logging.WARNING)
