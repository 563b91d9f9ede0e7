"""What is asked about an event, and who answers."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy.typing as npt

from ..events.ring import Picture
from ..events.stills import decoded
from ..results import Verdict
from ..sources.areas import Region

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Question:
    """Whether pictures show an action.

    Attributes:
        label: the action.
        place: the stream, with the region where there is one.
        region: the part of the pictures where it is; None is all of them.
        threshold: the score from which a label is decided on, 0 to 1.
        pictures: as they were decoded, oldest first; at least one.
    """

    label: str
    place: str
    region: Region | None
    threshold: float
    pictures: tuple[Picture, ...]

    def images(self) -> list[Array]:
        """Return the pictures, cut to the region: uint8 [H, W, 3], BGR."""
        images = (decoded(picture.jpeg) for picture in self.pictures)
        return [self.region.cut(image) if self.region else image for image in images]


class Judge(Protocol):
    """Takes a second look; only one thread calls it.

    Attributes:
        name: what verdicts call it; holds no secret.
        back_s: how long before the end of an event's last window each picture that it looks at is,
            in seconds, the earliest first.
    """

    name: str
    back_s: Sequence[float]

    def judge(self, question: Question, /) -> Verdict:
        """Answer a question; "unverified" where it cannot."""
        ...
