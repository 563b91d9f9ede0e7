"""python -m stzsar.benchmarks.precisions: one network in fp32, fp16 and int8.

Each precision is made as `stzsar-export` makes it and judged by its gate, and is timed whether the
gate takes it or not.
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

from ..runtime.bundle.bundle import FRAME_GRAPH, RUNS
from ..runtime.bundle.manifest import PRECISIONS
from ..runtime.errors import ParityError, StzsarError
from ..runtime.terminal.commandline import at_the_edge
from .random_bundles import smallest_backbone
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
    from ..export.write_bundle import BundleRequest
    from ..models.checkpoint import Checkpoint
    from ..models.stzsar import STZSAR

_FALLBACK = "ViT-B-32"
_LABELS = 64  # as many as parity looks at


@dataclass(frozen=True, kw_only=True)
class Row:
    """One row of the table.

    Attributes:
        precision: of the frame graph.
        graph_mib: the size of frame.onnx.
        relative: the largest difference of a frame state from torch's, over its largest value.
        cosine: the smallest of the outputs' with torch's, over all windows and both graphs.
        scores: the largest difference of a score from torch's, from pixels to scores.
        refused: why the gate takes no such bundle; empty if it does.
        frame_ms: of the frame graph at batch 1, the median of all rounds.
        ratio: the median of the rounds' ratios to fp32.
    """

    precision: str
    graph_mib: float
    relative: float
    cosine: float
    scores: float
    refused: str
    frame_ms: float = float("nan")
    ratio: float = float("nan")


@cloup.command()
@cloup.argument(
    "checkpoint",
    required=False,
    type=click.Path(path_type=Path),
    help="The folder of a checkpoint or of a run; the newest under runs/ if left out.",
)
@cloup.option(
    "--backbone",
    metavar="NAME",
    help=f"One of open_clip's with random weights instead; {_FALLBACK} if there is no checkpoint.",
)
@cloup.option(
    "--calibration",
    metavar="FILE|FOLDER",
    help="Videos to calibrate int8 on (default: the sample clip that ships).",
)
@rounds_option
@threads_option
@quick_option
@cloup.option("--debug", is_flag=True, help="Show tracebacks.")
@at_the_edge
def main(
    *,
    checkpoint: Path | None,
    backbone: str | None,
    calibration: str | None,
    rounds: int | None,
    threads: int,
    quick: bool,
) -> None:
    """Export one network in each precision, time it, and print a Markdown table."""
    rounds = rounds_of(rounds, quick=quick)
    precisions = ("fp32", "int8") if quick else PRECISIONS
    with tempfile.TemporaryDirectory() as place, progress_bar() as bar:
        if quick and not (checkpoint or backbone):
            backbone = smallest_backbone(Path(place))
        found, network = _choose(checkpoint, backbone)
        task = bar.add_task("", total=len(precisions) + rounds)
        rows, wanted = [], requests(found, network, calibration, precisions)
        for request in wanted:
            bar.update(task, description=f"exporting {request.precision}")
            rows.append(export(request, Path(place) / request.precision))
            bar.advance(task)
        bar.update(task, description="timing")
        graphs = [Path(place) / name / FRAME_GRAPH for name in precisions]
        advance = functools.partial(bar.advance, task)
        times = time_in_turn(graphs, rounds=rounds, threads=threads, advance=advance)
    medians, ratios = np.median(times, axis=0), np.median(times / times[:, :1], axis=0)
    rows = [
        dataclasses.replace(row, frame_ms=float(ms), ratio=float(ratio))
        for row, ms, ratio in zip(rows, medians, ratios, strict=True)
    ]
    click.echo(table(rows))
    click.echo(f"\n{found.origin.source}; {machine()}; ms: batch 1, {threads} threads, median.")
    for request in wanted:
        if request.calibration:
            click.echo(f"{request.precision}: calibrated on {request.calibration.source}.")
    for row in rows:
        if row.refused:
            click.echo(f"{row.precision} is refused: {row.refused}")


def _choose(checkpoint: Path | None, backbone: str | None) -> "tuple[Checkpoint, STZSAR]":
    import torch

    from ..export.options import ClipOptions
    from ..export.origin import from_checkpoint, from_clip
    from ..models.checkpoint import newest_checkpoint

    if checkpoint and backbone:
        raise StzsarError(f"Give the checkpoint {checkpoint} or --backbone, not both.")
    torch.manual_seed(0)
    if backbone or (checkpoint is None and newest_checkpoint(RUNS) is None):
        clip = ClipOptions(backbone=backbone or _FALLBACK, pretrained="none")
        origin = from_clip(clip)
    else:
        origin = from_checkpoint(checkpoint)
    return origin.checkpoint, origin.network


def requests(
    found: "Checkpoint",
    network: "STZSAR",
    calibration: str | None,
    precisions: Sequence[str] = PRECISIONS,
) -> "list[BundleRequest]":
    """Return what is exported, in the order of `precisions`."""
    from ..export.calibration import calibration_files, read_calibration
    from ..export.write_bundle import BundleRequest

    size_px = found.model.vision.image_px
    frames = read_calibration(calibration_files(calibration), size_px=size_px)
    return [
        BundleRequest(
            network=network,
            labels=found.labels[:_LABELS],
            sampling=found.sampling,
            origin=found.origin,
            precision=precision,
            text_encoder=False,
            calibration=frames if precision == "int8" else None,
        )
        for precision in precisions
    ]


def export(request: "BundleRequest", folder: Path) -> Row:
    """Write the graphs of `request` into `folder`, and compare them with torch as the gate does."""
    from ..export.parity import END_TO_END
    from ..export.write_bundle import compare_graphs, write_graphs
    from ..models.label_texts import embed_labels

    folder.mkdir()
    write_graphs(request, folder)
    report = compare_graphs(request, folder, embed_labels(request.network, request.labels))
    found = report.differences
    try:
        report.check()
        refused = ""
    except ParityError as error:
        refused = str(error)
    return Row(
        precision=request.precision,
        graph_mib=(folder / FRAME_GRAPH).stat().st_size / 2**20,
        relative=max(found[name].relative for name in found if name.startswith("frame.")),
        cosine=min(found[name].cosine for name in found if not name.endswith(".scores")),
        scores=found[f"{END_TO_END}.scores"].absolute,
        refused=refused,
    )


def table(rows: Sequence[Row]) -> str:
    """Return the rows as Markdown."""
    lines = [
        "| precision | frame.onnx, MiB | ms a frame | to fp32 "
        "| relative difference of frame states | smallest cosine | difference of scores | gate |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        lines.append(
            f"| {row.precision} | {row.graph_mib:.1f} | {row.frame_ms:.1f} | {row.ratio:.2f} "
            f"| {row.relative:.1e} | {row.cosine:.5f} | {row.scores:.1e} "
            f"| {'refused' if row.refused else 'passed'} |"
        )
    return "\n".join(lines)


if __name__ == "__main__":
    main()
