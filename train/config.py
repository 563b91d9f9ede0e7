"""What a training run depends on: one frozen type, stored as config.json beside the weights."""

import dataclasses
import functools
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, get_type_hints

from msgspec import Meta

from ..models.config import FrameWeights, Interaction, PatchPath
from ..runtime.atomic import write_file
from ..runtime.bundle.manifest import MAX_FRAMES, MAX_RATE_FPS
from ..runtime.documents import MIB, DocumentError, convert, from_json, read_file
from ..runtime.errors import BundleError, StzsarError
from ..runtime.labels.label_files import label_source

Setting = Literal["plain", "hard", "untrimmed", "mixed", "all"]
PrecisionName = Literal["auto", "fp32", "bf16", "fp16"]
Loss = Literal["cross-entropy", "kl"]

MOVING_SHAPES = "moving-shapes"
SMALL = "small"
CONFIG = "config.json"
# A run's folder may come from a stranger: nothing is so large that no machine could hold it.
_Number = Annotated[int, Meta(ge=1, le=10**9)]
_Count = Annotated[int, Meta(ge=0, le=10**9)]
_Few = Annotated[int, Meta(ge=1, le=10**6)]
_Rate = Annotated[float, Meta(gt=0, le=1e9)]
_Share = Annotated[float, Meta(ge=0, le=1)]
_Decay = Annotated[float, Meta(ge=0, lt=1)]
_Word = Annotated[str, Meta(max_length=4096, pattern=r"^[^\x00]*\Z")]
_LONG_STEPS = 400  # rehearsals of shorter runs would learn nothing


