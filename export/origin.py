"""What to export: the network of a checkpoint, or CLIP with an untrained head."""

import os
from dataclasses import dataclass
from pathlib import Path

from ..models.checkpoint import Checkpoint, find_checkpoint, load_checkpoint, newest_checkpoint
from ..models.config import HeadConfig
from ..models.pretrained import load_clip
from ..models.stzsar import STZSAR
from ..runtime.bundle.bundle import RUNS
from ..runtime.bundle.manifest import SamplingSpec
from ..runtime.errors import StzsarError
from ..runtime.labels.shipped import default_labels
from ..runtime.terminal.commandline import console, say
from .options import ClipOptions


@dataclass(frozen=True)
class Origin:
    """A network with its description, and the run's folder, where its bundles go."""

    checkpoint: Checkpoint
    network: STZSAR
    run: Path


def from_checkpoint(folder: Path | None) -> Origin:
    """Load the checkpoint or run in `folder`, or the newest checkpoint under runs/.

    Raises:
        StzsarError: there is no checkpoint, or it cannot be used.
    """
    if folder is None:
        found = newest_checkpoint(RUNS)
        if found is None:
            raise StzsarError(
                "There is no checkpoint under runs/. Train one with stzsar-train, or export CLIP "
                "itself with --backbone ViT-B-32 --pretrained openai."
            )
        say(f"Exporting the newest checkpoint, {found}.")
    else:
        found = find_checkpoint(folder)
        if found != folder:
            say(f"Exporting {found}.")
    checkpoint, network = load_checkpoint(found)
    # A run's checkpoints are in runs/<run>/checkpoints/<step>.
    path = Path(os.path.relpath(found.resolve()))
    in_run = path.parent.name == "checkpoints"
    return Origin(checkpoint, network, path.parent.parent if in_run else RUNS / path.name)


def from_clip(options: ClipOptions) -> Origin:
    """Load CLIP's towers, with Kinetics-400's names as labels.

    Raises:
        StzsarError: open_clip does not have the backbone, or its weights cannot be used.
    """
    backbone, pretrained = options.backbone, options.pretrained
    with console.status(f"loading {backbone} ({pretrained})"):
        network, origin = load_clip(
            backbone,
            pretrained,
            head=HeadConfig(
                interaction=options.interaction,
                frame_weights=options.frame_weights or "saliency",
            ),
            patch_path=options.patch_path or "block",
            tokenizer=options.tokenizer,
        )
    checkpoint = Checkpoint(
        model=network.config,
        labels=default_labels(),
        sampling=SamplingSpec(frames=8, rate_fps=4.0),
        origin=origin,
        step=0,
    )
    say(f"Exporting {origin.source}. It knows {origin.knows}.")
    return Origin(checkpoint, network, RUNS / f"{backbone}-{Path(pretrained).stem}")
