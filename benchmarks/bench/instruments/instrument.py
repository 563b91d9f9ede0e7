"""The interface of instruments."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

State = Mapping[str, str | float | int]


@dataclass(frozen=True)
class Reading:
    watts: float | None = None  # power; None if it measures none, or none yet
    # Other quantities, with units in their names, such as "gpu_percent"
    values: Mapping[str, float] = field(default_factory=dict)


class AbsentError(Exception):
    """An instrument is missing; the text is the reason, without a full stop."""


class Instrument(Protocol):
    """Measures while the benchmark runs; one thread reads it."""

    name: str  # for people and records
    measures: str  # what its power is the power of; empty if it measures none

    def read(self) -> Reading:
        """Return what it shows now, without what cannot be read."""
        ...

    def state(self) -> State:
        """Return modes, clocks and throttling, for the start and the end of the run."""
        ...

    def close(self) -> None:
        """Release it."""
