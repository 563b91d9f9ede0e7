"""stzsar-train: from clips to a checkpoint."""

import dataclasses
import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import cloup
from click.core import ParameterSource

from ..runtime.commandline import at_the_edge, console, say
from ..runtime.errors import StzsarError
from .data_options import data_options, refuse_idle_data

if TYPE_CHECKING:
    from ..models.stzsar import STZSAR
    from .config import TrainConfig
    from .run_folder import RunFolder

_NEWEST = ""
_COUNT = click.IntRange(min=1)
_ABOVE_ZERO = click.FloatRange(min=0, min_open=True)
# Repeated from models.config and train.precision: --help must not wait for torch.
_INTERACTIONS = ("product", "residual", "off", "mean")
_EXAMPLE = """\b
Examples:
  stzsar-train
      trains the small network on MovingShapes, about 40 minutes on two CPU cores
  stzsar-train --data videos/ --backbone ViT-B-16 --pretrained openai --steps 5000
      trains CLIP with the interaction head on videos/<class>/<clip>.mp4
  stzsar-train --data UCF-101/ --lists ucfTrainTestlist/ --split 1 --shots 16
      takes 16 clips of each class from the training part of the first official split
  stzsar-train --resume
      goes on with the newest run under runs/
"""


@cloup.command(epilog=_EXAMPLE)
@data_options
@cloup.option_group(
    "Network",
    cloup.option(
        "--backbone",
        metavar="NAME",
        help="small, from scratch at 64 px (default on MovingShapes), or a backbone of open_clip: "
        "ViT-B-32 (default), MobileCLIP2-S0, …",
    ),
    cloup.option(
        "--pretrained",
        metavar="TAG|FILE|none",
        help="Weights of the backbone: openai (default), another tag of open_clip, a file, "
        "or none.",
    ),
    cloup.option(
        "--tokenizer",
        metavar="FILE",
        type=click.Path(),
        help="tokenizer.json of a SigLIP2 backbone (default: downloaded once).",
    ),
    cloup.option(
        "--interaction",
        type=click.Choice(_INTERACTIONS),
        help="How patches weigh a frame; mean is plain mean pooling "
        "(default product, residual over CLIP).",
    ),
    cloup.option(
        "--patch-path",
        type=click.Choice(["block", "value"]),
        help="Patches of the last block as they are (default), or its value path.",
    ),
    cloup.option(
        "--projections/--no-projections",
        default=None,
        help="Learned maps I + ΔW before the similarities (default off).",
    ),
    cloup.option(
        "--temporal/--no-temporal",
        default=None,
        help="Temporal transformer (default on from scratch, off over CLIP).",
    ),
    cloup.option(
        "--train-text/--no-train-text",
        default=None,
        help="Let the text tower learn (default from scratch only).",
    ),
)
@cloup.option_group(
    "Optimisation",
    cloup.option(
        "--steps", metavar="N", type=_COUNT, help="Optimiser steps (default 3600, 5000 over CLIP)."
    ),
    cloup.option(
        "--batch", metavar="N", type=_COUNT, help="Clips in a step (default 48, 32 over CLIP)."
    ),
    cloup.option(
        "--learning-rate", metavar="X", type=_ABOVE_ZERO, help="Peak rate of the new parts."
    ),
    cloup.option(
        "--clip-learning-rate", metavar="X", type=_ABOVE_ZERO, help="Peak rate of CLIP's towers."
    ),
    cloup.option(
        "--weight-decay", metavar="X", type=click.FloatRange(min=0), help="AdamW's, of matrices."
    ),
    cloup.option(
        "--warmup-steps",
        metavar="N",
        type=click.IntRange(min=0),
        help="Steps of linear warm-up before the cosine.",
    ),
    cloup.option(
        "--precision",
        type=click.Choice(["auto", "fp32", "bf16", "fp16"]),
        help="auto (default): bf16 or fp16 on a GPU, fp32 on a CPU.",
    ),
    cloup.option(
        "--seed",
        metavar="N",
        type=click.IntRange(0, 2**63 - 1),
        help="Of weights, clips and their order (default 0).",
    ),
)
@cloup.option_group(
    "Run",
    cloup.option(
        "--output",
        metavar="FOLDER",
        type=click.Path(path_type=Path),
        help="The run's folder (default runs/<data>-<date>).",
    ),
    cloup.option(
        "--resume",
        metavar="FOLDER",
        type=click.Path(),
        is_flag=False,
        flag_value=_NEWEST,
        help="Go on with a run as it was configured; the newest if no folder is given.",
    ),
    cloup.option(
        "--checkpoint-every",
        metavar="N",
        type=_COUNT,
        help="Steps between checkpoints (default 100).",
    ),
    cloup.option(
        "--workers",
        metavar="N",
        type=click.IntRange(min=0),
        help="Processes that make clips (default 1).",
    ),
    cloup.option(
        "--device",
        metavar="NAME",
        default="auto",
        show_default=True,
        help="cpu, cuda, cuda:1, …; auto takes a GPU if there is one.",
    ),
)
@cloup.option("--debug", is_flag=True, help="Show tracebacks.")
@click.version_option(package_name="stzsar")
@click.pass_context
@at_the_edge
def main(
    context: click.Context, output: Path | None, resume: str | None, device: str, **options: Any
) -> None:
    """Train a network for zero-shot action recognition, and write checkpoints under runs/."""
    if resume is None:
        _train(*_new(output, options), device)
        return
    changed = [
        flag for name, flag in _given(context).items() if name in options or name == "output"
    ]
    if changed:
        raise StzsarError(
            "--resume goes on with the run as it was configured: leave out "
            f"{changed[0]}, or start a new run with it."
        )
    _train(*_resumed(resume), device)


