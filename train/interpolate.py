"""Writes checkpoints between a tuned network and the CLIP that it started from."""

import copy
import dataclasses
import os
from dataclasses import dataclass
from pathlib import Path

from ..models.checkpoint import (
    Checkpoint,
    find_checkpoint,
    load_checkpoint,
    read_checkpoint,
    save_checkpoint,
)
from ..models.interpolation import check_related, interpolate_weights
from ..models.pretrained import load_original
from ..models.stzsar import STZSAR
from ..runtime.atomic import remove_leftovers, written_whole
from ..runtime.bundle.bundle import RUNS
from ..runtime.bundle.manifest import WeightsOrigin
from ..runtime.errors import StzsarError
from ..runtime.terminal.commandline import console, say
from ..runtime.terminal.signals import StopSignals
from .config import CONFIG, SMALL, TrainConfig
from .loop.run_folder import newest_trained_run, run_of


@dataclass(frozen=True, kw_only=True)
class InterpolateOptions:
    """Which checkpoints to write.

    Raises:
        StzsarError: a share is not between 0 and 1, or given twice.
    """

    # The folder of a run or of a checkpoint; None is the last trained run
    checkpoint: Path | None = None
    # Of the tuned weights, from 0, the original, to 1, the tuned network
    shares: tuple[float, ...] = (0.5,)
    # CLIP's weights, a tag or a file; None takes those that the run names
    original: str | None = None
    output: Path | None = None  # where RUN-share-X goes; None is beside the run

    def __post_init__(self) -> None:
        names = [f"{share:g}" for share in self.shares]
        for share, name in zip(self.shares, names, strict=True):
            if not 0 <= share <= 1:
                raise StzsarError(
                    f"--share {name} is not between 0, the original, and 1, the tuned network."
                )
            if names.count(name) > 1:
                raise StzsarError(f"--share {name} is given twice: leave one out.")


def interpolate(options: InterpolateOptions) -> tuple[Path, ...]:
    """Write one run with a checkpoint for each share, and return their folders.

    Raises:
        StzsarError: there is no run, no original, or something in the way.
    """
    run = options.checkpoint or newest_trained_run(RUNS)
    if run is None:
        raise StzsarError(
            "There is no run under runs/: train one with stzsar-train --backbone, or name one."
        )
    folder = find_checkpoint(run)
    home = run_of(folder)
    parent = Path(os.path.relpath(options.output or home.parent))
    targets = {share: parent / f"{home.name}-share-{share:g}" for share in options.shares}
    for target in targets.values():
        if target.exists():
            raise StzsarError(f"{target} already exists: remove it, or take another --output.")
    original = _original(home, read_checkpoint(folder), options.original)
    _write(folder, original, targets)
    written = tuple(targets.values())
    say(f"Test it: stzsar-eval {written[-1]} --data VIDEOS")
    return written


def _original(home: Path, tuned: Checkpoint, given: str | None) -> str:
    name = Path(os.path.relpath(home))
    if tuned.model.name == SMALL:
        raise StzsarError(
            f"{name} is the small network, which learned from scratch: name a run that was tuned "
            "from CLIP (stzsar-train --backbone)."
        )
    if given is None:
        if not (home / CONFIG).exists():
            raise StzsarError(
                f"{name} is not a run of stzsar-train and does not say which weights it started "
                "from: name them with --original."
            )
        given = TrainConfig.load(home).pretrained
    if given == "none":
        raise StzsarError(
            f"{name} started from random weights, which teach nothing: name a run that was tuned "
            "from CLIP, or CLIP's weights with --original."
        )
    return given


def _write(folder: Path, original: str, targets: dict[float, Path]) -> None:
    with console.status(f"loading {folder} and {original}"):
        checkpoint, tuned = load_checkpoint(folder)
        start = STZSAR(checkpoint.model, tuned.tokenizer_json)
        clip = load_original(start, original)
    check_related(start, tuned, clip.source)
    say(f"Mixing {folder} with {clip.source}.")
    if checkpoint.model.temporal is not None:
        say("The temporal transformer stays as trained: CLIP has none.")
    mixture = copy.deepcopy(tuned)
    with StopSignals() as signals:  # so that no signal leaves half a folder
        for share, target in targets.items():
            mixture.load_state_dict(interpolate_weights(start, tuned, share))
            # The bias of a mixture was not measured.
            described = dataclasses.replace(
                checkpoint, origin=_origin(checkpoint, clip, share), seen_bias=None
            )
            remove_leftovers(target)
            # Laid out as a run, so that stzsar-eval and stzsar-export take its name.
            with written_whole(target) as staging:
                inner = staging / "checkpoints" / f"step-{checkpoint.step:06d}"
                inner.mkdir(parents=True)
                save_checkpoint(inner, described, mixture)
            say(f"{target} has {share:g} of the tuned weights.")
            signals.check()


def _origin(checkpoint: Checkpoint, clip: WeightsOrigin, share: float) -> WeightsOrigin:
    tuned = checkpoint.origin
    knows = f"{tuned.knows}, and what CLIP knows of single frames"
    if share == 1:
        knows = tuned.knows
    elif share == 0 and checkpoint.model.temporal is None:
        knows = clip.knows
    source = f"{share:g} of ({tuned.source}) and {1 - share:g} of ({clip.source})"
    return WeightsOrigin(source=source, knows=knows)
