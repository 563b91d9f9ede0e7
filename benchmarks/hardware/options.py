"""The options of stzsar-verify; an Options object refuses what makes no sense."""

from dataclasses import dataclass
from pathlib import Path

from ...runtime.errors import StzsarError
from .report import Plan

OUTPUT = Path("stzsar-verify.json")


@dataclass(frozen=True, kw_only=True)
class Options:
    bundle: Path | None = None  # None takes the newest under runs/, else the one that ships
    output: Path = OUTPUT  # the report, which is also where a broken-off run goes on
    streams: int = 8  # live streams that are watched together
    minutes: float = 10.0  # how long they are watched
    quick: bool = False  # checks within a minute that all steps run; says nothing of speed
    again: bool = False  # begins anew, although there is a report

    def __post_init__(self) -> None:
        if self.output.suffix != ".json":
            raise StzsarError(f"The report is JSON: name it something.json, not {self.output}.")
        if self.streams < 1 or not 0 < self.minutes <= 1440:
            raise StzsarError(
                f"Watch one stream or more for up to 1440 minutes, not {self.streams} for "
                f"{self.minutes:g}."
            )

    @property
    def plan(self) -> Plan:
        return Plan(quick=self.quick, streams=self.streams, minutes=self.minutes)

    @property
    def work(self) -> Path:
        """The folder of the bundle's copy, in which engines are built anew."""
        return self.output.with_suffix(".work")
