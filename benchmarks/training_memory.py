"""python -m stzsar.benchmarks.training_memory: what a training step keeps, and whether it fits.

The whole step of the whole batch is taken with tensors that have sizes and no values (PyTorch's
fake tensors, with the kernels that it would choose on a CPU), so that nothing is scaled up and
nothing takes time. Counted are tensors, each piece of memory once; what a library takes besides
(the CUDA context, workspaces, gaps between tensors) comes on top.
"""

import tempfile
import weakref
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import cloup

from ..runtime.terminal.commandline import at_the_edge
from .random_bundles import smallest_backbone
from .timing import quick_option

if TYPE_CHECKING:
    from torch import Tensor

    from ..models.stzsar import STZSAR

_COUNT = click.IntRange(min=1)


@dataclass(frozen=True, kw_only=True)
class Work:
    """What a step has to do.

    Attributes:
        batch: clips, each of a class of its own.
        frames: of a clip.
        attributes: of a class.
    """

    batch: int
    frames: int
    attributes: int


@dataclass(frozen=True, kw_only=True)
class Row:
    """One row of the table.

    Attributes:
        precision: of the towers.
        recomputed: whether blocks are computed twice.
        kept: bytes that the forward pass keeps for the gradients, weights not counted.
        most: bytes that are alive at once in the forward and backward pass, without `lasting`.
        lasting: bytes of weights, gradients and AdamW's moments.
    """

    precision: str
    recomputed: bool
    kept: int
    most: int
    lasting: int


@cloup.command()
@cloup.option(
    "--backbone",
    metavar="NAME",
    default="ViT-B-16-quickgelu",
    show_default=True,
    help="One of open_clip's; OpenAI's weights want quickgelu.",
)
@cloup.option("--batch", metavar="N", type=_COUNT, default=32, show_default=True, help="Clips.")
@cloup.option(
    "--frames", metavar="N", type=_COUNT, default=8, show_default=True, help="Frames of a clip."
)
@cloup.option(
    "--attributes", metavar="N", type=_COUNT, default=8, show_default=True, help="Of a class."
)
@quick_option
@cloup.option("--debug", is_flag=True, help="Show tracebacks.")
@at_the_edge
def main(backbone: str, batch: int, frames: int, attributes: int, quick: bool) -> None:
    """Count the memory of a training step over CLIP with a frozen text tower."""
    work = Work(batch=batch, frames=frames, attributes=attributes)
    with tempfile.TemporaryDirectory() as place:
        name = smallest_backbone(Path(place)) if quick else backbone
        rows = measure(name, work)
    click.echo(table(rows))
    click.echo(f"\n{name}, {batch} clips × {frames} frames, {batch} classes × {attributes} words.")


def measure(name: str, work: Work) -> list[Row]:
    """Count a step of the backbone `name` in both precisions, with and without recomputing."""
    import torch
    from torch._subclasses.fake_tensor import FakeTensorMode

    from ..models.config import HeadConfig
    from ..models.pretrained import load_clip
    from ..models.stzsar import STZSAR
    from ..models.transformer import recompute_activations
    from ..train.config import FineTuning
    from ..train.loop.precision import Precision
    from ..train.loop.state import TrainState

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
            learning = [p for group in state.optimizer.param_groups for p in group["params"]]
            weights = sum(p.nbytes for p in network.parameters())
            for recomputed in (False, True):
                recompute_activations(network, on=recomputed)
                kept, most = count_step(network, work)
                row = Row(
                    precision=precision,
                    recomputed=recomputed,
                    kept=kept,
                    most=most,
                    lasting=weights + 3 * sum(p.nbytes for p in learning),  # two moments
                )
                rows.append(row)
    return rows


def count_step(network: "STZSAR", work: Work) -> tuple[int, int]:
    """Return the bytes that one step keeps for its gradients, and the most that it has at once."""
    import torch

    from ..models.interaction import Bank
    from ..train.loop.loss import symmetric_loss

    size, dim = network.config.vision.image_px, network.config.dim
    bank = Bank(
        torch.randn(work.batch, dim),
        torch.randn(work.batch, work.attributes, dim),
        torch.ones(work.batch, work.attributes, dtype=torch.bool),
    )
    for parameter in network.parameters():
        # They last; and what is added to them is alive for a moment only.
        parameter.grad = torch.zeros_like(parameter) if parameter.requires_grad else None
    with alive() as watched:
        video = torch.zeros(work.batch, work.frames, size, size, 3, dtype=torch.uint8)
        targets = torch.arange(work.batch)
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
    return bytes_kept, watched.most


def alive() -> Any:
    """Return a context that counts the bytes of tensors that are made in it: `most` at once."""
    from torch.utils._python_dispatch import TorchDispatchMode
    from torch.utils._pytree import tree_leaves

    class Alive(TorchDispatchMode):
        now = most = 0

        def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None):
            found = func(*args, **(kwargs or {}))
            known = {id(leaf.untyped_storage()) for leaf in _tensors(tree_leaves((args, kwargs)))}
            for leaf in _tensors(tree_leaves(found)):
                storage = leaf.untyped_storage()
                if id(storage) not in known:  # else it is a view, or was written into
                    known.add(id(storage))
                    self._add(storage.nbytes())
                    weakref.finalize(storage, self._add, -storage.nbytes())
            return found

        def _add(self, size: int) -> None:
            self.now += size
            self.most = max(self.most, self.now)

    return Alive()


def _tensors(leaves: Sequence[Any]) -> "list[Tensor]":
    import torch

    return [leaf for leaf in leaves if isinstance(leaf, torch.Tensor)]


def table(rows: Sequence[Row]) -> str:
    """Return the rows as Markdown, in GiB."""
    lines = [
        "| precision | blocks | kept for the gradients | most at once "
        "| weights, gradients, AdamW | together, GiB |",
        "|---|---|---|---|---|---|",
    ]
    for row in rows:
        how = "`--checkpoint-activations`" if row.recomputed else "kept"
        sizes = (row.kept, row.most, row.lasting, row.most + row.lasting)
        cells = " | ".join(f"{size / 2**30:.1f}" for size in sizes)
        lines.append(f"| {row.precision} | {how} | {cells} |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