def _given(context: click.Context) -> dict[str, str]:
    """Return the options that stand on the command line, by name, as they are written there."""
    return {
        parameter.name: parameter.opts[0]
        for parameter in context.command.params
        if parameter.name
        and context.get_parameter_source(parameter.name) == ParameterSource.COMMANDLINE
    }


def _new(output: Path | None, options: dict[str, Any]) -> "tuple[TrainConfig, RunFolder]":
    from .config import recipe
    from .run_folder import RunFolder

    config = recipe(**options)
    _refuse_idle(config, options)
    name = f"{config.data_name}-{time.strftime('%Y%m%d-%H%M%S')}"
    run = RunFolder(output or Path("runs") / name)
    if run.path.exists() and any(run.path.iterdir()):
        raise StzsarError(
            f"{run.path} is not empty: take another --output, or --resume {run.path}."
        )
    return config, run


def _refuse_idle(config: "TrainConfig", options: dict[str, Any]) -> None:
    """An option that would do nothing is an error."""
    from .config import SMALL

    def given(*names: str) -> bool:
        return any(options[name] is not None for name in names)

    if config.backbone == SMALL and given("pretrained"):
        raise StzsarError("--pretrained goes with a --backbone of open_clip: small has no weights.")
    if config.backbone == SMALL and given("tokenizer"):
        raise StzsarError("--tokenizer goes with a --backbone of SigLIP2: small has CLIP's.")
    if config.is_moving_shapes and config.backbone != SMALL:
        raise StzsarError(
            f"MovingShapes is drawn at 64 px, which {config.backbone} does not take: leave out "
            "--backbone, or give --data."
        )
    refuse_idle_data(config, options)


def _resumed(name: str) -> "tuple[TrainConfig, RunFolder]":
    from ..models.checkpoint import newest_checkpoint
    from .config import TrainConfig
    from .run_folder import RunFolder

    folder = Path(name)
    if name == _NEWEST:
        newest = newest_checkpoint(Path("runs"))
        if newest is None:
            raise StzsarError(
                "There is no run under runs/ to go on with: start one without --resume."
            )
        folder = newest.parent.parent
    run = RunFolder(folder)
    config = TrainConfig.load(folder)
    if run.newest is None:
        say(f"{folder} has no checkpoint yet: it starts from the beginning.")
    return config, run


def _train(config: "TrainConfig", run: "RunFolder", device: str) -> None:
    import torch

    from .assemble import find_clips, find_device, make_dataset, make_network
    from .broken_files import BrokenFiles
    from .loop import Trainer
    from .precision import Precision
    from .videos import VideoFiles

    where = find_device(device)
    precision = Precision.choose(config.precision, where)
    torch.manual_seed(config.seed)
    clips = find_clips(config)
    network, origin = make_network(config)
    network.to(where)
    dataset = make_dataset(config, clips, network.config.vision.image_px)
    run.begin(config)
    if clips is not None:
        clips.record(run.path)
    # What gave no frames when the data were looked at is written down too.
    broken = dataset.broken if isinstance(dataset, VideoFiles) else BrokenFiles()
    broken.keep_in(run.path)
    millions = sum(p.numel() for p in network.parameters()) / 1e6
    say(
        f"Training {config.backbone} ({millions:.1f} M parameters, {where}) on {config.data}: "
        f"{clips or f'{len(dataset.labels)} classes'}. The run is {run.path}."
    )
    trainer = Trainer(
        config=config, dataset=dataset, network=network, origin=origin, run=run, precision=precision
    )
    last = trainer.train()
    if summary := broken.summary(len(dataset)):
        say(summary)
    if config.is_moving_shapes:
        _test(network, run)
    say(f"The checkpoint is {last}. Export it: stzsar-export {last}")


def _test(network: "STZSAR", run: "RunFolder") -> None:
    from rich.table import Table

    from .evaluate import evaluate_moving_shapes

    accuracies = evaluate_moving_shapes(network)
    table = Table("MovingShapes", "top-1", "top-5", "clips", "candidates")
    for name, found in accuracies.items():
        table.add_row(
            name, f"{found.top1:.1%}", f"{found.top5:.1%}", str(found.clips), str(found.candidates)
        )
    console.print(table)
    document = {name: dataclasses.asdict(found) for name, found in accuracies.items()}
    (run.path / "accuracy.json").write_text(json.dumps(document, indent=1) + "\n")