@dataclass(frozen=True, kw_only=True)
class TrainConfig:
    """A run that trains from scratch; `stzsar-train --help` explains the fields of these names.

    With one thread, equal configurations give equal losses on the same machine.

    Raises:
        StzsarError: options exclude each other, or one would have no effect.
    """

    data: _Word = MOVING_SHAPES
    lists: _Word | None = None  # None takes all clips of `data`
    split: _Number | None = None
    classes: _Word | None = None
    shots: _Number | None = None
    allow_missing: bool = False
    setting: Setting = "mixed"
    labels: _Word | None = None
    attributes: bool = True
    augment: bool = True  # of clips of files; MovingShapes is never augmented
    flip: _Share = 0.5
    grey: _Share = 0.2
    # A run or checkpoint whose network to train further (--from). `train` replaces the fields that
    # describe the network, from `backbone` to `temporal`.
    from_checkpoint: _Word | None = None
    backbone: _Word = SMALL
    pretrained: _Word = "none"
    tokenizer: _Word | None = None
    interaction: Interaction = "product"
    frame_weights: FrameWeights = "saliency"
    learned_temperature: bool = False
    patch_path: PatchPath = "block"
    projections: bool = False
    temporal: bool = True
    train_text: bool = True
    frames: Annotated[int, Meta(ge=1, le=MAX_FRAMES)] = 8
    rate_fps: Annotated[float, Meta(gt=0, le=MAX_RATE_FPS)] = 4.0
    loss: Loss = "cross-entropy"
    steps: _Number = 3600
    batch: _Few = 48
    learning_rate: _Rate = 1e-3
    clip_learning_rate: _Rate | None = None  # None is `learning_rate`
    weight_decay: Annotated[float, Meta(ge=0, le=1e9)] = 0.05
    beta2: _Decay = 0.98
    warmup_steps: _Count | None = None  # None is the usual number, see `warmup`
    bias_steps: _Count | None = None  # see `rehearsal_steps`; 0 measures no bias
    accumulate: _Few = 1
    ema: _Decay = 0.0
    checkpoint_activations: bool = False
    validate: _Word | None = None
    validate_labels: _Word | None = None
    validate_every: _Number = 500
    keep_best: bool = False
    precision: PrecisionName = "auto"
    workers: Annotated[int, Meta(ge=0, le=1024)] | None = (
        None  # None is one, or none if /dev/shm has no room for its batches
    )
    checkpoint_every: _Number = 100
    seed: Annotated[int, Meta(ge=0, le=2**63 - 1)] = 0

    def __post_init__(self) -> None:
        for name, kind in _kinds(type(self)).items():
            try:
                convert(getattr(self, name), kind)
            except DocumentError as error:
                given = f"{getattr(self, name)!r:.80}"
                raise StzsarError(f"{name} cannot be {given}: {error}.") from error
        if self.is_moving_shapes:
            if self.lists or self.shots or self.labels:
                raise StzsarError(
                    "MovingShapes is drawn, with labels of its own: leave out --lists, --shots and "
                    "--labels, or give --data."
                )
            if self.backbone != SMALL:
                raise StzsarError(
                    f"MovingShapes is drawn at 64 px, which {self.backbone} does not support: "
                    "leave out --backbone, or give --data."
                )
        if self.lists is None and (self.split or self.classes):
            raise StzsarError("--split and --classes require --lists: give it, or leave them out.")
        if self.backbone == SMALL and (self.pretrained != "none" or self.tokenizer):
            raise StzsarError(
                "--pretrained and --tokenizer require a --backbone of open_clip: leave them out."
            )
        if self.interaction in ("mean", "transport") and (
            self.frame_weights != "saliency" or self.learned_temperature
        ):
            raise StzsarError(
                f"--interaction {self.interaction} has weights of its own: leave out "
                "--frame-weights and --learned-temperature."
            )
        if self.validate is None and (self.validate_labels or self.keep_best):
            raise StzsarError("--validate-labels and --keep-best require --validate: give it.")
        if self.warmup_steps is not None and self.warmup_steps >= self.steps:
            raise StzsarError(
                f"--warmup-steps {self.warmup_steps} does not end within {self.steps} steps, so no "
                "learning rate reaches its peak: give fewer, or more --steps."
            )
        if self.accumulate < 1 or self.batch // self.accumulate < 2:
            raise StzsarError(
                f"--batch {self.batch} in --accumulate {self.accumulate} parts leaves one clip a "
                "part, which has no others to contrast with: give a larger --batch."
            )

    @property
    def is_moving_shapes(self) -> bool:
        return self.data == MOVING_SHAPES

    @property
    def data_name(self) -> str:
        return Path(self.data).resolve().stem

    @property
    def warmup(self) -> int:
        """Steps of linear warm-up: 50, 500 over CLIP; a tenth of the steps in a short run."""
        if self.warmup_steps is not None:
            return self.warmup_steps
        return min(50 if self.backbone == SMALL else 500, self.steps // 10)

    @property
    def rehearsal_steps(self) -> int:
        """Steps of each rehearsal, see `seen_bias`: an eighth of the steps; 0 in a short run."""
        if self.bias_steps is not None:
            return self.bias_steps
        return self.steps // 8 if self.steps >= _LONG_STEPS else 0

    def located(self) -> "TrainConfig":
        """Return the configuration with absolute paths, so that it holds in every folder."""
        return dataclasses.replace(
            self,
            data=self.data if self.is_moving_shapes else str(Path(self.data).absolute()),
            lists=_absolute(self.lists),
            classes=_absolute(self.classes),
            labels=_located(self.labels, "--labels"),
            from_checkpoint=_absolute(self.from_checkpoint),
            pretrained=(
                str(Path(self.pretrained).absolute())
                if Path(self.pretrained).is_file()
                else self.pretrained
            ),
            tokenizer=_absolute(self.tokenizer),
            validate=_absolute(self.validate),
            validate_labels=_located(self.validate_labels, "--validate-labels"),
        )

    def save(self, folder: Path) -> None:
        document = json.dumps(dataclasses.asdict(self), indent=1)
        write_file(folder / CONFIG, f"{document}\n")

    @classmethod
    def load(cls, folder: Path) -> "TrainConfig":
        """Read a run's configuration.

        Raises:
            BundleError: the folder is not a run of stzsar-train.
            StzsarError: what it says is impossible.
        """
        # Runs that began before there were these options trained without.
        older = {"attributes": False, "augment": False, "bias_steps": 0}
        try:
            document = from_json(read_file(folder / CONFIG, MIB), dict[str, object])
            config = convert({**older, **document}, cls)
            unknown = set(document) - set(dataclasses.asdict(config))
            if unknown:
                raise DocumentError(f"{CONFIG} has an unknown field {min(unknown)!r:.80}")
        except OSError as error:
            raise BundleError(
                f"{folder} is not a run of stzsar-train, its {CONFIG} cannot be read: "
                f"{error.strerror}."
            ) from error
        except DocumentError as error:
            raise BundleError(f"{folder} is not a run of stzsar-train: {error}.") from error
        return config


@functools.cache
def _kinds(cls: type[TrainConfig]) -> dict[str, Any]:
    return get_type_hints(cls, include_extras=True)


def _absolute(path: str | None) -> str | None:
    return path and str(Path(path).absolute())


def _located(labels: str | None, option: str) -> str | None:
    is_file = labels is not None and isinstance(label_source(labels, option), Path)
    return _absolute(labels) if is_file else labels


@dataclass(frozen=True, kw_only=True)
class FineTuning(TrainConfig):
    """A run over CLIP, with the defaults of the papers of the family.

    The towers learn a tenth as fast as the new parts; the text tower is frozen, and there is no
    temporal transformer.
    """

    backbone: str = "ViT-B-32"
    pretrained: str = "openai"
    interaction: Interaction = "residual"
    temporal: bool = False
    train_text: bool = False
    steps: int = 5000
    batch: int = 32
    learning_rate: float = 5e-5
    clip_learning_rate: float | None = 5e-6
    weight_decay: float = 0.2
    beta2: float = 0.999
