"""What a test needs to know: the options of stzsar-eval as a dataclass."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

from ...models.prompts import PromptMean, read_prompts
from ...runtime.errors import StzsarError
from ...runtime.labels.label_files import LabelsLike, label_source
from ...runtime.shapes.clip_settings import ClipSetting
from .published import family_of
from .views import OURS, VIEWS

MOVING_SHAPES = Path("moving-shapes")
PROTOCOLS = {
    "plain": "every clip among all classes of the data",
    "full": "the same with the classes of official lists, whose clips must all exist",
    "splits": "the three official test splits",
    "halves": "ten random halves of the classes",
    "k600-160": "the three splits of 160 classes of Kinetics-600",
    "truze": "the truly unseen classes",
}
# What --lists must be; plain takes no lists, halves may take the official ones.
_NEEDED_LISTS = {
    "full": "the folder of the official split files",
    "splits": "the folder of the official split files",
    "k600-160": "the folder of the lists of 160 classes",
    "truze": "a list of the truly unseen classes, or TruZe's ZSL.txt",
}


@dataclass(frozen=True, kw_only=True)
class EvalOptions:
    """What to test and how; `stzsar-eval --help` describes each option.

    Raises:
        StzsarError: an option has an unknown value or has no effect with the protocol.
    """

    model: Path
    data: Path
    protocol: str = "plain"
    lists: Path | None = None
    split: int | None = None
    allow_missing: bool = False
    seed: int | None = None
    labels: LabelsLike | None = None
    seen: LabelsLike | None = None
    attributes: bool = True
    prompts: str | Sequence[str] | None = None
    prompt_mean: PromptMean = "embeddings"
    view: str = OURS
    clips: int = 1
    crops: int = 1
    beside: str | None = None
    json: Path | None = None
    plot: Path | None = None
    device: str | None = None
    engine: str | None = None
    threads: int | None = None
    readers: int = 2
    # Of MovingShapes, data "moving-shapes"; None is the usual
    setting: ClipSetting | None = None
    action_share: float | None = None  # of the window that the action fills
    cuts: int | None = None  # between the action and what else the window shows

    def __post_init__(self) -> None:
        for name in ("labels", "seen"):
            if (value := getattr(self, name)) is not None:
                object.__setattr__(self, name, label_source(value, f"--{name}"))
        if self.prompts is not None:
            object.__setattr__(self, "prompts", read_prompts(self.prompts))
        self._check_prompt_mean()
        if self.protocol not in PROTOCOLS:
            names = ", ".join(PROTOCOLS)
            raise StzsarError(f"There is no protocol {self.protocol!r}. Choose one of {names}.")
        self._check_shapes()
        if self.crops not in (1, 3):
            raise StzsarError(f"--crops {self.crops} is neither 1 nor 3.")
        if self.view not in VIEWS:
            raise StzsarError(f"There is no view {self.view!r}. Choose one of {', '.join(VIEWS)}.")
        view = VIEWS[self.view]
        if (self.clips > 1 and not view.many_clips) or (self.crops > 1 and not view.many_crops):
            option = "--clips" if self.clips > 1 and not view.many_clips else "--crops"
            raise StzsarError(
                f"--view {self.view} has no {option} above 1: its authors test on one, or on some "
                "that they draw. Leave it out, or use --view stzsar."
            )
        if self.seed is not None and self.protocol != "halves":
            raise StzsarError("--seed works with --protocol halves only. Leave it out.")
        if self.split is not None and self.protocol != "splits":
            raise StzsarError("--split works with --protocol splits only. Leave it out.")
        if self.beside is not None:
            family_of(self.beside)
        needed = _NEEDED_LISTS.get(self.protocol)
        if needed and self.lists is None:
            raise StzsarError(f"--protocol {self.protocol} needs --lists: {needed}.")
        if self.lists is not None and self.protocol == "plain":
            raise StzsarError(
                "--protocol plain does not read --lists. Leave it out, or use --protocol full."
            )

    @property
    def is_moving_shapes(self) -> bool:
        return self.data == MOVING_SHAPES

    def _check_prompt_mean(self) -> None:
        if self.prompt_mean not in (means := get_args(PromptMean)):
            raise StzsarError(
                f"There is no --prompt-mean {self.prompt_mean!r}. Choose one of {', '.join(means)}."
            )
        if self.prompt_mean == "softmaxes" and self.prompts is not None and len(self.prompts) == 1:
            raise StzsarError(
                "--prompt-mean softmaxes needs several prompts, and --prompts names one. Leave it "
                "out, or name a set such as actionclip."
            )

    def _check_shapes(self) -> None:
        finer = {"--action-share": self.action_share, "--cuts": self.cuts}
        if not self.is_moving_shapes:
            given = [name for name, value in finer.items() if value is not None]
            if self.setting or given:
                raise StzsarError(
                    f"{given[0] if given else '--setting'} applies to --data {MOVING_SHAPES} only: "
                    "leave it out."
                )
            return
        idle = {
            "--protocol": self.protocol != "plain",
            "--labels": self.labels is not None,
            "--seen": self.seen is not None,
            "--allow-missing": self.allow_missing,
            "--clips": self.clips != 1,
            "--crops": self.crops != 1,
            "--view": self.view != OURS,
        }
        if given := [name for name, is_given in idle.items() if is_given]:
            raise StzsarError(
                "MovingShapes is drawn, one view a clip, with labels of its own: leave out "
                f"{given[0]}, or name other --data."
            )
        if self.setting != "untrimmed":
            for name, value in finer.items():
                if value is not None:
                    raise StzsarError(f"{name} needs --setting untrimmed: only there are cuts.")
