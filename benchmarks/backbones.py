"""python -m stzsar.benchmarks.backbones: what each frame encoder costs, as the README's table.

Weights are random: neither size nor speed depends on them. Every backbone is exported as
`stzsar-export` does it, and must pass parity with torch in fp32 and in fp16.
"""

import dataclasses
import functools
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click
import cloup
import numpy as np

from ..runtime.bundle.bundle import FRAME_GRAPH, TEXT_GRAPH, TOKENIZER, Bundle
from ..runtime.terminal.commandline import at_the_edge
from .random_bundles import FRAMES, export_random, smallest_backbone
from .timing import (
    machine,
    progress_bar,
    quick_option,
    rounds_of,
    rounds_option,
    threads_option,
    time_in_turn,
)

if TYPE_CHECKING:
    from torch import nn

    from ..models.stzsar import STZSAR

BACKBONES = (
    "ViT-B-32",
    "ViT-B-16",
    "MobileCLIP2-S0",
    "MobileCLIP2-S2",
    "MobileCLIP-S2",
    "PE-Core-T-16-384",
    "PE-Core-S-16-384",
    "ViT-B-32-SigLIP2-256",
)


@dataclass(frozen=True, kw_only=True)
class Row:
    """One row of the table.

    Attributes:
        name: of the backbone in open_clip.
        image_px: side of a frame.
        vision_millions: parameters of the frame encoder, its branches merged.
        total_millions: those and the text encoder's.
        gmac: multiply-adds of one frame in thousand millions, counted by torch's FlopCounterMode
            (matrix products and convolutions).
        frame_mib: the fp16 bundle without the text encoder.
        bundle_mib: the whole fp16 bundle.
        frame_ms: of the fp32 frame graph at batch 1.
    """

    name: str
    image_px: int
    vision_millions: float
    total_millions: float
    gmac: float
    frame_mib: float
    bundle_mib: float
    frame_ms: float = float("nan")


@cloup.command()
@cloup.option(
    "--backbone",
    "names",
    multiple=True,
    metavar="NAME",
    help="One of open_clip's, as often as wanted (default: those of the README).",
)
@rounds_option
@threads_option
@quick_option
@cloup.option("--debug", is_flag=True, help="Show tracebacks.")
@at_the_edge
def main(names: Sequence[str], rounds: int | None, threads: int, quick: bool) -> None:
    """Export each backbone with random weights, time it, and print a Markdown table."""
    rounds = rounds_of(rounds, quick=quick)
    with tempfile.TemporaryDirectory() as place, progress_bar() as bar:
        rows = []
        names = names or ((smallest_backbone(Path(place)),) if quick else BACKBONES)
        task = bar.add_task("", total=len(names) + rounds)
        for name in names:
            bar.update(task, description=f"exporting {name}")
            rows.append(export(name, Path(place)))
            bar.advance(task)
        bar.update(task, description="timing")
        graphs = [Path(place) / name / FRAME_GRAPH for name in names]
        advance = functools.partial(bar.advance, task)
        times = time_in_turn(graphs, rounds=rounds, threads=threads, advance=advance)
    medians = np.median(times, axis=0)
    rows = [
        dataclasses.replace(row, frame_ms=float(ms)) for row, ms in zip(rows, medians, strict=True)
    ]
    click.echo(table(rows))
    click.echo(f"\n{machine()}; ms: ONNX Runtime, fp32, batch 1, {threads} threads, median.")


def export(name: str, place: Path) -> Row:
    """Export `name` into `place`, and leave there what is timed: the fp32 frame graph.

    Raises:
        StzsarError: it cannot be exported, or a graph differs from torch.
    """
    from ..export.folding import folded_for_inference

    network = export_random(name, place)
    sizes = halved_sizes(place / name, network)
    folded = folded_for_inference(network)
    text_mib = sizes[TEXT_GRAPH] + sizes[TOKENIZER]
    return Row(
        name=name,
        image_px=network.config.vision.image_px,
        vision_millions=_millions(folded.visual),
        total_millions=_millions(folded.visual) + _millions(network.text),
        gmac=count_gmac(folded),
        frame_mib=sum(sizes.values()) - text_mib,
        bundle_mib=sum(sizes.values()),
    )


def halved_sizes(folder: Path, network: "STZSAR") -> dict[str, float]:
    """Return the MiB of each file of the fp32 bundle in `folder`, if its graphs were fp16.

    They are made, compared with torch and dropped; so is the text graph, which is not timed.

    Raises:
        ParityError: fp16 differs too much.
    """
    import onnx

    from ..export.fp16 import to_fp16
    from ..export.parity import compare

    bank = Bundle.open(folder).bank
    sizes = {path.name: path.stat().st_size / 2**20 for path in folder.iterdir()}
    with tempfile.TemporaryDirectory(dir=folder.parent) as half:
        for path in folder.glob("*.onnx"):
            onnx.save(to_fp16(onnx.load(path)), Path(half) / path.name)
            sizes[path.name] = (Path(half) / path.name).stat().st_size / 2**20
        compare(Path(half), network, bank, precision="fp16", window_frames=FRAMES).check()
    (folder / TEXT_GRAPH).unlink()
    return sizes


def count_gmac(network: "STZSAR") -> float:
    """Return the multiply-adds of one frame, in thousand millions."""
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    from ..models.transformer import write_out_attention

    write_out_attention(network.visual)  # as it is traced; not every fused kernel is counted
    size = network.config.vision.image_px
    counter = FlopCounterMode(display=False)
    with counter:  # with gradients: without, its hooks fail on PE-Core's views (torch 2.14)
        network.visual(torch.zeros(1, size, size, 3, dtype=torch.uint8))
    return counter.get_total_flops() / 2 / 1e9


def table(rows: Sequence[Row]) -> str:
    """Return the rows as Markdown."""
    lines = [
        "| backbone | px | parameters, M: vision / all | GMAC a frame "
        "| fp16 bundle, MiB: without text / all | ms a frame |",
        "|---|---|---|---|---|---|",
    ]
    for row in rows:
        lines.append(
            f"| {row.name} | {row.image_px} | {row.vision_millions:.1f} / {row.total_millions:.1f} "
            f"| {row.gmac:.1f} | {row.frame_mib:.0f} / {row.bundle_mib:.0f} | {row.frame_ms:.0f} |"
        )
    return "\n".join(lines)


def _millions(module: "nn.Module") -> float:
    return sum(parameter.numel() for parameter in module.parameters()) / 1e6


if __name__ == "__main__":
    main()
