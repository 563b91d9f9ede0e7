"""MovingShapes: a generated benchmark for zero-shot recognition of actions.

A class is a thing (a coloured shape) and a motion. 24 of the 120 combinations are never seen in
training, though each thing and each motion is. In the hard setting words are ambiguous ("swinging"
and "charging" each name two motions, which only the attributes distinguish), the action fills a
part of the window, and there are distractors. Every clip is a function of its seed; nothing is
stored.
"""

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt
import torch

from ...runtime.errors import StzsarError
from ...runtime.shapes.scenes import SAMPLING, SIZE_PX, Action, Scene, seen_actions, unseen_actions
from ..config import Setting
from .dataset import ClipRequest, Example

Split = Literal["train", "seen-test", "unseen-test"]

KNOWS = "moving shapes and not people"

_TRAIN_CLIPS = 1 << 20
# The mixed setting of training begins plain and grows to half hard: trained on everything at once,
# the network learns motions several times more slowly.
_PLAIN_CLIPS, _RAMP_CLIPS, _HARD_SHARE = 50_000, 50_000, 0.5
_TEST_CLIPS_PER_CLASS = 20
_SPLIT_SEEDS: dict[str, int] = {"train": 0, "seen-test": 1, "unseen-test": 2}


class MovingShapes:
    """One split; its classes' names are unambiguous, their texts depend on the setting."""

    def __init__(self, split: Split, setting: Setting = "plain", *, seed: int = 0) -> None:
        self._actions = unseen_actions() if split == "unseen-test" else seen_actions()
        self._setting = setting
        self._seed = [seed, _SPLIT_SEEDS[split]]
        self._size = _TRAIN_CLIPS if split == "train" else self._test_size
        labels = [action.label for action in self._actions]
        if setting == "plain":
            labels = [dataclasses.replace(label, text=label.name) for label in labels]
        self.labels = tuple(labels)

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

        `request.clip` decides what it shows; in the mixed setting `request.draw`, the number of
        clips seen before, decides the probability of a hard one.
        """
        scene, times_s = self.scene(request)
        frames = [scene.frame(time_s, times_s[0]) for time_s in times_s]
        return Example(torch.from_numpy(np.stack(frames)), self.class_of(request.clip))

    def scene(self, request: ClipRequest) -> tuple[Scene, npt.NDArray[np.float64]]:
        """Return the scene of a request, and the times of its frames in seconds, [T]."""
        rng = np.random.default_rng([*self._seed, request.clip])
        hard = rng.random() < self._hard_share(request.draw)
        scene = Scene.draw(self._actions[self.class_of(request.clip)], rng, hard=hard)
        return scene, rng.uniform(0, 2) + np.arange(SAMPLING.frames) / SAMPLING.rate_fps

    def _hard_share(self, seen_clips: int) -> float:
        if self._setting == "mixed":
            return _HARD_SHARE * min(1, max(0, seen_clips - _PLAIN_CLIPS) / _RAMP_CLIPS)
        return 1.0 if self._setting == "hard" else 0.0


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
