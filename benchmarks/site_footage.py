"""A site that MovingShapes plays: ordinary footage, footage with actions, and its windows."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from ..runtime.labels.labels import Label
from ..runtime.scoring.scorer import Scorer
from ..runtime.shapes.scenes import (
    SAMPLING,
    THINGS,
    Action,
    Scene,
    find_action,
    seen_actions,
    unseen_actions,
)

Array = npt.NDArray[Any]

PERIOD_S = 1 / SAMPLING.rate_fps
_THINGS = THINGS[::2]
ACTIONS = tuple(action for action in unseen_actions() if action.thing in _THINGS)
_OF_OTHERS = tuple(action for action in seen_actions() if action.thing not in _THINGS)
_USUAL_S, _SHORT_S, _EMPTY_S = (4.0, 10.0), (1.0, 3.0), (20.0, 120.0)
_BATCH = 32  # windows at once, in this benchmark only: a run scores each by itself


@dataclass(frozen=True)
class Site:
    """What a site shows.

    Attributes:
        name: in tables.
        ordinary: the classes of ordinary footage, none of which is a label.
        lengths_s: how long an action of the labels lasts, from and to.
        still: whether the background is always the same, with nothing before it most of the time.
    """

    name: str
    ordinary: tuple[Action, ...]
    lengths_s: tuple[float, float] = _USUAL_S
    still: bool = False

    @property
    def ignore(self) -> list[Label]:
        """The labels of what is ordinary."""
        return [action.label for action in self.ordinary]

    @property
    def as_ordinary(self) -> "Site":
        """What it shows on ordinary days; equal for sites that differ in their actions only."""
        return Site("", self.ordinary, still=self.still)


SITES = (
    Site("other things", _OF_OTHERS),
    Site("the same things too", seen_actions()),
    Site("a still camera", _OF_OTHERS, still=True),
    Site("short actions", _OF_OTHERS, lengths_s=_SHORT_S),
)


@dataclass(frozen=True)
class Shown:
    """One action in the footage, or nothing (without a name); `backdrop` is that of a site."""

    start_s: float
    end_s: float
    name: str
    seed: int
    backdrop: int | None = None


def ordinary(site: Site, seconds: float, *, seed: int) -> list[Shown]:
    """Return classes that are not labels, back to back or after long empty stretches."""
    rng, footage, now_s = np.random.default_rng([3, seed]), list[Shown](), 0.0
    while now_s < seconds:
        if site.still:
            length_s = _length(_EMPTY_S, rng)
            footage.append(Shown(now_s, now_s + length_s, "", 0, backdrop=0))
            now_s += length_s
        footage.append(_show(site, site.ordinary, _USUAL_S, now_s, rng))
        now_s = footage[-1].end_s
    return footage


def mixed(site: Site, actions: int, *, seed: int) -> list[Shown]:
    """Return actions of the labels, each after an ordinary one."""
    rng, footage, now_s = np.random.default_rng([3, seed]), list[Shown](), 0.0
    for _ in range(actions):
        for candidates, lengths_s in ((site.ordinary, _USUAL_S), (ACTIONS, site.lengths_s)):
            footage.append(_show(site, candidates, lengths_s, now_s, rng))
            now_s = footage[-1].end_s
    return footage


def examples(site: Site, count: int, *, seconds: float, seed: int) -> list[Shown]:
    """Return clips of each label that are no part of the footage, each from time 0."""
    rng = np.random.default_rng([9, seed])
    backdrop = 0 if site.still else None
    return [
        Shown(0.0, seconds, action.label.name, int(rng.integers(1 << 32)), backdrop)
        for action in ACTIONS
        for _ in range(count)
    ]


@dataclass(frozen=True, eq=False)
class Windows:
    """The windows of footage.

    Attributes:
        ends_s: of each window, N of them.
        similarities: with all labels, [N, R].
        scale: logits for each unit of similarity.
    """

    ends_s: list[float]
    similarities: Array
    scale: float


def see(scorer: Scorer, footage: Sequence[Shown]) -> Windows:
    """Score all windows of footage."""
    frames, before = SAMPLING.frames, dict[str, Array]()
    ends_s, logits, scale = list[float](), list[Array](), 1.0
    for shown in footage:
        pictures = frames_of(shown)
        count = len(pictures)
        # Where nothing moves, one picture stands for all, and one window for those that follow.
        encoded = scorer.encode(pictures if shown.name else pictures[:1])
        states = {name: _lasting(value, min(count, frames)) for name, value in encoded.items()}
        joined = {
            name: np.concatenate([before[name], value]) if before else value
            for name, value in states.items()
        }
        before = {name: value[1 - frames :] for name, value in joined.items()}
        own = len(next(iter(states.values())))
        scored, scale = _scored(scorer, joined)
        first = own - len(scored)
        for row in range(first, count):
            ends_s.append(shown.start_s + row * PERIOD_S)
            logits.append(scored[min(row - first, len(scored) - 1)])
    return Windows(ends_s, np.stack(logits).astype(np.float64) / scale, scale)


def _lasting(value: Array, count: int) -> Array:
    return value if len(value) > 1 else np.repeat(value, count, axis=0)


def _scored(scorer: Scorer, states: dict[str, Array]) -> tuple[list[Array], float]:
    """Return the logits [R] of each full window of states [N, ...], and their scale."""
    frames, logits, scale = SAMPLING.frames, list[Array](), 1.0
    starts = range(len(next(iter(states.values()))) - frames + 1)
    for batch in (starts[at : at + _BATCH] for at in range(0, len(starts), _BATCH)):
        found, _, scale = scorer.score(
            {
                name: np.stack([value[start : start + frames] for start in batch])
                for name, value in states.items()
            }
        )
        logits += list(found)
    return logits, scale


def _show(
    site: Site,
    candidates: Sequence[Action],
    lengths_s: tuple[float, float],
    now_s: float,
    rng: np.random.Generator,
) -> Shown:
    action = candidates[int(rng.integers(len(candidates)))]
    seed = int(rng.integers(1 << 32))
    until_s = now_s + _length(lengths_s, rng)
    return Shown(now_s, until_s, action.label.name, seed, 0 if site.still else None)


def _length(lengths_s: tuple[float, float], rng: np.random.Generator) -> float:
    return round(rng.uniform(*lengths_s) / PERIOD_S) * PERIOD_S


def frames_of(shown: Shown) -> Array:
    """Return the pictures, uint8 [N, S, S, 3]; all alike where nothing moves."""
    action = find_action(shown.name) if shown.name else ACTIONS[0]
    scene = Scene.draw(action, np.random.default_rng(shown.seed), hard=False)
    if shown.backdrop is not None:
        of_site = Scene.draw(ACTIONS[0], np.random.default_rng([7, shown.backdrop]), hard=False)
        scene = replace(scene, backdrop=of_site.backdrop)
    count = round((shown.end_s - shown.start_s) / PERIOD_S)
    if not shown.name:
        return np.broadcast_to(scene.backdrop, (count, *scene.backdrop.shape))
    return np.stack([scene.frame(row * PERIOD_S) for row in range(count)])
