"""MovingShapes: a generated benchmark for zero-shot recognition of actions.

A class is a shape and a motion. 24 of the 120 combinations are never seen in training, though each
shape and each motion is. In the hard setting words are ambiguous ("swinging" and "charging" each
name two motions, which only the attributes tell apart), the action fills a part of the window, and
other shapes stand about. Every clip is a function of its seed; nothing is stored.
"""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import torch

from ..runtime.errors import StzsarError
from ..runtime.labels import Label
from ..runtime.manifest import SamplingSpec
from .data import Clip, ClipRequest
from .drawing import OUTLINES, Colour, background, draw_shape
from .motions import MOTIONS, Chance, Motion

Array = npt.NDArray[Any]
Setting = Literal["plain", "hard", "mixed"]
Split = Literal["train", "seen-test", "unseen-test"]

SIZE_PX = 64
SAMPLING = SamplingSpec(frames=8, rate_fps=4.0)
KNOWS = "moving shapes and not people"
COLOURS: tuple[Colour, ...] = (
    (70, 70, 240), (80, 210, 80), (240, 130, 60), (60, 210, 240),
    (220, 80, 220), (230, 220, 80), (240, 240, 240), (60, 140, 250),
)  # fmt: skip

SHAPE_ATTRIBUTES: dict[str, tuple[str, str, str, str]] = {
    "circle": ("round disc", "no corners", "curved edge", "solid ball"),
    "square": ("four equal sides", "right angles", "boxy body", "flat top"),
    "triangle": ("three sides", "pointed top", "wide base", "sloping edges"),
    "star": ("five points", "spiky body", "sharp tips", "radiating arms"),
    "cross": ("plus sign", "two crossed bars", "four arms", "notched corners"),
    "ring": ("hole in the middle", "hollow hoop", "thin band", "open centre"),
    "diamond": ("standing on a tip", "narrow rhombus", "tall facets", "slanted sides"),
    "heart": ("two lobes on top", "love symbol", "cleft top", "tapering below"),
    "hourglass": ("narrow waist", "two facing triangles", "pinched middle", "sand timer"),
    "crescent": ("thin moon", "sickle", "bitten disc", "curved horns"),
}
SHAPES = tuple(OUTLINES)

_TRAIN_CLIPS = 1 << 20
_TEST_CLIPS_PER_CLASS = 20
_SPLIT_SEEDS: dict[str, int] = {"train": 0, "seen-test": 1, "unseen-test": 2}


@dataclass(frozen=True)
class Action:
    """One class: a shape and what it does."""

    shape: str
    motion: Motion

    @property
    def label(self) -> Label:
        """The class with its unambiguous name, and the words of the hard setting as its text."""
        return Label(
            f"{self.shape} {self.motion.name}",
            f"{self.shape} {self.motion.word}",
            SHAPE_ATTRIBUTES[self.shape] + self.motion.attributes,
        )


def seen_actions() -> tuple[Action, ...]:
    """Return the 96 combinations of the training split."""
    return tuple(a for a in _all_actions() if not _held_out(a))


def unseen_actions() -> tuple[Action, ...]:
    """Return the 24 combinations that no training clip shows."""
    return tuple(a for a in _all_actions() if _held_out(a))


def _all_actions() -> tuple[Action, ...]:
    return tuple(Action(shape, motion) for shape in SHAPES for motion in MOTIONS)


def _held_out(action: Action) -> bool:
    """Hold out two shapes of each motion, and so two or three motions of each shape."""
    offset = SHAPES.index(action.shape) - MOTIONS.index(action.motion)
    return offset % 5 == 0


class MovingShapes:
    """One split of the benchmark.

    Attributes:
        labels: the split's classes; names are unambiguous, texts are as the setting has them.
    """

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
        """Return the number of clips."""
        return self._size

    def __getitem__(self, request: ClipRequest) -> Clip:
        """Return the clip of a request; `request.index` alone decides what it shows."""
        label = request.index % len(self._actions)
        rng = np.random.default_rng([*self._seed, request.index])
        hard = self._setting == "hard" or (self._setting == "mixed" and rng.random() < 0.5)
        scene = Scene.draw(self._actions[label], rng, hard=hard)
        times = rng.uniform(0, 2) + np.arange(SAMPLING.frames) / SAMPLING.rate_fps
        return Clip(torch.from_numpy(np.stack([scene.frame(t, times[0]) for t in times])), label)


