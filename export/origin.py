"""What is exported: the network of a checkpoint, or CLIP's own with an untrained head."""

import os
from pathlib import Path
from typing import TYPE_CHECKING

from ..runtime.bundle.bundle import RUNS
from ..runtime.errors import StzsarError
from ..runtime.terminal.commandline import console, say

if TYPE_CHECKING:
    from ..models.checkpoint import Checkpoint
    from ..models.config import Interaction, PatchPath
    from ..models.stzsar import STZSAR


def from_checkpoint(folder: Path | None) -> "tuple[Checkpoint, STZSAR, Path]":
    """Load a checkpoint.

    Args:
        folder: of a checkpoint or of a run; the newest under runs/ if None.

    Returns:
        The checkpoint, its network, and the run's folder, in which its bundles belong.

    Raises:
        StzsarError: there is none, or it cannot be used.
    """
    from ..models.checkpoint import find_checkpoint, load_checkpoint, newest_checkpoint

    if folder is None:
        folder = newest_checkpoint(RUNS)
        if folder is None:
            raise StzsarError(
                "There is no checkpoint under runs/: train one with stzsar-train, or export CLIP "
                "itself with --backbone ViT-B-32 --pretrained openai."
            )
        say(f"Exporting the newest checkpoint, {folder}.")
    else:
        named, folder = folder, find_checkpoint(folder)
        if folder != named:
            say(f"Exporting {folder}.")
    checkpoint, network = load_checkpoint(folder)
    # A run's checkpoints lie in runs/<run>/checkpoints/<step>; others stay by themselves.
    whole = Path(os.path.relpath(folder.resolve()))
    in_run = whole.parent.name == "checkpoints"
    return checkpoint, network, whole.parent.parent if in_run else RUNS / whole.name


def from_clip(
    backbone: str,
    pretrained: str,
    *,
    interaction: "Interaction" = "residual",
    patch_path: "PatchPath" = "block",
    tokenizer: str | None = None,
) -> "tuple[Checkpoint, STZSAR, Path]":
    """Load CLIP's towers; see `models.pretrained.load_clip`.

    Args:
        backbone: a name of open_clip's.
        pretrained: a tag, a file, or "none".
        interaction: of the head.
        patch_path: of the frame encoder.
        tokenizer: the file of a SigLIP2 backbone.

    Returns:
        As `from_checkpoint`.

    Raises:
        StzsarError: there is no such backbone, or its weights cannot be used.
    """
    from ..models.checkpoint import Checkpoint
    from ..models.config import HeadConfig
    from ..models.pretrained import load_clip
    from ..runtime.bundle.manifest import SamplingSpec
    from ..runtime.labels.shipped import default_labels

    with console.status(f"loading {backbone} ({pretrained})"):
        network, origin = load_clip(
            backbone,
            pretrained,
            head=HeadConfig(interaction=interaction),
            patch_path=patch_path,
            tokenizer=tokenizer,
        )
    found = Checkpoint(
        model=network.config,
        labels=default_labels(),
        sampling=SamplingSpec(frames=8, rate_fps=4.0),
        origin=origin,
        step=0,
    )
    say(f"Exporting {origin.source}. It knows {origin.knows}.")
    return found, network, RUNS / f"{backbone}-{Path(pretrained).stem}"
