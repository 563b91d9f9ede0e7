"""The scenes of MovingShapes: things and their motions, drawn at any time.

The training benchmark and the source test://moving-shapes are made of them.
"""

from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

from ..bundle.manifest import SamplingSpec
from ..errors import StzsarError
from ..labels.labels import Label
from .drawing import Colour, background, draw_shape
from .motions import MOTIONS, Chance, Motion

Array = npt.NDArray[Any]

SIZE_PX = 64
SAMPLING = SamplingSpec(frames=8, rate_fps=4.0)


@dataclass(frozen=True)
class Thing:
    """A shape in one colour (BGR), with four descriptions."""

    name: str
    shape: str
    colour: Colour
    attributes: tuple[str, str, str, str]


_RED, _YELLOW, _GREEN = (60, 60, 235), (60, 215, 245), (80, 200, 80)
_BLUE, _WHITE = (240, 130, 50), (240, 240, 240)

# Two things share each colour, so that colour alone does not identify a thing.
THINGS: tuple[Thing, ...] = (
    Thing("red heart", "heart", _RED,
          ("crimson", "two lobes on top", "love symbol", "tapering below")),
    Thing("red cross", "cross", _RED,
          ("scarlet", "plus sign", "two crossed bars", "notched corners")),
    Thing("yellow star", "star", _YELLOW,
          ("golden", "five points", "spiky body", "radiating arms")),
    Thing("yellow crescent", "crescent", _YELLOW,
          ("amber", "thin moon", "sickle", "curved horns")),
    Thing("green triangle", "triangle", _GREEN,
          ("emerald", "three sides", "pointed top", "wide base")),
    Thing("green square", "square", _GREEN,
          ("lime", "four equal sides", "right angles", "boxy body")),
    Thing("blue circle", "circle", _BLUE,
          ("azure", "round disc", "no corners", "solid ball")),
    Thing("blue hourglass", "hourglass", _BLUE,
          ("sapphire", "narrow waist", "two facing wedges", "pinched middle")),
    Thing("white ring", "ring", _WHITE,
          ("snowy", "hole in the middle", "hollow hoop", "open centre")),
    Thing("white diamond", "diamond", _WHITE,
          ("pale", "standing on a tip", "narrow rhombus", "slanted sides")),
)  # fmt: skip


@dataclass(frozen=True)
class Action:
    """One class: a thing and its motion."""

    thing: Thing
    motion: Motion

    @property
    def label(self) -> Label:
        """The class's label: an unambiguous name, with the words of the hard setting as text."""
        return Label(
            f"{self.thing.name} {self.motion.name}",
            f"{self.thing.name} {self.motion.word}",
            self.thing.attributes + self.motion.attributes,
        )


def seen_actions() -> tuple[Action, ...]:
    """Return the 96 combinations of the training split."""
    return tuple(a for a in _all_actions() if not _held_out(a))


def unseen_actions() -> tuple[Action, ...]:
    """Return the 24 combinations that training never shows."""
    return tuple(a for a in _all_actions() if _held_out(a))


def _all_actions() -> tuple[Action, ...]:
    return tuple(Action(thing, motion) for thing in THINGS for motion in MOTIONS)


def _held_out(action: Action) -> bool:
    """Hold out pairs of motions, each for two things.

    The two motions of a pair are easily confused (opposite directions, one word for both), so that
    the unseen classes test the difference.
    """
    pair = MOTIONS.index(action.motion) // 2
    return THINGS.index(action.thing) % 5 == pair % 5


@dataclass(frozen=True)
class Distractor:
    """A thing that stands still and means nothing; position and radius in picture sides."""

    thing: Thing
    x: float
    y: float
    radius: float


@dataclass(frozen=True)
class Scene:
    """All random values of one clip, so that it can be drawn at any time.

    Attributes:
        action: what the clip shows.
        backdrop: uint8 [S, S, 3].
        chance: the motion's random values.
        brightness: of the thing's colour, 0 to 1.
        distractors: none in the plain setting.
        active_s: start and end of the motion within the window; None moves all the time.
    """

    action: Action
    backdrop: Array
    chance: Chance
    brightness: float
    distractors: tuple[Distractor, ...]
    active_s: tuple[float, float] | None

    @classmethod
    def draw(cls, action: Action, rng: np.random.Generator, *, hard: bool) -> "Scene":
        """Draw the scene of `action`."""
        backdrop = background(rng, SIZE_PX)
        chance = Chance.draw(rng)
        length = SAMPLING.window_s * rng.uniform(0.55, 0.8)
        start = rng.uniform(0, SAMPLING.window_s - length)
        others = [thing for thing in THINGS if thing != action.thing]
        distractors = tuple(
            Distractor(
                thing=others[rng.integers(len(others))],
                x=rng.uniform(0.1, 0.9),
                y=rng.uniform(0.1, 0.9),
                radius=rng.uniform(0.06, 0.1),
            )
            for _ in range(rng.integers(1, 3))
        )
        return cls(
            action=action,
            backdrop=backdrop,
            chance=chance,
            brightness=rng.uniform(0.8, 1),
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
            draw_shape(
                canvas, other.thing.shape, centre, other.radius * SIZE_PX, other.thing.colour
            )
        self.action.motion.prop(canvas, self.chance, pose)
        if pose.brightness > 0:
            thing, centre = self.action.thing, (pose.x * SIZE_PX, pose.y * SIZE_PX)
            light = pose.brightness * self.brightness
            blue, green, red = (round(channel * light) for channel in thing.colour)
            draw_shape(canvas, thing.shape, centre, pose.radius * SIZE_PX, (blue, green, red))
        return canvas


def find_action(name: str) -> Action:
    """Return the action with the label `name`.

    Raises:
        StzsarError: there is none.
    """
    actions = _actions_by_name()
    if name not in actions:
        raise StzsarError(f"MovingShapes has no action {name!r}: take one like {min(actions)!r}.")
    return actions[name]


@cache
def _actions_by_name() -> dict[str, Action]:
    return {action.label.name: action for action in _all_actions()}