@dataclass(frozen=True)
class Distractor:
    """A shape that stands still and means nothing."""

    shape: str
    x: float
    y: float
    radius: float
    colour: Colour


@dataclass(frozen=True)
class Scene:
    """Everything random of one clip, so that it can be drawn at any time.

    Attributes:
        action: what is shown.
        backdrop: uint8 [S, S, 3].
        chance: the motion's random values.
        colour: of the shape, BGR.
        distractors: none in the plain setting.
        active_s: start and end of the action within the window; it stands still outside.
    """

    action: Action
    backdrop: Array
    chance: Chance
    colour: Colour
    distractors: tuple[Distractor, ...]
    active_s: tuple[float, float] | None

    @classmethod
    def draw(cls, action: Action, rng: np.random.Generator, *, hard: bool) -> "Scene":
        """Draw the scene of `action`."""
        colours = rng.permutation(len(COLOURS))
        backdrop = background(rng, SIZE_PX)
        chance = Chance.draw(rng)
        length = SAMPLING.window_s * rng.uniform(0.55, 0.8)
        start = rng.uniform(0, SAMPLING.window_s - length)
        others = [shape for shape in SHAPES if shape != action.shape]
        distractors = tuple(
            Distractor(
                shape=others[rng.integers(len(others))],
                x=rng.uniform(0.1, 0.9),
                y=rng.uniform(0.1, 0.9),
                radius=rng.uniform(0.06, 0.1),
                colour=COLOURS[colours[1 + i]],
            )
            for i in range(rng.integers(1, 3))
        )
        return cls(
            action=action,
            backdrop=backdrop,
            chance=chance,
            colour=COLOURS[colours[0]],
            distractors=distractors if hard else (),
            active_s=(start, start + length) if hard else None,
        )

    def frame(self, time_s: float, window_start_s: float = 0.0) -> Array:
        """Return the picture at `time_s`, uint8 [S, S, 3] BGR."""
        if self.active_s is not None:
            first, last = (window_start_s + offset for offset in self.active_s)
            time_s = min(max(time_s, first), last)
        canvas = self.backdrop.copy()
        pose = self.action.motion.move(time_s, self.chance)
        for other in self.distractors:
            centre = (other.x * SIZE_PX, other.y * SIZE_PX)
            draw_shape(canvas, other.shape, centre, other.radius * SIZE_PX, other.colour)
        self.action.motion.prop(canvas, self.chance, pose)
        if pose.brightness > 0:
            colour = tuple(round(channel * pose.brightness) for channel in self.colour)
            centre = (pose.x * SIZE_PX, pose.y * SIZE_PX)
            draw_shape(canvas, self.action.shape, centre, pose.radius * SIZE_PX, colour)  # type: ignore[arg-type]
        return canvas


def find_action(name: str) -> Action:
    """Return the action whose label is called `name`.

    Raises:
        StzsarError: there is none.
    """
    for action in _all_actions():
        if action.label.name == name:
            return action
    raise StzsarError(
        f"MovingShapes has no action {name!r}; one is {_all_actions()[0].label.name!r}."
    )


def write_video(
    path: Path,
    actions: Sequence[Action],
    *,
    seconds_each: float,
    seed: int = 0,
    fps: float = 24.0,
    scale: int = 1,
) -> None:
    """Write one video in which each action is shown for `seconds_each`, one after the other.

    Args:
        path: an .mp4 (MPEG-4) or .avi (MJPEG) file.
        actions: what is shown.
        seconds_each: seconds of each action, plain setting.
        seed: of the scenes.
        fps: frames a second.
        scale: enlargement of the 64 px picture.

    Raises:
        StzsarError: the file cannot be written.
    """
    import cv2

    side = SIZE_PX * scale
    codec = "MJPG" if path.suffix == ".avi" else "mp4v"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*codec), fps, (side, side))
    if not writer.isOpened():
        raise StzsarError(
            f"Cannot write {path}: the folder must exist, and end it in .mp4 or .avi."
        )
    for number, action in enumerate(actions):
        scene = Scene.draw(action, np.random.default_rng([seed, number]), hard=False)
        for index in range(round(seconds_each * fps)):
            picture = scene.frame(index / fps)
            writer.write(cv2.resize(picture, (side, side), interpolation=cv2.INTER_NEAREST))
    writer.release()
