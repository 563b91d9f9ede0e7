"""Keeps the similarities of a run's windows, for calibration and teaching."""

from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import CalibrationError
from ..results import Message, Recognition, place_of
from ..sources.frames import Frame

Array = npt.NDArray[Any]


class SeenWindows:
    """The windows of each source, in order; also a sink, see `sinks.sink.Sink`.

    Attributes:
        of_source: the ends of the windows in seconds, and their similarities [R], by source and
            region.
        scale: logits for each unit of similarity.
    """

    name, wants_frames = "calibration", False

    def __init__(self) -> None:
        self.of_source: dict[str, tuple[list[float], list[Array]]] = {}
        self.scale: float = 1.0

    def __len__(self) -> int:
        return sum(len(times) for times, _ in self.of_source.values())

    @property
    def similarities(self) -> Array:
        """Those of all windows, source by source, float32 [N, R].

        Raises:
            CalibrationError: there are none.
        """
        if not len(self):
            raise CalibrationError(
                "The footage has no full window: give videos that are longer than one."
            )
        return np.stack([row for _, rows in self.of_source.values() for row in rows])

    def put(self, message: Message) -> None:
        """Keep a result."""
        if isinstance(message, Recognition) and message.everything:
            times, rows = self.of_source.setdefault(place_of(message), ([], []))
            times.append(message.end_s)
            rows.append(message.everything.similarities.astype(np.float32))
            self.scale = message.everything.scale

    def show(self, source: str, frame: Frame, latest: Recognition | None) -> None:
        """Do nothing: thresholds come from numbers."""

    def source_ended(self, source: str) -> None:
        """Do nothing: a source that starts again follows itself."""

    def close(self, timeout_s: float) -> None:
        """Do nothing: thresholds are computed later."""
