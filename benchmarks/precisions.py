"""python -m stzsar.benchmarks.precisions: one network in fp32, fp16 and int8.

Each precision is made as `stzsar-export` makes it, compared with torch by the same parity check,
and timed whether it passes or not.
"""

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import click
import cloup
import numpy as np

from ..runtime.bundle.bundle import FRAME_GRAPH, RUNS
from ..runtime.bundle.manifest import PRECISIONS
from ..runtime.errors import ParityError, StzsarError
from ..runtime.terminal.progress import bar
from .random_bundles import SMALLEST, register_smallest
from .tools.command import benchmark, rounds_option, threads_option
from .tools.tables import markdown
from .tools.timing import machine, time_frame_graphs

if TYPE_CHECKING:
    from ..export.write_bundle import BundleRequest
    from ..models.checkpoint import Checkpoint
    from ..models.stzsar import STZSAR

_LABELS = 64  # as many as the parity check uses


@dataclass(frozen=True, kw_only=True)
class Options:
    checkpoint: Path | None = None  # folder of a checkpoint or a run
    backbone: str | None = None  # of open_clip, with random weights, instead of a checkpoint
    calibration: str | None = None  # videos that int8 is calibrated on; None takes the sample clip
    newest: bool = True  # without these, whether to take the newest checkpoint under runs/
    fallback: str = "ViT-B-32"  # without any checkpoint, the network with random weights
    precisions: tuple[str, ...] = PRECISIONS
    rounds: int = 30
    threads: int = 2

    def __post_init__(self) -> None:
        if self.checkpoint and self.backbone:
            raise StzsarError(
                f"CHECKPOINT {self.checkpoint} and --backbone {self.backbone} exclude each other: "
                "leave one out."
            )


QUICK = Options(newest=False, fallback=SMALLEST, precisions=("fp32", "int8"), rounds=2)


@dataclass(frozen=True, kw_only=True)
class Precision:
    name: str
    graph_mib: float
    relative: float  # largest difference between a frame state and torch's, over the largest value
    cosine: float  # smallest cosine between an output and torch's, over all windows and both graphs
    scores: float  # largest difference between a score and torch's, from pixels to scores
    refused: str  # why the parity check fails; empty if it passes
    frame_ms: float = float("nan")  # median time of the frame graph at batch 1
    ratio: float = float("nan")  # of its time to the first precision's, median of the rounds


@benchmark(usual=Options(), quick=QUICK)
@cloup.argument(
    "checkpoint", required=False, type=click.Path(path_type=Path),
    help="Folder of a checkpoint or a run (default: the newest under runs/).",
)  # fmt: skip
@cloup.option(
    "--backbone", metavar="NAME", show_default="ViT-B-32 if there is no checkpoint",
    help="Measure this network of open_clip with random weights.",
)  # fmt: skip
@cloup.option(
    "--calibration", metavar="FILE|FOLDER", show_default="the sample clip",
    help="Calibrate int8 on these videos.",
)  # fmt: skip
@rounds_option(Options.rounds, QUICK.rounds)
@threads_option()
def main(options: Options) -> None:
    """Export one network in each precision, time it, and print a Markdown table."""
    checkpoint, network = open_network(options)
    requests = make_requests(checkpoint, network, options)
    rows = measure(requests, options)
    click.echo(table(rows))
    click.echo(
        f"\n{checkpoint.origin.source}; {machine()}; ms: batch 1, {options.threads} threads, median"
    )
    for request in requests:
        if request.calibration:
            click.echo(f"{request.precision}: calibrated on {request.calibration.source}.")
    for row in rows:
        if row.refused:
            click.echo(f"{row.name} is refused: {row.refused}")


def open_network(options: Options) -> "tuple[Checkpoint, STZSAR]":
    """Load the checkpoint, or build the backbone with random weights."""
    import torch

    from ..export.options import ClipOptions
    from ..export.origin import from_checkpoint, from_clip
    from ..models.checkpoint import newest_checkpoint

    checkpoint, backbone = options.checkpoint, options.backbone
    if checkpoint is None and backbone is None and options.newest:
        checkpoint = newest_checkpoint(RUNS)
    if checkpoint:
        origin = from_checkpoint(checkpoint)
        return origin.checkpoint, origin.network
    backbone = backbone or options.fallback
    if backbone == SMALLEST:
        register_smallest()
    torch.manual_seed(0)
    origin = from_clip(ClipOptions(backbone=backbone, pretrained="none"))
    return origin.checkpoint, origin.network


def make_requests(
    checkpoint: "Checkpoint", network: "STZSAR", options: Options
) -> "list[BundleRequest]":
    """Return what to export, in the order of `options.precisions`."""
    from ..export.calibration import calibration_files, read_calibration
    from ..export.write_bundle import BundleRequest

    size_px = checkpoint.model.vision.image_px
    frames = read_calibration(calibration_files(options.calibration), size_px=size_px)
    return [
        BundleRequest(
            network=network,
            labels=checkpoint.labels[:_LABELS],
            sampling=checkpoint.sampling,
            origin=checkpoint.origin,
            precision=precision,
            text_encoder=False,
            calibration=frames if precision == "int8" else None,
        )
        for precision in options.precisions
    ]


def measure(requests: "Sequence[BundleRequest]", options: Options) -> list[Precision]:
    with tempfile.TemporaryDirectory() as folder, bar() as progress:
        task = progress.add_task("", total=len(requests) * (1 + options.rounds))
        rows = []
        for request in requests:
            progress.update(task, description=f"exporting {request.precision}")
            rows.append(export(request, Path(folder) / request.precision))
            progress.advance(task)
        progress.update(task, description="timing")
        times = time_frame_graphs(
            [Path(folder) / request.precision / FRAME_GRAPH for request in requests],
            options.rounds,
            threads=options.threads,
            after_each=lambda: progress.advance(task),
        )
    medians, ratios = np.median(times, axis=0), np.median(times / times[:, :1], axis=0)
    return [
        replace(row, frame_ms=float(ms), ratio=float(ratio))
        for row, ms, ratio in zip(rows, medians, ratios, strict=True)
    ]


def export(request: "BundleRequest", folder: Path) -> Precision:
    """Write the graphs into `folder`, and compare them with torch."""
    from ..export.parity import END_TO_END
    from ..export.write_bundle import compare_graphs, write_graphs
    from ..models.label_texts import embed_labels

    folder.mkdir()
    write_graphs(request, folder)
    report = compare_graphs(request, folder, embed_labels(request.network, request.labels))
    differences = report.differences
    try:
        report.check()
        refused = ""
    except ParityError as error:
        refused = str(error)
    return Precision(
        name=request.precision,
        graph_mib=(folder / FRAME_GRAPH).stat().st_size / 2**20,
        relative=max(d.relative for name, d in differences.items() if name.startswith("frame.")),
        cosine=min(d.cosine for name, d in differences.items() if not name.endswith(".scores")),
        scores=differences[f"{END_TO_END}.scores"].absolute,
        refused=refused,
    )


def table(rows: Sequence[Precision]) -> str:
    columns = ("precision", "frame.onnx, MiB", "ms per frame", "to fp32", "relative error of "
               "frame states", "smallest cosine", "error of scores", "parity")  # fmt: skip
    cells = (
        (row.name, f"{row.graph_mib:.1f}", f"{row.frame_ms:.1f}", f"{row.ratio:.2f}",
         f"{row.relative:.1e}", f"{row.cosine:.5f}", f"{row.scores:.1e}",
         "refused" if row.refused else "passed")
        for row in rows
    )  # fmt: skip
    return markdown(columns, cells)


if __name__ == "__main__":
    main()
