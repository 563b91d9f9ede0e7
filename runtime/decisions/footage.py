"""Results of footage on their way to calibration, as a sink of the run that reads it."""

from collections.abc import Sequence

import numpy as np

from ..results import Message, Recognition
from ..sources.frames import Frame
from .calibrator import Calibrator


class FootageSink:
    """Gives the similarities of all labels to a calibrator.

    Attributes: see `sinks.sink.Sink`.
    """

    name, wants_frames = "calibration", False

    def __init__(self, calibrator: Calibrator, names: Sequence[str]) -> None:
        """Prepare for results that hold all labels, whose names are given in their order."""
        self._calibrator = calibrator
        self._place_of = {name: place for place, name in enumerate(names)}

    def put(self, message: Message) -> None:
        """Take in a result."""
        if not isinstance(message, Recognition):
            return
        similarities = np.full(len(self._place_of), np.nan)
        for score in message.top:
            similarities[self._place_of[score.label]] = score.similarity
        self._calibrator.add(message.source, message.end_s, similarities)

    def show(self, source: str, frame: Frame, latest: Recognition | None) -> None:
        """Do nothing: thresholds are found in numbers."""

    def source_ended(self, source: str) -> None:
        """Let the calibrator forget the source."""
        self._calibrator.end(source)

    def close(self, timeout_s: float) -> None:
        """Do nothing: thresholds are asked for later."""
