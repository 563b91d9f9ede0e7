"""stzsar-train: from clips to a checkpoint."""

import dataclasses
import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import cloup
from click.core import ParameterSource

from ..runtime.commandline import at_the_edge, console
from ..runtime.errors import StzsarError

if TYPE_CHECKING:
    from ..models.stzsar import STZSAR
    from ..runtime.manifest import WeightsOrigin
    from .config import TrainConfig
    from .data import ClipDataset
    from .run_folder import RunFolder
    from .videos import VideoFile

_COUNT = click.IntRange(min=1)
_ABOVE_ZERO = click.FloatRange(min=0, min_open=True)
# Repeated from models.config and train.precision: --help must not wait for torch.
_INTERACTIONS = ("product", "residual", "off", "mean")
_EXAMPLE = """\b
Examples:
  stzsar-train
      trains the small network on MovingShapes, about half an hour on two CPU cores
  stzsar-train --data videos/ --backbone ViT-B-16 --pretrained openai --steps 5000
      trains CLIP with the interaction head on videos/<class>/<clip>.mp4
  stzsar-train --resume
      goes on with the newest run under runs/
"""


@cloup.command(epilog=_EXAMPLE)
@cloup.option_group(
    "Data",
    cloup.option(
        "--data",
        metavar="PATH",
        help="moving-shapes (default), a folder of class/clip.mp4, or a CSV of path,label.",
    ),
    cloup.option(
        "--setting",
        type=click.Choice(["plain", "hard", "mixed"]),
        help="Of MovingShapes; mixed (default) is half of each.",
    ),
    cloup.option(
        "--labels",
        metavar="FILE",
        type=click.Path(),
        help="JSON list of {label, attributes}; without it a name is its own attribute.",
    ),
    cloup.option("--frames", metavar="N", type=_COUNT, help="Frames of a clip (default 8)."),
    cloup.option(
        "--rate",
        "rate_fps",
        metavar="FPS",
        type=_ABOVE_ZERO,
        help="Frames a second that the runtime shall sample (default 4).",
    ),
)
@cloup.option_group(
    "Network",
    cloup.option(
        "--backbone",
        metavar="NAME",
        help="small, from scratch at 64 px (default on MovingShapes), or a ViT of open_clip "
        "(default ViT-B-32).",
    ),
    cloup.option(
        "--pretrained",
        metavar="TAG|FILE|none",
        help="Weights of the backbone: openai (default), another tag of open_clip, a file, "
        "or none.",
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
        "--steps", metavar="N", type=_COUNT, help="Optimiser steps (default 1000, 5000 over CLIP)."
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
        "--seed", metavar="N", type=int, help="Of weights, clips and their order (default 0)."
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
        type=click.Path(path_type=Path),
        is_flag=False,
        flag_value=Path(),
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
    context: click.Context, output: Path | None, resume: Path | None, device: str, **options: Any
) -> None:
    """Train a network for zero-shot action recognition, and write checkpoints under runs/."""
    given = [name for name in options if _was_given(context, name)]
    if resume is not None and (given or output):
        raise StzsarError(
            "--resume goes on with the run as it was configured: leave out "
            f"--{(given or ['output'])[0].replace('_', '-')}, or start a new run with it."
        )
    _train(_resumed(resume) if resume is not None else _new(output, options), device)


def _was_given(context: click.Context, name: str) -> bool:
    return context.get_parameter_source(name) not in (None, ParameterSource.DEFAULT)


def _new(output: Path | None, options: dict[str, Any]) -> "tuple[TrainConfig, RunFolder]":
    from .config import recipe
    from .run_folder import RunFolder

    config = recipe(**options)
    name = f"{Path(config.data).stem}-{time.strftime('%Y%m%d-%H%M%S')}"
    run = RunFolder(output or Path("runs") / name)
    if run.path.exists() and any(run.path.iterdir()):
        raise StzsarError(
            f"{run.path} is not empty: take another --output, or --resume {run.path}."
        )
    return config, run


def _resumed(folder: Path) -> "tuple[TrainConfig, RunFolder]":
    from ..models.checkpoint import newest_checkpoint
    from .config import TrainConfig
    from .run_folder import RunFolder

    if folder == Path():
        newest = newest_checkpoint(Path("runs"))
        if newest is None:
            raise StzsarError(
                "There is no run under runs/ to go on with: start one without --resume."
            )
        folder = newest.parent.parent
    run = RunFolder(folder)
    config = TrainConfig.load(folder)
    if run.newest is None:
        console.print(f"{folder} has no checkpoint yet: it starts from the beginning.")
    return config, run


def _train(made: "tuple[TrainConfig, RunFolder]", device: str) -> None:
    import torch

    from .loop import Trainer

    config, run = made
    where = _device(device)
    torch.manual_seed(config.seed)
    clips = _find_clips(config)
    network, origin = _network(config)
    network.to(where)
    dataset = _dataset(config, clips, network.config.vision.image_px)
    run.path.mkdir(parents=True, exist_ok=True)
    config.save(run.path)
    millions = sum(p.numel() for p in network.parameters()) / 1e6
    console.print(
        f"Training {config.backbone} ({millions:.1f} M parameters, {where}) on {config.data}: "
        f"{len(dataset.labels)} classes. The run is {run.path}."
    )
    trainer = Trainer(
        config=config, dataset=dataset, network=network, origin=origin, run=run, device=where
    )
    last = trainer.train()
    if _is_moving_shapes(config):
        _test(network, run)
    console.print(f"The checkpoint is {last}. Export it: stzsar-export {last}")


def _is_moving_shapes(config: "TrainConfig") -> bool:
    from .config import MOVING_SHAPES

    return config.data == MOVING_SHAPES


def _device(name: str) -> Any:
    import torch

    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
        torch.zeros(1, device=device)
    except (RuntimeError, AssertionError) as error:
        reason = str(error).splitlines()[0].rstrip(".")
        raise StzsarError(f"--device {name} cannot be used: {reason}.") from error
    return device


def _network(config: "TrainConfig") -> "tuple[STZSAR, WeightsOrigin]":
    from ..models.config import HeadConfig, TemporalConfig, small_config
    from ..models.pretrained import load_clip
    from ..models.stzsar import STZSAR
    from ..runtime.manifest import WeightsOrigin
    from .config import SMALL
    from .moving_shapes import KNOWS

    knows = KNOWS if _is_moving_shapes(config) else f"the classes of {Path(config.data).name}"
    trained = f"stzsar-train on {Path(config.data).name}"
    switches = {"interaction": config.interaction, "projections": config.projections}
    if config.backbone == SMALL:
        base = small_config()
        network = STZSAR(
            dataclasses.replace(
                base,
                head=dataclasses.replace(base.head, **switches),
                vision=dataclasses.replace(base.vision, patch_path=config.patch_path),
                temporal=base.temporal if config.temporal else None,
            )
        )
        return network, WeightsOrigin(source=f"small network, {trained}", knows=knows)
    network, origin = load_clip(
        config.backbone,
        config.pretrained,
        head=HeadConfig(**switches),
        temporal=TemporalConfig() if config.temporal else None,
        patch_path=config.patch_path,
    )
    return network, WeightsOrigin(source=f"{origin.source}, {trained}", knows=knows)


def _find_clips(config: "TrainConfig") -> "list[VideoFile]":
    """List the files before a network is loaded: a wrong path is answered at once."""
    from .videos import find_videos

    return [] if _is_moving_shapes(config) else find_videos(Path(config.data))


def _dataset(config: "TrainConfig", files: "list[VideoFile]", size_px: int) -> "ClipDataset":
    from ..runtime.labels import as_labels, read_labels
    from .moving_shapes import SAMPLING, SIZE_PX, MovingShapes
    from .videos import VideoFiles

    if files:
        names = sorted({file.label for file in files})
        labels = read_labels(Path(config.labels)) if config.labels else as_labels(names)
        return VideoFiles(files, labels, frames=config.frames, size_px=size_px)
    if (config.frames, config.rate_fps) != (SAMPLING.frames, SAMPLING.rate_fps) or config.labels:
        raise StzsarError(
            f"MovingShapes has {SAMPLING.frames} frames at {SAMPLING.rate_fps:g} a second and its "
            "own labels: leave out --frames, --rate and --labels, or give --data."
        )
    if size_px != SIZE_PX:
        raise StzsarError(
            f"MovingShapes is drawn at {SIZE_PX} px and this backbone takes {size_px} px: leave "
            "out --backbone, or give --data."
        )
    return MovingShapes("train", config.setting, seed=config.seed)


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
