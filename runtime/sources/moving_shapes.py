"""Generate test://moving-shapes, a live source that needs no camera."""

import math
import time
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ..preprocessing.opencv import load_cv2
from .address import Address

if TYPE_CHECKING:
    from ..shapes.scenes import Scene, Untrimmed

Array = npt.NDArray[Any]
SECONDS_EACH = 5.0
ENLARGEMENT = 4
DEFAULT_FPS = 30.0


class MovingShapesCapture:
    """Shows actions of MovingShapes as a camera would, each for a few seconds.

    They are the classes that training never saw, whose names the shipped bundle has. The seed
    determines each picture. `untrimmed` shows them in the setting of that name: each for a share of
    its seconds, between cuts to other things at rest. Like a camera it does not wait for a slow
    reader: frames that nobody grabbed in time are gone.

    Attributes: see `video.capture.Capture`.
    """

    name, codec = "test://moving-shapes", "none"
    frame_count: int | None = None
    lost = 0

    def __init__(
        self,
        fps: float = DEFAULT_FPS,
        seconds: float = math.inf,
        seed: int = 0,
        untrimmed: "Untrimmed | None" = None,
    ) -> None:
        from ..shapes.scenes import SIZE_PX, Scene, unseen_actions  # cv2, late

        self.fps: float | None = fps
        self.size_wh: tuple[int, int] = (ENLARGEMENT * SIZE_PX, ENLARGEMENT * SIZE_PX)
        self.exhausted = False
        actions = unseen_actions()
        order = np.random.default_rng(seed).permutation(len(actions))
        self._actions = [actions[index] for index in order]
        self._draw_scene = partial(
            Scene.draw, hard=untrimmed is not None, untrimmed=untrimmed, length_s=SECONDS_EACH
        )
        self._frames = math.inf if seconds == math.inf else round(seconds * fps)
        self._period_s = 1 / fps
        self._seed = seed
        self._start_s = time.monotonic()
        self._index = -1
        self._scene: tuple[int, Scene] | None = None

    @classmethod
    def of(cls, address: Address) -> "MovingShapesCapture":
        """Open the stream of an address."""
        numbers = address.numbers
        return cls(
            numbers.get("fps", DEFAULT_FPS),
            numbers.get("seconds", math.inf),
            int(numbers.get("seed", 0)),
            _untrimmed(address),
        )

    def grab(self) -> bool:
        """Wait for the next frame; False after the last one."""
        passed_s = time.monotonic() - self._start_s
        self._index = max(self._index + 1, math.floor(passed_s / self._period_s))
        self.exhausted = self._index >= self._frames
        time.sleep(max(0.0, self._index * self._period_s - passed_s))
        return not self.exhausted

    @property
    def position_s(self) -> float:
        """Time of the grabbed frame, in seconds."""
        return self._index * self._period_s

    def retrieve(self) -> Array:
        """Return the grabbed frame, uint8 [256, 256, 3] BGR."""
        return self.picture(self.position_s)

    def picture(self, time_s: float) -> Array:
        """Return the picture at `time_s`, uint8 [256, 256, 3] BGR."""
        scene, start_s = self._scene_at(time_s)
        cv2 = load_cv2()
        small = scene.frame(time_s, start_s)
        return cv2.resize(small, self.size_wh, interpolation=cv2.INTER_NEAREST)

    def label_at(self, time_s: float) -> str | None:
        """Return the name of the action at `time_s`; None while another thing rests."""
        scene, start_s = self._scene_at(time_s)
        return scene.action.label.name if scene.acts_at(time_s, start_s) else None

    def _scene_at(self, time_s: float) -> "tuple[Scene, float]":
        """Return the scene at `time_s`, and when it began."""
        number = int(time_s // SECONDS_EACH)
        if self._scene is None or self._scene[0] != number:
            rng = np.random.default_rng([self._seed, number])
            action = self._actions[number % len(self._actions)]
            self._scene = (number, self._draw_scene(action, rng))
        return self._scene[1], number * SECONDS_EACH

    def release(self) -> None:
        """Nothing to close."""


def _untrimmed(address: Address) -> "Untrimmed | None":
    from ..shapes.scenes import UNTRIMMED, Untrimmed

    numbers = address.numbers
    if not {"cuts", "share"} & numbers.keys():
        return None
    share = numbers.get("share")
    return Untrimmed(
        UNTRIMMED.share if share is None else (share, share),
        int(numbers.get("cuts", UNTRIMMED.cuts)),
    )
