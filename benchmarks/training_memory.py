"""python -m stzsar.benchmarks.training_memory: memory of one training step.

The step of the whole batch runs with tensors that have sizes and no values (PyTorch's fake tensors,
with the kernels that it would choose on a CPU), so nothing is extrapolated and nothing takes time.
Each piece of memory counts once. The CUDA context, workspaces and gaps come on top.
"""

import weakref
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click
import cloup

from .random_bundles import SMALLEST, register_smallest
from .tools.command import benchmark, count_option
from .tools.tables import markdown

if TYPE_CHECKING:
    from torch import Tensor

    from ..models.stzsar import STZSAR


@dataclass(frozen=True, kw_only=True)
class Options:
    """The step: `batch` clips, each of its own class with so many attributes."""

    backbone: str = "ViT-B-16-quickgelu"
    batch: int = 32
    frames: int = 8
    attributes: int = 8


QUICK = Options(backbone=SMALLEST, batch=2, frames=2, attributes=2)


@dataclass(frozen=True, kw_only=True)
class StepMemory:
    precision: str  # of the towers
    recomputed: bool  # whether the backward pass computes the blocks again
    kept: int  # what the forward pass keeps for the gradients, without weights
    peak: int  # most alive at once in the forward and backward pass, without `lasting`
    lasting: int  # weights, gradients and AdamW's moments


@benchmark(usual=Options(), quick=QUICK)
@cloup.option(
    "--backbone", metavar="NAME", show_default=Options.backbone,
    help="Train this network of open_clip; OpenAI's weights need quickgelu.",
)  # fmt: skip
@count_option("--batch", Options.batch, "Take N clips.")
@count_option("--frames", Options.frames, "Take N frames per clip.")
@count_option("--attributes", Options.attributes, "Give each class N attributes.")
def main(options: Options) -> None:
    """Count what a training step keeps in memory, and print a Markdown table."""
    click.echo(table(measure(options)))
    batch = options.batch
    click.echo(
        f"\n{options.backbone}, {batch} clips × {options.frames} frames, {batch} classes × "
        f"{options.attributes} attributes"
    )


def measure(options: Options) -> list[StepMemory]:
    """Count a step in both precisions, with and without recomputing the blocks."""
    import torch
    from torch._subclasses.fake_tensor import FakeTensorMode

    from ..models.config import HeadConfig
    from ..models.pretrained import load_clip
    from ..models.stzsar import STZSAR
    from ..models.transformer import recompute_activations
    from ..train.config import FineTuning
    from ..train.loop.precision import Precision
    from ..train.loop.state import TrainState

    name = options.backbone
    if name == SMALLEST:
        register_smallest()
    config = load_clip(name, "none", head=HeadConfig(interaction="residual"))[0].config
    rows = []
    for precision in ("fp32", "bf16"):
        with FakeTensorMode():
            network = STZSAR(config).train()
            state = TrainState.begin(
                network,
                FineTuning(data="videos", backbone=name),
                Precision.choose(precision, torch.device("cpu")),
            )
            trained = [p for group in state.optimizer.param_groups for p in group["params"]]
            weights = sum(p.nbytes for p in network.parameters())
            lasting = weights + 3 * sum(p.nbytes for p in trained)  # gradients and two moments
            for recomputed in (False, True):
                recompute_activations(network, on=recomputed)
                kept, peak = count_step(network, options)
                rows.append(
                    StepMemory(
                        precision=precision,
                        recomputed=recomputed,
                        kept=kept,
                        peak=peak,
                        lasting=lasting,
                    )
                )
    return rows


def count_step(network: "STZSAR", options: Options) -> tuple[int, int]:
    """Return the bytes that a step keeps for its gradients, and the most alive at once."""
    import torch

    from ..models.interaction import Bank
    from ..train.loop.objective import symmetric_loss

    size, dim = network.config.vision.image_px, network.config.dim
    batch, attributes = options.batch, options.attributes
    bank = Bank(
        torch.randn(batch, dim),
        torch.randn(batch, attributes, dim),
        torch.ones(batch, attributes, dtype=torch.bool),
    )
    for parameter in network.parameters():
        # Gradients last; what is added to them is alive for a moment only.
        parameter.grad = torch.zeros_like(parameter) if parameter.requires_grad else None
    with alive_bytes() as alive:
        video = torch.zeros(batch, options.frames, size, size, 3, dtype=torch.uint8)
        targets = torch.arange(batch)
        kept: dict[int, Tensor] = {}

        def keep(tensor: "Tensor") -> "Tensor":
            kept[id(tensor.untyped_storage())] = tensor
            return tensor

        with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
            loss = symmetric_loss(network(video, bank), targets)
        for lasting in (*network.parameters(), *network.buffers(), *bank):
            kept.pop(id(lasting.untyped_storage()), None)
        bytes_kept = sum(tensor.untyped_storage().nbytes() for tensor in kept.values())
        kept.clear()
        loss.backward()
    return bytes_kept, alive.peak


def alive_bytes() -> Any:
    """Return a context that counts bytes of tensors made in it: `now`, and `peak` at once."""
    from torch.utils._python_dispatch import TorchDispatchMode
    from torch.utils._pytree import tree_leaves

    class AliveBytes(TorchDispatchMode):
        now = peak = 0

        def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None):
            result = func(*args, **(kwargs or {}))
            known = {id(leaf.untyped_storage()) for leaf in _tensors(tree_leaves((args, kwargs)))}
            for leaf in _tensors(tree_leaves(result)):
                storage = leaf.untyped_storage()
                if id(storage) not in known:  # else it is a view, or was written in place
                    known.add(id(storage))
                    self._add(storage.nbytes())
                    weakref.finalize(storage, self._add, -storage.nbytes())
            return result

        def _add(self, size: int) -> None:
            self.now += size
            self.peak = max(self.peak, self.now)

    return AliveBytes()


def _tensors(leaves: Sequence[Any]) -> "list[Tensor]":
    import torch

    return [leaf for leaf in leaves if isinstance(leaf, torch.Tensor)]


def table(rows: Sequence[StepMemory]) -> str:
    """Return the rows as Markdown, in GiB."""
    columns = ("precision", "blocks", "kept for the gradients", "most at once",
               "weights, gradients, AdamW", "together, GiB")  # fmt: skip
    cells = (
        (
            row.precision,
            "`--checkpoint-activations`" if row.recomputed else "kept",
            *(
                f"{size / 2**30:.1f}"
                for size in (row.kept, row.peak, row.lasting, row.peak + row.lasting)
            ),
        )
        for row in rows
    )
    return markdown(columns, cells)


if __name__ == "__main__":
    main()
