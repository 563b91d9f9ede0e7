"""The clips of MovingShapes: each a function of its split, its number and its setting."""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from ..labels.labels import Label
from .clip_settings import ClipSetting
from .scenes import SAMPLING, Action, Array, Scene, Untrimmed

Split = Literal["train", "seen-test", "unseen-test"]

TEST_CLIPS_PER_CLASS = 20
_SPLIT_SEEDS: dict[str, int] = {"train": 0, "seen-test": 1, "unseen-test": 2}


@dataclass(frozen=True)
class DrawnClip:
    """One clip, before it is drawn."""

    scene: Scene
    times_s: Array  # of the frames, [T]

    def frames(self) -> Array:
        """Return the pictures, uint8 [T, S, S, 3] BGR."""
        return np.stack([self.scene.frame(time_s, self.times_s[0]) for time_s in self.times_s])

    def acts(self) -> Array:
        """Return which frames show the action as it goes on, bool [T]."""
        return np.array([self.scene.acts_at(time_s, self.times_s[0]) for time_s in self.times_s])


def draw_clip(
    split: Split,
    number: int,
    action: Action,
    *,
    seed: int = 0,
    shares: Sequence[tuple[ClipSetting, float]],
    untrimmed: Untrimmed,
) -> DrawnClip:
    """Draw a clip.

    Args:
        split: what it belongs to; splits have different clips.
        number: which clip of the split.
        action: what it shows.
        seed: of the split.
        shares: the share of clips in each setting; what is left is plain.
        untrimmed: how the untrimmed setting cuts.
    """
    rng = np.random.default_rng([seed, _SPLIT_SEEDS[split], number])
    setting = _choose(shares, rng.random())
    scene = Scene.draw(
        action,
        rng,
        hard=setting != "plain",
        untrimmed=untrimmed if setting == "untrimmed" else None,
    )
    return DrawnClip(scene, rng.uniform(0, 2) + np.arange(SAMPLING.frames) / SAMPLING.rate_fps)


def _choose(shares: Sequence[tuple[ClipSetting, float]], chance: float) -> ClipSetting:
    total = 0.0
    for setting, share in shares:
        total += share
        if chance < total:
            return setting
    return "plain"


def labels_of(actions: Sequence[Action], setting: str) -> tuple[Label, ...]:
    """Return the labels of actions: their texts are ambiguous unless the setting is plain."""
    labels = (action.label for action in actions)
    if setting == "plain":
        return tuple(dataclasses.replace(label, text=label.name) for label in labels)
    return tuple(labels)
