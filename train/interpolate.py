"""stzsar-train interpolate: checkpoints between the tuned network and CLIP."""

import copy
import dataclasses
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click
import cloup

from ..runtime.bundle.bundle import RUNS
from ..runtime.bundle.manifest import WeightsOrigin
from ..runtime.errors import StzsarError
from ..runtime.terminal.commandline import at_the_edge, console, say

if TYPE_CHECKING:
    from ..models.checkpoint import Checkpoint

_PATH = click.Path(path_type=Path)
_EXAMPLE = """\b
Examples:
  stzsar-train interpolate runs/videos
      writes runs/videos-share-0.5, half tuned and half CLIP
  stzsar-train interpolate runs/videos --share 0.2 --share 0.5 --share 0.8
      writes three, to be compared with stzsar-eval on data that training did not see

The frame encoder, the text encoder (where it was trained), the logit scale, and the head's β and
ΔW, which are zero in CLIP, go towards CLIP's. A temporal transformer stays as trained.
"""


@cloup.command(name="interpolate", epilog=_EXAMPLE)
@cloup.argument(
    "checkpoint",
    required=False,
    type=_PATH,
    help="The folder of a run or of a checkpoint; the run under runs/ that was trained last if "
    "left out.",
)
@cloup.option(
    "--share",
    "shares",
    metavar="X",
    type=float,
    multiple=True,
    default=(0.5,),
    show_default=True,
    help="Share of the tuned weights: 0 is the original, 1 the tuned network. May be given "
    "several times.",
)
@cloup.option(
    "--original",
    metavar="TAG|FILE",
    help="CLIP's weights that training began with (default: what the run says).",
)
@cloup.option(
    "--output",
    metavar="FOLDER",
    type=_PATH,
    help="What is written goes there, as RUN-share-X (default: beside the run).",
)
@cloup.option("--debug", is_flag=True, help="Show tracebacks.")
@at_the_edge
def interpolate(
    checkpoint: Path | None, shares: Sequence[float], original: str | None, output: Path | None
) -> None:
    """Mix tuned weights with CLIP's own, which keeps more of what CLIP knew of other actions."""
    _check_shares(shares)
    from ..models.checkpoint import find_checkpoint, read_checkpoint
    from .loop.run_folder import newest_trained_run

    run = checkpoint or newest_trained_run(RUNS)
    if run is None:
        raise StzsarError(
            "There is no run under runs/: train one with stzsar-train --backbone, or name one."
        )
    folder = find_checkpoint(run)
    home = _home(folder)
    targets = {
        share: Path(os.path.relpath(output or home.parent)) / f"{home.name}-share-{share:g}"
        for share in shares
    }
    for target in targets.values():
        if target.exists():
            raise StzsarError(f"{target} is already there: remove it, or take another --output.")
    _write(folder, _began_with(home, read_checkpoint(folder), original), targets)
    say(f"Test it: stzsar-eval {list(targets.values())[-1]} --data VIDEOS")


def _check_shares(shares: Sequence[float]) -> None:
    for share in shares:
        if not 0 <= share <= 1:
            raise StzsarError(
                f"--share {share:g} is not between 0, the original, and 1, the tuned network."
            )
    names = [f"{share:g}" for share in shares]
    for name in names:
        if names.count(name) > 1:
            raise StzsarError(f"--share {name} is given twice: leave one out.")


def _home(folder: Path) -> Path:
    """Return the run of the checkpoint `folder`, or the folder itself if it lies in none."""
    whole = folder.resolve()
    return whole.parent.parent if whole.parent.name == "checkpoints" else whole


def _began_with(home: Path, found: "Checkpoint", original: str | None) -> str:
    """Return the tag or file of the weights that training began with.

    Raises:
        StzsarError: there are none, or nobody knows them.
    """
    from .config import CONFIG, SMALL, TrainConfig

    name = Path(os.path.relpath(home))
    if found.model.name == SMALL:
        raise StzsarError(
            f"{name} is the small network, which learned from scratch: name a run that was tuned "
            "from CLIP (stzsar-train --backbone)."
        )
    if original is None:
        if not (home / CONFIG).exists():
            raise StzsarError(
                f"{name} is not a run of stzsar-train, so that nobody knows the weights that it "
                "began with: name them by --original."
            )
        original = TrainConfig.load(home).pretrained
    if original == "none":
        raise StzsarError(
            f"{name} began with random weights, and mixing with those is of no use: name a run "
            "that was tuned from CLIP, or CLIP's weights by --original."
        )
    return original


def _write(folder: Path, pretrained: str, targets: dict[float, Path]) -> None:
    """Write a checkpoint for each share."""
    from ..models.checkpoint import load_checkpoint, save_checkpoint
    from ..models.interpolation import check_related, interpolate_weights
    from ..models.pretrained import load_original
    from ..models.stzsar import STZSAR
    from ..runtime.atomic import written_whole

    with console.status(f"loading {folder} and {pretrained}"):
        found, tuned = load_checkpoint(folder)
        start = STZSAR(found.model, tuned.tokenizer_json)
        clip = load_original(start, pretrained)
    check_related(start, tuned, clip.source)
    say(f"Mixing {folder} with {clip.source}.")
    if found.model.temporal is not None:
        say("The temporal transformer stays as trained: CLIP has none.")
    mixture = copy.deepcopy(tuned)
    for share, target in targets.items():
        mixture.load_state_dict(interpolate_weights(start, tuned, share))
        described = dataclasses.replace(found, origin=_origin(found, clip, share))
        # The form of a run, so that its name will do for stzsar-eval and stzsar-export.
        with written_whole(target) as staging:
            inner = staging / "checkpoints" / f"step-{found.step:06d}"
            inner.mkdir(parents=True)
            save_checkpoint(inner, described, mixture)
        say(f"{target} has {share:g} of the tuned weights.")


def _origin(found: "Checkpoint", clip: WeightsOrigin, share: float) -> WeightsOrigin:
    """Say what a mixture is made of, and what it knows."""
    tuned = found.origin
    knows = f"{tuned.knows}, and what CLIP knows of single frames"
    if share == 1:
        knows = tuned.knows
    elif share == 0 and found.model.temporal is None:
        knows = clip.knows
    source = f"{share:g} of ({tuned.source}) and {1 - share:g} of ({clip.source})"
    return WeightsOrigin(source=source, knows=knows)
