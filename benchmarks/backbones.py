"""python -m stzsar.benchmarks.backbones: size and speed of each frame encoder.

Weights are random: neither size nor speed depends on them. Every backbone is exported as
`stzsar-export` does it, and must pass parity with torch in fp32 and in fp16.
"""

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import click
import cloup
import numpy as np

from ..runtime.bundle.bundle import FRAME_GRAPH, TEXT_GRAPH, TOKENIZER, Bundle
from ..runtime.terminal.progress import bar
from .random_bundles import FRAMES, SMALLEST, export_random
from .tools.command import benchmark, rounds_option, threads_option
from .tools.tables import markdown
from .tools.timing import machine, time_frame_graphs

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
class Options:
    backbones: tuple[str, ...] = BACKBONES
    rounds: int = 30
    threads: int = 2


QUICK = Options(backbones=(SMALLEST,), rounds=2)


@dataclass(frozen=True, kw_only=True)
class Backbone:
    name: str
    image_px: int
    vision_millions: float  # parameters of the frame encoder, branches merged
    total_millions: float  # the same with the text encoder
    gmac: float  # billions of multiply-adds per frame (matrix products and convolutions)
    frame_mib: float  # the fp16 bundle without the text encoder
    bundle_mib: float  # the whole fp16 bundle
    frame_ms: float = float("nan")  # the fp32 frame graph at batch 1, median


@benchmark(usual=Options(), quick=QUICK)
@cloup.option(
    "--backbone", "backbones", multiple=True, metavar="NAME", show_default="those of the docs",
    help="Measure this network of open_clip (repeatable).",
)  # fmt: skip
@rounds_option(Options.rounds, QUICK.rounds)
@threads_option()
def main(options: Options) -> None:
    """Export each backbone with random weights, time it, and print a Markdown table."""
    click.echo(table(measure(options)))
    click.echo(f"\n{machine()}; ms: ONNX Runtime, fp32, batch 1, {options.threads} threads, median")


def measure(options: Options) -> list[Backbone]:
    names, rounds = options.backbones, options.rounds
    with tempfile.TemporaryDirectory() as folder, bar() as progress:
        task = progress.add_task("", total=len(names) * (1 + rounds))
        rows = []
        for name in names:
            progress.update(task, description=f"exporting {name}")
            rows.append(export(name, Path(folder)))
            progress.advance(task)
        progress.update(task, description="timing")
        graphs = [Path(folder) / name / FRAME_GRAPH for name in names]
        times = time_frame_graphs(
            graphs, rounds, threads=options.threads, after_each=lambda: progress.advance(task)
        )
    medians = np.median(times, axis=0).tolist()
    return [replace(row, frame_ms=ms) for row, ms in zip(rows, medians, strict=True)]


def export(name: str, folder: Path) -> Backbone:
    """Export a backbone into `folder`, and keep only the fp32 frame graph."""
    from ..export.folding import folded_for_inference

    network = export_random(name, folder)
    sizes = fp16_sizes(folder / name, network)
    folded = folded_for_inference(network)
    vision, text = _millions(folded.visual), _millions(network.text)
    return Backbone(
        name=name,
        image_px=network.config.vision.image_px,
        vision_millions=vision,
        total_millions=vision + text,
        gmac=count_gmac(folded),
        frame_mib=sum(sizes.values()) - sizes[TEXT_GRAPH] - sizes[TOKENIZER],
        bundle_mib=sum(sizes.values()),
    )


def fp16_sizes(folder: Path, network: "STZSAR") -> dict[str, float]:
    """Convert the graphs of an fp32 bundle to fp16; return the MiB of each file.

    The fp16 graphs are compared with torch and deleted; the fp32 text graph is deleted too.
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
    """Return the billions of multiply-adds per frame."""
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    from ..models.transformer import write_out_attention

    write_out_attention(network.visual)  # FlopCounterMode misses some fused kernels
    size = network.config.vision.image_px
    counter = FlopCounterMode(display=False)
    with counter:  # with gradients: without, its hooks fail on PE-Core's views (torch 2.14)
        network.visual(torch.zeros(1, size, size, 3, dtype=torch.uint8))
    return counter.get_total_flops() / 2 / 1e9


def table(rows: Sequence[Backbone]) -> str:
    columns = ("backbone", "px", "parameters, M: vision / all", "GMAC per frame",
               "fp16 bundle, MiB: without text / all", "ms per frame")  # fmt: skip
    cells = (
        (row.name, row.image_px, f"{row.vision_millions:.1f} / {row.total_millions:.1f}",
         f"{row.gmac:.1f}", f"{row.frame_mib:.0f} / {row.bundle_mib:.0f}", f"{row.frame_ms:.0f}")
        for row in rows
    )  # fmt: skip
    return markdown(columns, cells)


def _millions(module: "nn.Module") -> float:
    return sum(parameter.numel() for parameter in module.parameters()) / 1e6


if __name__ == "__main__":
    main()
