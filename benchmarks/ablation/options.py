"""The options of the ablation."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from ..tools.plotting import check_plot


@dataclass(frozen=True, kw_only=True)
class Options:
    seeds: int = 3  # how often everything is trained
    setting: Literal["mixed", "all"] = "all"  # of the clips that rows learn from, in full mixture
    encoder_steps: int = 1500  # of the frame encoder that all rows of a seed share
    clips: int = 20_000  # encoded clips that the rows learn from
    steps: int = 800  # of each row
    batch: int = 48  # clips per step
    tested: int = 960  # clips of each of the six tests; the finer ones have half
    end_to_end: bool = False  # whether a row trains the encoder too, on newly drawn clips
    rows: tuple[str, ...] = ()  # names of rows; () trains all
    output: Path = Path("runs/ablation")  # folder of finished rows
    plot: Path | None = None

    def __post_init__(self) -> None:
        check_plot(self.plot)

    @property
    def budget(self) -> dict[str, Any]:
        """What must not change when a run resumes."""
        return {
            "setting": self.setting,
            "encoder_steps": self.encoder_steps,
            "clips": self.clips,
            "steps": self.steps,
            "batch": self.batch,
            "tested": self.tested,
            "end_to_end": self.end_to_end,
        }

    def in_words(self) -> str:
        mix = {"mixed": "half of them hard", "all": "a third of them hard, a third untrimmed"}
        clips = f"of {self.clips:,} clips, {mix[self.setting]}"
        if self.end_to_end:
            clips = f"of newly drawn clips, {mix[self.setting]}, which train the encoder too"
        seeds = f"{self.seeds} seed{'s' if self.seeds > 1 else ''}"
        return (
            f"{seeds}, each with its own encoder ({self.encoder_steps} steps); rows of "
            f"{self.steps} steps of {self.batch} {clips}; {self.tested} clips in each test."
        )
