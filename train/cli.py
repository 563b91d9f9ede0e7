"""stzsar-train: from clips to a checkpoint."""

from pathlib import Path
from typing import Any

import click
import cloup

from ..runtime.errors import StzsarError
from ..runtime.terminal.commandline import at_the_edge
from ..runtime.terminal.subcommand import with_subcommand
from .cli_options import NEWEST, train_options
from .config import MOVING_SHAPES, SMALL, FineTuning, TrainConfig
from .idle_options import refuse_idle_options
from .options import ResumeOptions, TrainOptions

# What --resume takes too: files may have moved, and another machine may have less memory.
_RESUMABLE = ("data", "lists", "classes", "labels", "validate", "validate_labels", "workers")
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
  stzsar-train --resume runs/videos --data /mnt/videos
      goes on with a run whose clips were moved
  stzsar-train --from runs/k400 --data UCF-101/ --lists ucfTrainTestlist/ --shots 16
      trains the network of another run further, here with few clips
  stzsar-train interpolate runs/videos --share 0.5
      mixes the tuned weights with CLIP's own, into runs/videos-share-0.5
  torchrun --standalone --nproc-per-node 2 -m stzsar.train.cli --data videos/
      trains on two GPUs, or in two processes where there is none
"""


def _interpolate() -> click.Command:
    from .interpolate_cli import interpolate

    return interpolate


@cloup.command(cls=with_subcommand("interpolate", _interpolate), epilog=_EXAMPLE)
@train_options
@refuse_idle_options
@cloup.option("--debug", is_flag=True, help="Show tracebacks")
@click.version_option(package_name="stzsar")
@click.pass_context
@at_the_edge
def main(
    context: click.Context, output: Path | None, resume: str | None, device: str, **options: Any
) -> None:
    """Train a network for zero-shot action recognition, and write checkpoints under runs/."""
    from .run import train

    given = {name: value for name, value in options.items() if value is not None}
    if resume is None:
        train(TrainOptions(config=_configuration(**given), output=output, device=device))
        return
    changed = {name: given.pop(name) for name in _RESUMABLE if name in given}
    if given or output:
        name = next(iter(given), "output")
        flag = next(param.opts[0] for param in context.command.params if param.name == name)
        raise StzsarError(
            f"--resume goes on with the run as it was configured: leave out {flag}, or start a new "
            "run with it."
        )
    train(ResumeOptions(run=None if resume == NEWEST else Path(resume), device=device, **changed))


def _configuration(*, data: str = MOVING_SHAPES, **given: Any) -> TrainConfig:
    backbone = given.get("backbone", SMALL if data == MOVING_SHAPES else None)
    if "from_checkpoint" in given:
        from ..models.checkpoint import find_checkpoint, read_checkpoint

        backbone = read_checkpoint(find_checkpoint(Path(given["from_checkpoint"]))).model.name
    return TrainConfig(data=data, **given) if backbone == SMALL else FineTuning(data=data, **given)


if __name__ == "__main__":  # torchrun -m stzsar.train.cli
    main()
