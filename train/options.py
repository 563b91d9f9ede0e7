"""What stzsar-train can do: start a run, or resume one."""

from dataclasses import dataclass
from pathlib import Path

from .config import TrainConfig


@dataclass(frozen=True, kw_only=True)
class TrainOptions:
    """A new run.

    Attributes:
        config: what it trains, and on which clips.
        output: the run's folder; None is runs/<data>-<date>.
        device: cpu, cuda, cuda:1, …, or auto: a GPU if there is one.
    """

    config: TrainConfig
    output: Path | None = None
    device: str = "auto"


@dataclass(frozen=True, kw_only=True)
class ResumeOptions:
    """A run that goes on as it was configured.

    Attributes:
        run: its folder; None is the newest one under runs/.
        device: as in TrainOptions.
    """

    run: Path | None = None
    device: str = "auto"
