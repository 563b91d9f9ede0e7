"""MovingShapes: a generated benchmark for zero-shot recognition of actions.

A class is a thing (a coloured shape) and a motion. 24 of the 120 combinations are never seen in
training, though each thing and each motion is. In the hard setting words are ambiguous ("swinging"
and "charging" each name two motions, which only the attributes distinguish), the action fills a
part of the window, and there are distractors. In the untrimmed setting the rest of the window also
shows something else. Every clip is a function of its seed; nothing is stored.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from ...runtime.errors import StzsarError
from ...runtime.shapes.clip_settings import CLIP_SETTINGS, ClipSetting
from ...runtime.shapes.clips import (
    TEST_CLIPS_PER_CLASS,
    DrawnClip,
    Split,
    draw_clip,
    labels_of,
)
from ...runtime.shapes.scenes import (
    SIZE_PX,
    UNTRIMMED,
    Action,
    Scene,
    Untrimmed,
    seen_actions,
    unseen_actions,
)
from ..config import Setting
from .dataset import ClipRequest, Example

KNOWS = "moving shapes and not people"

_TRAIN_CLIPS = 1 << 20
# The settings that training mixes with plain clips, all in equal parts. A mix begins plain: trained
# on everything at once, the network learns motions several times more slowly.
_MIXES: dict[str, tuple[ClipSetting, ...]] = {"mixed": ("hard",), "all": ("hard", "untrimmed")}
_PLAIN_CLIPS, _RAMP_CLIPS = 50_000, 50_000
_TEST_CLIPS_PER_CLASS = TEST_CLIPS_PER_CLASS


class MovingShapes:
    """One split; its classes' names are unambiguous, their texts depend on the setting."""

    def __init__(
        self,
        split: Split,
        setting: Setting = "plain",
        *,
        seed: int = 0,
        untrimmed: Untrimmed = UNTRIMMED,
    ) -> None:
        self._actions = unseen_actions() if split == "unseen-test" else seen_actions()
        self._setting = setting
        self._split: Split = split
        self._seed = seed
        self._untrimmed = untrimmed
        self._size = _TRAIN_CLIPS if split == "train" else self._test_size
        self.labels = labels_of(self._actions, setting)

    @property
    def _test_size(self) -> int:
        return _TEST_CLIPS_PER_CLASS * len(self._actions)

    def __len__(self) -> int:
        return self._size

    def class_of(self, clip: int) -> int:
        """Return the index of a clip's label."""
        return clip % len(self._actions)

    def __getitem__(self, request: ClipRequest) -> Example:
        """Return the clip of a request.

        `request.clip` decides what it shows; in a mix `request.draw`, the number of clips seen
        before, decides the probability of each setting.
        """
        frames = self.drawn(request).frames()
        return Example(torch.from_numpy(frames), self.class_of(request.clip))

    def drawn(self, request: ClipRequest) -> DrawnClip:
        """Return the scene of a request, and the times of its frames."""
        return draw_clip(
            self._split,
            request.clip,
            self._actions[self.class_of(request.clip)],
            seed=self._seed,
            shares=self._shares(request.draw),
            untrimmed=self._untrimmed,
        )

    def _shares(self, seen_clips: int) -> list[tuple[ClipSetting, float]]:
        """Return the share of each setting but plain, after so many clips of training."""
        if mix := _MIXES.get(self._setting):
            grown = min(1, max(0, seen_clips - _PLAIN_CLIPS) / _RAMP_CLIPS)
            return [(setting, grown / (len(mix) + 1)) for setting in mix]
        return [(setting, 1.0) for setting in CLIP_SETTINGS if setting == self._setting]


def write_video(
    path: Path,
    actions: Sequence[Action],
    *,
    seconds_each: float,
    seed: int = 0,
    fps: float = 24.0,
    scale: int = 1,
) -> None:
    """Write a video, an .mp4 (MPEG-4) or .avi (MJPEG) file, of actions in the plain setting.

    Raises:
        StzsarError: the file cannot be written.
    """
    import cv2

    side = SIZE_PX * scale
    codec = "MJPG" if path.suffix == ".avi" else "mp4v"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*codec), fps, (side, side))
    if not writer.isOpened():
        raise StzsarError(
            f"Cannot write {path}: its folder must exist, and its name end in .mp4 or .avi."
        )
    for number, action in enumerate(actions):
        scene = Scene.draw(action, np.random.default_rng([seed, number]), hard=False)
        for index in range(round(seconds_each * fps)):
            picture = scene.frame(index / fps)
            writer.write(cv2.resize(picture, (side, side), interpolation=cv2.INTER_NEAREST))
    writer.release()
