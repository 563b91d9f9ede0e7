"""What to export and how: the options of stzsar-export as dataclasses."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from ..models.config import FrameWeights, Interaction, PatchPath
from ..models.prompts import read_prompts
from ..runtime.engines.trt.api import check_targets
from ..runtime.errors import StzsarError
from ..runtime.fetch.hub_bundle import hub_address
from ..runtime.labels.label_files import LabelsLike

Precision = Literal["fp32", "fp16", "int8"]
PRECISIONS: tuple[Precision, ...] = get_args(Precision)


@dataclass(frozen=True, kw_only=True)
class ClipOptions:
    """CLIP with an untrained head, exported without a checkpoint.

    Raises:
        StzsarError: `patch_path` or `frame_weights` has no effect with this interaction.
    """

    backbone: str  # open_clip's name of the backbone
    pretrained: str = "openai"  # open_clip's tag, a file, or "none" for random weights
    tokenizer: str | None = None  # `tokenizer.json` of a SigLIP2 backbone; None downloads it once
    interaction: Interaction = "residual"  # how the head weighs frames by their patches
    frame_weights: FrameWeights | None = None  # what weighs the frames; None is "saliency"
    patch_path: PatchPath | None = None  # of patches in the last block; None is "block"

    def __post_init__(self) -> None:
        if self.frame_weights is not None and self.interaction in ("mean", "transport"):
            raise StzsarError(
                f"--frame-weights has no effect with --interaction {self.interaction}, which has "
                "weights of its own. Leave it out."
            )
        if self.patch_path is not None and self.interaction not in ("product", "residual"):
            raise StzsarError(
                f"--patch-path has no effect with --interaction {self.interaction}, which ignores "
                "patches. Leave it out."
            )


@dataclass(frozen=True, kw_only=True)
class EngineOptions:
    """TensorRT engines to build after the export.

    Raises:
        StzsarError: a target is not supported, or a limit is set but no engine is built.
    """

    tensorrt: bool = False  # whether to build engines for this machine's GPU
    rtx_targets: tuple[str, ...] = ()  # compute capabilities for TensorRT-RTX, such as "sm86"
    max_streams: int | None = None  # encoded at once; None takes the runtime's default
    max_labels: int | None = None  # None takes the runtime's default, or the bundle's if more

    def __post_init__(self) -> None:
        if self.rtx_targets:
            check_targets(",".join(self.rtx_targets))
        if self.wanted:
            return
        for option, limit in (
            ("--max-streams", self.max_streams),
            ("--max-labels", self.max_labels),
        ):
            if limit is not None:
                raise StzsarError(
                    f"{option} needs --tensorrt or --tensorrt-rtx: an ONNX graph has no such limit."
                )

    @property
    def wanted(self) -> bool:
        """Whether any engine is built."""
        return self.tensorrt or bool(self.rtx_targets)


@dataclass(frozen=True, kw_only=True)
class ExportOptions:
    """What to export and how; `stzsar-export --help` describes each option.

    Without a checkpoint and without CLIP, the newest checkpoint under runs/ is exported.

    Raises:
        StzsarError: two options exclude each other, or one has no effect.
    """

    checkpoint: Path | None = None
    clip: ClipOptions | None = None
    labels: LabelsLike | None = None  # of the bank; None takes those of the training, or Kinetics
    attributes: bool = True
    # Around labels: a name of `models.prompts.PROMPT_SETS`, a file, or sentences; None takes those
    # of the network
    prompts: str | Sequence[str] | None = None
    precision: Precision = "fp32"
    calibration: str | None = None
    frames: int | None = None
    rate_fps: float | None = None
    text_encoder: bool = True
    output: Path | None = None
    push: str | None = None  # `owner/name` on the hub, where the bundle goes; None keeps it here
    engines: EngineOptions = EngineOptions()

    def __post_init__(self) -> None:
        if self.push is not None and hub_address(self.push).revision != "main":
            raise StzsarError(f"--push {self.push} names a revision: a commit gets its own.")
        if self.prompts is not None:
            object.__setattr__(self, "prompts", read_prompts(self.prompts))
        if self.checkpoint and self.clip:
            raise StzsarError(
                f"The checkpoint {self.checkpoint} and --backbone exclude each other. Leave one "
                "out."
            )
        if not self.attributes and not (self.labels or self.clip):
            raise StzsarError(
                "--no-attributes needs --labels or --backbone: a checkpoint keeps the labels it "
                "was trained with."
            )
        if self.calibration is not None and self.precision != "int8":
            raise StzsarError("--calibration needs --int8: other precisions are not calibrated.")
