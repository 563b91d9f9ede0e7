"""The sink that hands a run's results on footage to calibration."""

from collections.abc import Sequence

import numpy as np

from ..results import Message, Recognition
from ..sources.frames import Frame
from .calibrator import Calibrator


class FootageSink:
    """Hands the similarities of all labels to a calibrator; see `sinks.sink.Sink`."""

    name, wants_frames = "calibration", False

    def __init__(self, calibrator: Calibrator, names: Sequence[str]) -> None:
        """Expect results that hold all labels; `names` are in their order."""
        self._calibrator = calibrator
        self._place_of = {name: place for place, name in enumerate(names)}

    def put(self, message: Message) -> None:
        """Add a result."""
        if not isinstance(message, Recognition):
            return
        similarities = np.full(len(self._place_of), np.nan)
        for score in message.top:
            similarities[self._place_of[score.label]] = score.similarity
        self._calibrator.add(message.source, message.end_s, similarities)

    def show(self, source: str, frame: Frame, latest: Recognition | None) -> None:
        """Do nothing: thresholds come from numbers."""

    def source_ended(self, source: str) -> None:
        """End the source in the calibrator."""
        self._calibrator.end(source)

    def close(self, timeout_s: float) -> None:
        """Do nothing: thresholds are computed later."""
