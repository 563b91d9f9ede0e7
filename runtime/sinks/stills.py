"""The picture of an event, for sinks that send it along; what keeps events has it."""

from collections.abc import Callable
from dataclasses import dataclass

from ..results import ActionEvent


@dataclass(frozen=True)
class Still:
    """The best picture of an event so far.

    Attributes:
        jpeg: the picture.
        name: of its file, relative to the folder of kept events.
    """

    jpeg: bytes
    name: str


# The picture of an event that was put just now; None where there is none.
StillOf = Callable[[ActionEvent], Still | None]


def no_still(_event: ActionEvent) -> None:
    """Return None: nothing keeps pictures."""
    return
