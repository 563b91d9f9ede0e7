"""The motion gate: has a picture changed enough to be worth encoding again?"""

from typing import Any

import numpy as np
import numpy.typing as npt

from .opencv import load_cv2

# Averaging over squares removes a sensor's noise and keeps what moves.
GRID = 32

Array = npt.NDArray[Any]


class MotionGate:
    """Compares pictures of one stream with the last one that was encoded.

    A picture has changed if the brightness of any of 32 × 32 squares differs by more than the
    level. A waving hand in a corner hardly moves the picture's mean, but it fills a square.
    """

    def __init__(self, level: float) -> None:
        """Set the level, between 0 and 255.

        Raises:
            ValueError: the level is out of range.
        """
        if not 0 < level < 255:
            raise ValueError(f"a motion gate's level must be above 0 and below 255, got {level}")
        self._level = level
        self._encoded: Array | None = None

    def opens(self, image_hwc: Array) -> bool:
        """Return whether to encode a picture, uint8 [S, S, 3]; remember it if so."""
        cv2 = load_cv2()
        # Per channel: a change of colour at the same brightness counts too.
        seen = cv2.resize(image_hwc, (GRID, GRID), interpolation=cv2.INTER_AREA).astype(np.int16)
        if self._encoded is not None and np.abs(seen - self._encoded).max() <= self._level:
            return False
        self._encoded = seen
        return True

    def forget(self) -> None:
        """Let the next picture pass, whatever it shows."""
        self._encoded = None
