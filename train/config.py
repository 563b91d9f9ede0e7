"""Everything that a training run depends on, as one frozen type that is kept beside its weights."""

import dataclasses
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..models.config import Interaction, PatchPath
from ..runtime.atomic import write_file
from ..runtime.errors import BundleError, StzsarError
from .data.moving_shapes import Setting

MOVING_SHAPES = "moving-shapes"
SMALL = "small"
CONFIG = "config.json"
# Steps of warm-up; a short run has a tenth of its steps instead.
_WARMUP, _CLIP_WARMUP = 50, 500


@dataclass(frozen=True, kw_only=True)
class TrainConfig:
    """A run. With one thread, equal configurations give equal losses on the same machine.

    Attributes:
        data: "moving-shapes", a folder of clips, or a CSV of `path,label`.
        lists: the folder of official split files, or one list of clips; None takes all of `data`.
        split: which split of them; None is the first.
        classes: the file that names the numbers of a list.
        shots: clips of each class; None takes all.
        allow_missing: whether to go on where clips are missing.
        setting: of MovingShapes: plain, hard, or mixed, which begins plain and grows to half hard.
        labels: a JSON or text file with the classes' attributes; None takes the names.
        attributes: whether names without attributes get those that ship for them.
        augment: whether clips are cropped at random, mirrored and made grey.
        flip, grey: probabilities that they are mirrored and made grey, if `augment`.
        backbone: "small" (from scratch), or one of open_clip.
        pretrained: open_clip's tag, a file, or "none".
        tokenizer: the file of a backbone that has not CLIP's; None downloads it.
        interaction, patch_path, projections: the head's switches, see `models.config`.
        temporal: whether the temporal transformer is on.
        train_text: whether the text tower learns too.
        frames, rate_fps: of a window.
        steps, batch: optimiser steps, and clips in each, of all processes together.
        learning_rate: peak, of the new parts.
        clip_learning_rate: peak, of CLIP's towers.
        weight_decay: of matrices; vectors and scalars have none.
        beta2: AdamW's, of the squared gradients.
        warmup_steps: linear, then a cosine to zero.
        accumulate: parts of a step, one after the other, each with a loss over its own clips.
        ema: decay of the moving average of the weights that is kept; 0 keeps the weights.
        checkpoint_activations: whether blocks keep little and are computed twice.
        validate: clips as in `data`, classified while training goes on, or None.
        validate_labels: a file with attributes of their classes, or None.
        validate_every: steps between.
        precision: "fp32", "bf16", "fp16", or "auto": the best that the device has.
        workers: processes that make clips.
        checkpoint_every: steps between checkpoints.
        seed: of weights, data and order.
    """

    data: str = MOVING_SHAPES
    lists: str | None = None
    split: int | None = None
    classes: str | None = None
    shots: int | None = None
    allow_missing: bool = False
    setting: Setting = "mixed"
    labels: str | None = None
    attributes: bool = False
    augment: bool = False
    flip: float = 0.5
    grey: float = 0.2
    backbone: str = SMALL
    pretrained: str = "none"
    tokenizer: str | None = None
    interaction: Interaction = "product"
    patch_path: PatchPath = "block"
    projections: bool = False
    temporal: bool = True
    train_text: bool = True
    frames: int = 8
    rate_fps: float = 4.0
    steps: int = 3600
    batch: int = 48
    learning_rate: float = 1e-3
    clip_learning_rate: float = 1e-3
    weight_decay: float = 0.05
    beta2: float = 0.98
    warmup_steps: int = _WARMUP
    accumulate: int = 1
    ema: float = 0.0
    checkpoint_activations: bool = False
    validate: str | None = None
    validate_labels: str | None = None
    validate_every: int = 500
    precision: str = "auto"
    workers: int = 1
    checkpoint_every: int = 100
    seed: int = 0

    @property
    def is_moving_shapes(self) -> bool:
        """Whether the clips are generated."""
        return self.data == MOVING_SHAPES

    @property
    def data_name(self) -> str:
        """The data's name, without its folder."""
        return Path(self.data).resolve().stem

    def save(self, folder: Path) -> None:
        """Write the configuration into a run's folder."""
        write_file(folder / CONFIG, json.dumps(dataclasses.asdict(self), indent=1) + "\n")

    @classmethod
    def load(cls, folder: Path) -> "TrainConfig":
        """Read a run's configuration.

        Raises:
            BundleError: the folder is no run of stzsar-train.
        """
        try:
            return cls(**json.loads((folder / CONFIG).read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError) as error:
            raise BundleError(f"{folder} is not a run of stzsar-train: {error}.") from error


def recipe(**chosen: Any) -> TrainConfig:
    """Return the defaults that suit the data and backbone, changed by what is `chosen`.

    Clips of files are augmented, and classes that are known by name get their attributes. From
    scratch, everything learns at one rate. CLIP's towers learn a tenth as fast as the new
    parts, with the text tower frozen and no temporal transformer, as the papers of the family do.

    Raises:
        StzsarError: the warm-up that is chosen does not end within the run.
    """
    chosen = {name: value for name, value in chosen.items() if value is not None}
    data = chosen.get("data", MOVING_SHAPES)
    backbone = chosen.setdefault("backbone", SMALL if data == MOVING_SHAPES else "ViT-B-32")
    if data != MOVING_SHAPES:
        chosen = {"attributes": True, "augment": True, **chosen}
    if backbone == SMALL:
        if "learning_rate" in chosen:
            chosen.setdefault("clip_learning_rate", chosen["learning_rate"])
        return _warmed_up(chosen, _WARMUP)
    clip = {
        "pretrained": "openai",
        "interaction": "residual",
        "temporal": False,
        "train_text": False,
        "steps": 5000,
        "batch": 32,
        "learning_rate": 5e-5,
        "clip_learning_rate": 5e-6,
        "weight_decay": 0.2,
        "beta2": 0.999,
    }
    return _warmed_up({**clip, **chosen}, _CLIP_WARMUP)


def _warmed_up(chosen: dict[str, Any], usual: int) -> TrainConfig:
    """Return the configuration, whose rates reach their peaks within the run."""
    config = TrainConfig(**chosen)
    if "warmup_steps" not in chosen:
        return dataclasses.replace(config, warmup_steps=min(usual, config.steps // 10))
    if config.warmup_steps >= config.steps:
        raise StzsarError(
            f"--warmup-steps {config.warmup_steps} does not end within {config.steps} steps, so "
            "that no rate reaches its peak: give fewer, or more --steps."
        )
    return config
