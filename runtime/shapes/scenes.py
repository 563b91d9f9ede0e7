"""The scenes of MovingShapes: things and their motions, drawn at any time.

The training benchmark and the source test://moving-shapes are made of them.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
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
SHARES, MAX_CUTS = (0.2, 0.6), 4  # what `Untrimmed` takes


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

    @classmethod
    def draw(
        cls,
        others: Sequence[Thing],
        rng: np.random.Generator,
        *,
        edge: float = 0.1,
        radius: tuple[float, float] = (0.06, 0.1),
    ) -> "Distractor":
        """Draw one of the things, with its centre at least `edge` from the picture's edges."""
        return cls(
            thing=others[int(rng.integers(len(others)))],
            x=rng.uniform(edge, 1 - edge),
            y=rng.uniform(edge, 1 - edge),
            radius=rng.uniform(*radius),
        )

    def draw_onto(self, canvas: Array) -> None:
        """Draw it onto uint8 [S, S, 3]."""
        centre = (self.x * SIZE_PX, self.y * SIZE_PX)
        draw_shape(canvas, self.thing.shape, centre, self.radius * SIZE_PX, self.thing.colour)


@dataclass(frozen=True)
class Untrimmed:
    """How the untrimmed setting cuts away from the action.

    Cuts separate the action from pauses, which show another thing at rest on another backdrop. An
    odd number of cuts begins or ends with the action, an even one has pauses at both ends.

    Raises:
        StzsarError: a value is out of range.
    """

    share: tuple[float, float] = (0.4, 0.5)  # of the time that the action fills, from and to
    cuts: int = 2

    def __post_init__(self) -> None:
        if not SHARES[0] <= self.share[0] <= self.share[1] <= SHARES[1]:
            raise StzsarError(
                f"The action cannot fill {self.share[0]:g} to {self.share[1]:g} of the time: give "
                f"a share from {SHARES[0]:g} to {SHARES[1]:g}."
            )
        if not 1 <= self.cuts <= MAX_CUTS:
            raise StzsarError(f"There cannot be {self.cuts} cuts: give 1 to {MAX_CUTS}.")

    @property
    def _parts(self) -> int:
        """How many parts the action has."""
        return (self.cuts + 1) // 2

    def pauses_s(self, rng: np.random.Generator, length_s: float) -> list[tuple[float, float]]:
        """Draw start and end of the pauses within `length_s`.

        Pauses and parts of the action are at least as long as the time between two frames.

        Raises:
            StzsarError: the parts of the action would be shorter.
        """
        shortest_s = 1 / SAMPLING.rate_fps
        if self.share[0] * length_s < self._parts * shortest_s:
            raise StzsarError(
                f"{self.cuts} cuts leave {self._parts} parts of an action of {self.share[0]:.0%}, "
                "which could fall between two frames: give fewer cuts or a larger share."
            )
        acting_s = rng.uniform(*self.share) * length_s
        pauses = self.cuts + 1 - self._parts
        free_s = length_s - acting_s - pauses * shortest_s
        marks = np.sort(rng.uniform(0, free_s, pauses - 1))
        lengths = shortest_s + np.diff(marks, prepend=0, append=free_s)
        begins_acting = self.cuts % 2 == 1 and rng.random() < 0.5
        found, now_s = [], 0.0
        for pause_s in lengths:
            now_s += acting_s / self._parts * (begins_acting or bool(found))
            found.append((now_s, now_s + pause_s))
            now_s += pause_s
        return found


UNTRIMMED = Untrimmed()


@dataclass(frozen=True)
class Pause:
    """A part of the window that shows another thing at rest, on another backdrop."""

    start_s: float  # from the start of the window
    end_s: float
    picture: Array  # uint8 [S, S, 3]

    @classmethod
    def draw(
        cls, others: Sequence[Thing], rng: np.random.Generator, start_s: float, end_s: float
    ) -> "Pause":
        """Draw a pause that shows one of the things."""
        picture = background(rng, SIZE_PX)
        resting = Distractor.draw(others, rng, edge=0.25, radius=(0.14, 0.18))
        resting.draw_onto(picture)
        return cls(start_s, end_s, picture)


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
        pauses: of the untrimmed setting, in order; the action is not in the picture.
    """

    action: Action
    backdrop: Array
    chance: Chance
    brightness: float
    distractors: tuple[Distractor, ...]
    active_s: tuple[float, float] | None
    pauses: tuple[Pause, ...] = ()

    @classmethod
    def draw(
        cls,
        action: Action,
        rng: np.random.Generator,
        *,
        hard: bool,
        untrimmed: Untrimmed | None = None,
        length_s: float = SAMPLING.window_s,
    ) -> "Scene":
        """Draw the scene of `action`; `untrimmed` adds pauses within `length_s`.

        A hard scene that is untrimmed moves whenever it shows its action.
        """
        backdrop = background(rng, SIZE_PX)
        chance = Chance.draw(rng)
        length = SAMPLING.window_s * rng.uniform(0.55, 0.8)
        start = rng.uniform(0, SAMPLING.window_s - length)
        others = [thing for thing in THINGS if thing != action.thing]
        distractors = tuple(Distractor.draw(others, rng) for _ in range(rng.integers(1, 3)))
        scene = cls(
            action=action,
            backdrop=backdrop,
            chance=chance,
            brightness=rng.uniform(0.8, 1),
            distractors=distractors if hard else (),
            active_s=(start, start + length) if hard and not untrimmed else None,
        )
        if untrimmed is None:
            return scene
        spans_s = untrimmed.pauses_s(rng, length_s)
        return replace(scene, pauses=tuple(Pause.draw(others, rng, *span) for span in spans_s))

    def acts_at(self, time_s: float, window_start_s: float = 0.0) -> bool:
        """Return whether the action goes on and is in the picture."""
        offset_s = time_s - window_start_s
        if self.active_s is not None:
            return self.active_s[0] <= offset_s <= self.active_s[1]
        return self._pause_at(offset_s) is None

    def _pause_at(self, offset_s: float) -> Pause | None:
        return next((p for p in self.pauses if p.start_s <= offset_s < p.end_s), None)

    def frame(self, time_s: float, window_start_s: float = 0.0) -> Array:
        """Return the picture at `time_s`, uint8 [S, S, 3] BGR."""
        if pause := self._pause_at(time_s - window_start_s):
            return pause.picture.copy()
        if self.active_s is not None:
            first, last = (window_start_s + offset for offset in self.active_s)
            time_s = min(max(time_s, first), last)
        canvas = self.backdrop.copy()
        pose = self.action.motion.move(time_s, self.chance)
        for other in self.distractors:
            other.draw_onto(canvas)
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
