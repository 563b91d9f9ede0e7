"""What stzsar-train can do: start a run, or resume one."""

import dataclasses
from dataclasses import dataclass
from pathlib import Path

from ..runtime.errors import StzsarError
from .config import TrainConfig


@dataclass(frozen=True, kw_only=True)
class TrainOptions:
    """A new run."""

    config: TrainConfig  # what it trains, and on which clips
    output: Path | None = None  # the run's folder; None is runs/<data>-<date>
    device: str = "auto"  # cpu, cuda, cuda:1, …, or auto: a GPU if there is one


@dataclass(frozen=True, kw_only=True)
class ResumeOptions:
    """A run that goes on as it was configured."""

    run: Path | None = None  # its folder; None is the newest one under runs/
    # Where these are now, if they were moved; the clips must be the same
    data: str | None = None
    lists: str | None = None
    classes: str | None = None
    labels: str | None = None
    validate: str | None = None
    validate_labels: str | None = None
    workers: int | None = None  # processes that read clips, if another number than before
    device: str = "auto"  # as in TrainOptions

    def applied_to(self, config: TrainConfig) -> TrainConfig:
        """Return the run's configuration with these changes.

        Raises:
            StzsarError: the run has no such path.
        """
        drawn = config.is_moving_shapes
        for option, moved, before in (
            ("--data", self.data, None if drawn else config.data),
            ("--lists", self.lists, config.lists),
            ("--classes", self.classes, config.classes),
            ("--labels", self.labels, config.labels),
            ("--validate", self.validate, config.validate),
            ("--validate-labels", self.validate_labels, config.validate_labels),
        ):
            if moved and not before:
                raise StzsarError(
                    f"The run started without {option}, and --resume says only where files are "
                    "now: leave it out, or start a new run with it."
                )
        return dataclasses.replace(
            config,
            data=self.data or config.data,
            lists=self.lists or config.lists,
            classes=self.classes or config.classes,
            labels=self.labels or config.labels,
            validate=self.validate or config.validate,
            validate_labels=self.validate_labels or config.validate_labels,
            workers=config.workers if self.workers is None else self.workers,
        )
