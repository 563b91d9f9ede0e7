"""How a shape moves over time, periodically, so that any window of a stream shows it.

A motion is a function of the time in seconds and of random values drawn once per clip. Lengths are
fractions of the picture's side, so that the size of the canvas does not matter.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from .drawing import Colour, draw_line, draw_shape

Array = npt.NDArray[Any]
ROPE: Colour = (90, 150, 190)
POLE: Colour = (200, 200, 200)
GRASS: Colour = (60, 150, 60)
SOCKET: Colour = (220, 80, 220)


@dataclass(frozen=True)
class Pose:
    """A shape's centre and radius in picture sides, and its brightness, 0 to 1."""

    x: float
    y: float
    radius: float
    brightness: float = 1.0


@dataclass(frozen=True)
class Chance:
    """The random values of one clip's motion.

    `x`, `y`, `radius` in picture sides; `speed` around 1; `phase` in periods, 0 to 1.
    """

    x: float
    y: float
    radius: float
    speed: float
    phase: float

    @classmethod
    def draw(cls, rng: np.random.Generator) -> "Chance":
        """Draw the values of a clip."""
        return cls(
            x=rng.uniform(0.25, 0.75),
            y=rng.uniform(0.25, 0.75),
            radius=rng.uniform(0.14, 0.18),
            speed=rng.uniform(0.85, 1.2),
            phase=rng.uniform(0, 1),
        )

    def cycle(self, time_s: float, period_s: float) -> float:
        """Return the position within the period, 0 to 1."""
        return (time_s * self.speed / period_s + self.phase) % 1.0


Move = Callable[[float, Chance], Pose]
Prop = Callable[[Array, Chance, Pose], None]


def _travel(dx: int, dy: int) -> Move:
    """Cross the picture from edge to edge and re-enter on the other side."""

    def move(time_s: float, chance: Chance) -> Pose:
        way = 1.3 * chance.cycle(time_s, 2.6) - 0.15
        x = chance.x if dx == 0 else (way if dx > 0 else 1 - way)
        y = chance.y if dy == 0 else (way if dy > 0 else 1 - way)
        return Pose(x, y, chance.radius)

    return move


def _resize(first: float, last: float) -> Move:
    def move(time_s: float, chance: Chance) -> Pose:
        factor = first + (last - first) * chance.cycle(time_s, 2.2)
        return Pose(chance.x, chance.y, chance.radius * factor)

    return move


def _blink(time_s: float, chance: Chance) -> Pose:
    visible = chance.cycle(time_s, 0.75) < 0.5
    return Pose(chance.x, chance.y, chance.radius, 1.0 if visible else 0.0)


def _shake(time_s: float, chance: Chance) -> Pose:
    swing = 0.09 * math.sin(2 * math.pi * chance.cycle(time_s, 0.6))
    return Pose(chance.x + swing, chance.y, chance.radius)


def _pendulum(time_s: float, chance: Chance) -> Pose:
    angle = 0.7 * math.sin(2 * math.pi * chance.cycle(time_s, 1.6))
    return Pose(chance.x + 0.5 * math.sin(angle), 0.05 + 0.6 * math.cos(angle), chance.radius * 0.9)


def _orbit(time_s: float, chance: Chance) -> Pose:
    angle = 2 * math.pi * chance.cycle(time_s, 1.6)
    x = 0.5 + 0.3 * math.cos(angle)
    return Pose(x, 0.5 + 0.3 * math.sin(angle), chance.radius * 0.9)


def _dash(time_s: float, chance: Chance) -> Pose:
    sweep = math.sin(2 * math.pi * chance.cycle(time_s, 1.2))
    return Pose(0.5 + 0.34 * sweep, 0.72, chance.radius * 0.9)


def _load_up(time_s: float, chance: Chance) -> Pose:
    return Pose(chance.x, chance.y, chance.radius, 0.25 + 0.75 * chance.cycle(time_s, 1.6))


def _no_prop(_canvas: Array, _chance: Chance, _pose: Pose) -> None:
    """Draw nothing: most motions have no prop."""


def _rope(canvas: Array, chance: Chance, pose: Pose) -> None:
    side = canvas.shape[0]
    draw_line(canvas, (chance.x * side, 0), (pose.x * side, pose.y * side), ROPE, 2)


def _pole(canvas: Array, _chance: Chance, _pose: Pose) -> None:
    side = canvas.shape[0]
    draw_line(canvas, (side / 2, side / 2), (side / 2, side), POLE, 3)


def _field(canvas: Array, _chance: Chance, _pose: Pose) -> None:
    side = canvas.shape[0]
    draw_line(canvas, (0, 0.93 * side), (side, 0.93 * side), GRASS, 7)


def _socket(canvas: Array, chance: Chance, pose: Pose) -> None:
    side = canvas.shape[0]
    x = 0.06 if chance.x > 0.5 else 0.94
    draw_line(canvas, (x * side, pose.y * side), (pose.x * side, pose.y * side), POLE, 1)
    draw_shape(canvas, "square", (x * side, pose.y * side), 0.06 * side, SOCKET)


@dataclass(frozen=True)
class Motion:
    """One motion of the benchmark.

    Attributes:
        name: unambiguous name.
        word: what the hard setting calls it; ambiguous words belong to two motions.
        attributes: four descriptions that avoid the name.
        move: the pose at a time.
        prop: draws what belongs to the motion, behind the shape.
    """

    name: str
    word: str
    attributes: tuple[str, str, str, str]
    move: Move
    prop: Prop = _no_prop


# In pairs that are easily confused.
MOTIONS: tuple[Motion, ...] = (
    Motion("moving left", "moving left",
           ("going west", "from the right side", "towards the left edge", "leftward path"),
           _travel(-1, 0)),
    Motion("moving right", "moving right",
           ("going east", "from the left side", "towards the right edge", "rightward path"),
           _travel(1, 0)),
    Motion("rising", "rising",
           ("going up", "from the bottom", "towards the top edge", "upward path"),
           _travel(0, -1)),
    Motion("falling", "falling",
           ("going down", "from the top", "towards the bottom edge", "downward path"),
           _travel(0, 1)),
    Motion("growing", "growing",
           ("getting larger", "small at first", "swelling outline", "expanding"),
           _resize(0.45, 1.5)),
    Motion("shrinking", "shrinking",
           ("getting smaller", "large at first", "withering outline", "contracting"),
           _resize(1.5, 0.45)),
    Motion("blinking", "blinking",
           ("on and off", "empty picture", "vanishing", "flashing light"),
           _blink),
    Motion("shaking", "shaking",
           ("quick jitter", "trembling", "to and fro in place", "nervous vibration"),
           _shake),
    Motion("swinging on a rope", "swinging",
           ("rope", "hanging from above", "pendulum arc", "taut cord"),
           _pendulum, _rope),
    Motion("swinging round a pole", "swinging",
           ("pole", "full turn", "upright post", "orbit about the middle"),
           _orbit, _pole),
    Motion("charging over the grass", "charging",
           ("green ground", "sprint along the bottom", "lawn", "dashing back and forth"),
           _dash, _field),
    Motion("charging at the socket", "charging",
           ("pink plug", "electric cable", "brightening", "dark at first"),
           _load_up, _socket),
)  # fmt: skip
