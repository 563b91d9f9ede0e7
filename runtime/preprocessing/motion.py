"""The motion gate: whether a picture has changed enough to be worth encoding again."""

from typing import Any

import numpy as np
import numpy.typing as npt

from .opencv import load_cv2

# Averaged over squares, a sensor's noise goes and what moves stays.
GRID = 32

Array = npt.NDArray[Any]


class MotionGate:
    """Compares pictures of one stream with the last one that was encoded.

    A picture counts as changed where any of 32 × 32 squares differs in brightness by more than
    the level: a hand that waves in a corner is a small part of a picture's mean, and all of its
    square's.
    """

    def __init__(self, level: float) -> None:
        """Set the level, of 255.

        Raises:
            ValueError: it is not above 0 and below 255.
        """
        if not 0 < level < 255:
            raise ValueError(f"a motion gate's level is above 0 and below 255, got {level}")
        self._level = level
        self._encoded: Array | None = None

    def opens(self, image_hwc: Array) -> bool:
        """Say whether a picture, uint8 [S, S, 3], is to be encoded; remember it if so."""
        cv2 = load_cv2()
        # Channels together: a change of colour at one brightness is a change too.
        seen = cv2.resize(image_hwc, (GRID, GRID), interpolation=cv2.INTER_AREA).astype(np.int16)
        if self._encoded is not None and np.abs(seen - self._encoded).max() <= self._level:
            return False
        self._encoded = seen
        return True

    def forget(self) -> None:
        """Let the next picture through, whatever it is."""
        self._encoded = None
