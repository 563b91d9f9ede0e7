"""What the programs that teach need to see what a run sees."""

from dataclasses import dataclass


@dataclass(frozen=True)
class TeachingArguments:
    """Arguments of stzsar-teach and stzsar-run.

    Attributes:
        common: of both.
        now: of stzsar-run, for what decides in the run as it began.
    """

    common: tuple[str, ...] = ()
    now: tuple[str, ...] = ()
