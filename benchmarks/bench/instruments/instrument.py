"""What an instrument is."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

State = Mapping[str, str | float | int]


@dataclass(frozen=True)
class Reading:
    """What an instrument shows at one moment.

    Attributes:
        watts: the power that it measures; None if it measures none, or none yet.
        values: other quantities by name, with their units in it, such as "gpu_percent".
    """

    watts: float | None = None
    values: Mapping[str, float] = field(default_factory=dict)


class AbsentError(Exception):
    """There is no such instrument here; the text says why, without a full stop."""


class Instrument(Protocol):
    """Something that measures while the benchmark runs; it is read from one thread.

    Attributes:
        name: what it is called.
        measures: whose power it is, in words; empty if it measures none.
    """

    name: str
    measures: str

    def read(self) -> Reading:
        """Return what it shows now; of what cannot be read there is nothing."""
        ...

    def state(self) -> State:
        """Return what is looked at at the start and at the end: modes, clocks, throttling."""
        ...

    def close(self) -> None:
        """End it."""
        ...
