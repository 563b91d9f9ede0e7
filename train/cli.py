"""stzsar-train: from clips to a checkpoint."""

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import cloup
from click.core import ParameterSource

from ..runtime.errors import StzsarError
from ..runtime.terminal.commandline import at_the_edge, say
from ..runtime.terminal.subcommand import with_subcommand
from .data_options import data_options, refuse_idle_data

if TYPE_CHECKING:
    from .config import TrainConfig
    from .loop.run_folder import RunFolder

_NEWEST = ""
_COUNT = click.IntRange(min=1)
_BELOW_ONE = click.FloatRange(0, 1, max_open=True)
_ABOVE_ZERO = click.FloatRange(min=0, min_open=True)
# Repeated from models.config and train.precision: --help must not wait for torch.
_INTERACTIONS = ("product", "residual", "off", "mean")
_WITHOUT_PATCHES = ("off", "mean")
_EXAMPLE = """\b
Examples:
  stzsar-train
      trains the small network on MovingShapes, about 40 minutes on two CPU cores
  stzsar-train --data videos/ --backbone ViT-B-16 --pretrained openai --output runs/videos
      trains CLIP with the interaction head on videos/<class>/<clip>.mp4
  stzsar-train --data UCF-101/ --lists ucfTrainTestlist/ --split 1 --shots 16
      takes 16 clips of each class from the training part of the first official split
  stzsar-train --resume
      goes on with the newest run under runs/
  stzsar-train interpolate runs/videos --share 0.5
      mixes the tuned weights with CLIP's own, into runs/videos-share-0.5
  torchrun --standalone --nproc-per-node 2 -m stzsar.train.cli --data videos/
      trains on two GPUs, or in two processes where there is none
"""


def _interpolate() -> click.Command:
    from .interpolate import interpolate

    return interpolate


@cloup.command(cls=with_subcommand("interpolate", _interpolate), epilog=_EXAMPLE)
@data_options
@cloup.option_group(
    "Validation",
    cloup.option(
        "--validate",
        metavar="PATH",
        help="A folder of class/clip.mp4 or a CSV to test on while training goes on: its own "
        "classes compete, which training need not have.",
    ),
    cloup.option(
        "--validate-labels",
        metavar="FILE",
        type=click.Path(),
        help="Attributes of those classes (default: of --labels, or those that ship).",
    ),
    cloup.option(
        "--validate-every",
        metavar="N",
        type=_COUNT,
        help="Steps between those tests (default 500); the last one is at the end.",
    ),
)
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
        "--batch",
        metavar="N",
        type=_COUNT,
        help="Clips in a step, of all processes together (default 48, 32 over CLIP).",
    ),
    cloup.option(
        "--accumulate",
        metavar="N",
        type=_COUNT,
        help="Parts of a step, one after the other, for less memory; the loss of each is over its "
        "own clips (default 1).",
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
        "--beta2",
        metavar="X",
        type=_BELOW_ONE,
        help="AdamW's, of squared gradients (default 0.98, 0.999 over CLIP).",
    ),
    cloup.option(
        "--warmup-steps",
        metavar="N",
        type=click.IntRange(min=0),
        help="Steps of linear warm-up before the cosine (default 50, 500 over CLIP; a tenth of "
        "--steps where that is less).",
    ),
    cloup.option(
        "--ema",
        metavar="X",
        type=_BELOW_ONE,
        help="Keep a moving average of the weights with this decay, 0.999 say (default 0: none).",
    ),
    cloup.option(
        "--checkpoint-activations/--no-checkpoint-activations",
        default=None,
        help="Compute blocks twice instead of keeping what their gradients need (default off).",
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
        help="cpu, cuda, cuda:1, …; auto takes a GPU if there is one. Under torchrun each process "
        "has its own.",
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
    from .loop.processes import joined
    from .run import run_training

    changed = [
        flag for name, flag in _given(context).items() if name in options or name == "output"
    ]
    with joined(device) as processes:
        config, run = processes.from_first(
            lambda: _new(output, options) if resume is None else _resumed(resume, changed)
        )
        run_training(config, run, processes)


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
    from .loop.run_folder import RunFolder

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
    if config.interaction in _WITHOUT_PATCHES and given("patch_path"):
        raise StzsarError(
            f"--patch-path is of patches, which --interaction {config.interaction} does not look "
            "at: leave it out."
        )
    if config.validate is None and given("validate_labels", "validate_every"):
        raise StzsarError("--validate-labels and --validate-every go with --validate: give it.")
    if config.is_moving_shapes and config.backbone != SMALL:
        raise StzsarError(
            f"MovingShapes is drawn at 64 px, which {config.backbone} does not take: leave out "
            "--backbone, or give --data."
        )
    refuse_idle_data(config, options)


def _resumed(name: str, changed: list[str]) -> "tuple[TrainConfig, RunFolder]":
    from .config import TrainConfig
    from .loop.run_folder import RunFolder, newest_run

    if changed:
        raise StzsarError(
            "--resume goes on with the run as it was configured: leave out "
            f"{changed[0]}, or start a new run with it."
        )
    folder = Path(name)
    if name == _NEWEST:
        newest = newest_run(Path("runs"))
        if newest is None:
            raise StzsarError(
                "There is no run under runs/ to go on with: start one without --resume."
            )
        folder = newest
    run = RunFolder(folder)
    config = TrainConfig.load(folder)
    if run.newest is None:
        say(f"{folder} has no checkpoint yet: it starts from the beginning.")
    return config, run


if __name__ == "__main__":  # torchrun -m stzsar.train.cli
    main()
