"""python -m stzsar.benchmarks.false_alarms: false alarms and missed actions after calibration.

MovingShapes plays a site. The labels are unseen classes of five of its ten things. Ordinary footage
shows classes that are not labels, without a pause: of the other five things, which have the same
colours, or of all ten, where mostly the motion tells them apart. Thresholds come from one half of
the footage, false events are counted on the other half, and true actions run between ordinary ones.
"""

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import click
import cloup
import numpy as np

from ..runtime.bundle.bundle import shipped_bundle
from ..runtime.decisions.calibrator import Calibrator
from ..runtime.decisions.events import Decider
from ..runtime.decisions.policy import Policy
from ..runtime.engines.graph import Array
from ..runtime.recognizer import Recognizer
from ..runtime.results import ActionEvent, Recognition, Score
from ..runtime.scoring.scorer import Scorer, softmax
from ..runtime.shapes.scenes import (
    SAMPLING,
    THINGS,
    Action,
    Scene,
    find_action,
    seen_actions,
    unseen_actions,
)
from .command import benchmark, count_option
from .tables import markdown

RATES_PER_DAY = (240.0, 24.0, 1.0)
_THINGS = THINGS[::2]
_ACTIONS = tuple(action for action in unseen_actions() if action.thing in _THINGS)
_ORDINARY = {
    "other things": tuple(action for action in seen_actions() if action.thing not in _THINGS),
    "the same things too": seen_actions(),
}
_LEAST_HOURS = 0.4  # calibration takes ten minutes at least
_SHORTEST_S, _LONGEST_S = 4.0, 10.0
_PERIOD_S = 1 / SAMPLING.rate_fps


@dataclass(frozen=True, kw_only=True)
class Options:
    """How much footage to generate: of ordinary footage half is for calibration."""

    hours: float = 4.0
    actions: int = 240
    kinds: tuple[str, ...] = tuple(_ORDINARY)


@dataclass(frozen=True)
class Shown:
    start_s: float
    end_s: float
    name: str
    seed: int


@dataclass(frozen=True, kw_only=True)
class AlarmCount:
    kind: str
    asked_per_day: float | None  # what calibration aims at; None without calibration
    ordinary_hours: float  # footage without any of the actions
    false_events: int  # events in it
    actions: int  # how many the other footage shows
    found: int  # how many of them had an event with their label


@benchmark(
    usual=Options(),
    quick=Options(hours=_LEAST_HOURS, actions=3, kinds=("other things",)),
)
@cloup.option(
    "--hours", metavar="H", type=click.FloatRange(min=_LEAST_HOURS), show_default="4",
    help="Generate H hours of each kind of ordinary footage, half of it to calibrate on.",
)  # fmt: skip
@count_option("--actions", Options.actions, "Show N actions between ordinary ones.")
def main(options: Options) -> None:
    """Calibrate on generated footage, and count false events and found actions."""
    click.echo(table(measure(options)))


def measure(options: Options) -> list[AlarmCount]:
    """Return a row without calibration and one for each rate, for each kind of footage."""
    labels = [action.label for action in _ACTIONS]
    recognizer = Recognizer.load(shipped_bundle(), labels=labels, threads=1)
    return [row for kind in options.kinds for row in measure_kind(recognizer, kind, options)]


def measure_kind(recognizer: Recognizer, kind: str, options: Options) -> list[AlarmCount]:
    scorer, half_s, actions = recognizer.scorer, options.hours * 1800, options.actions
    policies = calibrated(recognizer, ordinary(kind, half_s, seed=0))
    false = decide(scorer, policies, ordinary(kind, half_s, seed=1))
    shown = mixed(kind, actions, seed=2)
    events = decide(scorer, policies, shown)
    return [
        AlarmCount(
            kind=kind,
            asked_per_day=rate,
            ordinary_hours=half_s / 3600,
            false_events=len(false[rate]),
            actions=actions,
            found=count_found(shown, events[rate]),
        )
        for rate in policies
    ]


def calibrated(recognizer: Recognizer, footage: Sequence[Shown]) -> dict[float | None, Policy]:
    """Return a policy for each rate, and one without thresholds for None."""
    calibrator = Calibrator(recognizer.labels, recognizer.manifest, Policy(), sampling=SAMPLING)
    for end_s, similarities, _ in windows(recognizer.scorer, footage):
        calibrator.add("first half", end_s, similarities)
    policies: dict[float | None, Policy] = {None: Policy()}
    for rate in RATES_PER_DAY:
        policies[rate] = calibrator.thresholds(rate).apply(
            Policy(), recognizer.manifest, recognizer.labels, sampling=SAMPLING
        )
    return policies


def ordinary(kind: str, seconds: float, *, seed: int) -> list[Shown]:
    """Return classes that are not labels, back to back."""
    played = _play(itertools.repeat(_ORDINARY[kind]), seed)
    return list(itertools.takewhile(lambda shown: shown.start_s < seconds, played))


def mixed(kind: str, actions: int, *, seed: int) -> list[Shown]:
    """Return actions of the labels, each after an ordinary one."""
    return list(_play([_ORDINARY[kind], _ACTIONS] * actions, seed))


def windows(scorer: Scorer, footage: Sequence[Shown]) -> Iterator[tuple[float, Array, Array]]:
    """Yield each window's end in seconds, and the similarity and score of all labels, [C]."""
    frames = SAMPLING.frames
    history: list[dict[str, Array]] = []
    for shown in footage:
        states = scorer.encode(_frames(shown))
        for row in range(len(states[next(iter(states))])):
            history = [*history[1 - frames :], {name: states[name][row] for name in states}]
            if len(history) < frames:
                continue
            stacked = {name: np.stack([one[name] for one in history])[None] for name in states}
            logits, _, scale = scorer.score(stacked)
            end_s = shown.start_s + row * _PERIOD_S
            yield end_s, logits[0] / scale, softmax(logits[0].astype(np.float64))


def decide(
    scorer: Scorer, policies: Mapping[float | None, Policy], footage: Sequence[Shown]
) -> dict[float | None, list[ActionEvent]]:
    """Return the end events of each policy; an end event holds its start too."""
    names = scorer.bank.names
    deciders = {rate: Decider(policy, "site") for rate, policy in policies.items()}
    ends: dict[float | None, list[ActionEvent]] = {rate: [] for rate in policies}
    for end_s, similarities, scores in windows(scorer, footage):
        best = np.argsort(-scores, kind="stable")[: Policy().labels_needed]
        top = tuple(
            Score(names[c], float(scores[c]), float(similarities[c])) for c in best.tolist()
        )
        start_s = end_s - (SAMPLING.frames - 1) * _PERIOD_S
        recognition = Recognition(
            "site", start_s, end_s, SAMPLING.frames, top, rate_fps=SAMPLING.rate_fps
        )
        for rate, decider in deciders.items():
            ends[rate] += _ends(decider.decide(recognition)[1])
    for rate, decider in deciders.items():
        ends[rate] += _ends(decider.finish())
    return ends


def count_found(footage: Sequence[Shown], ends: Sequence[ActionEvent]) -> int:
    """Count the shown actions that overlap an event with their label."""
    return sum(
        any(
            end.label == shown.name
            and end.time_s - end.duration_s < shown.end_s
            and end.time_s > shown.start_s
            for end in ends
        )
        for shown in footage
    )


def table(rows: Sequence[AlarmCount]) -> str:
    cells = []
    for row in rows:
        asked = "not calibrated"
        if row.asked_per_day is not None:
            asked = f"{row.asked_per_day:g} per day = {row.asked_per_day / 24:.2g} per hour"
        false = f"{row.false_events / row.ordinary_hours:.2f}"
        false += f" ({row.false_events} in {row.ordinary_hours:g} h)"
        found = f"{row.found} of {row.actions} ({row.found / row.actions:.0%})"
        cells.append((row.kind, asked, false, found))
    return markdown(
        ("ordinary footage", "false alarms asked for", "counted, per hour", "actions found"), cells
    )


def _play(each: Iterable[Sequence[Action]], seed: int) -> Iterator[Shown]:
    """Yield an action of each group, back to back."""
    rng, now_s = np.random.default_rng([3, seed]), 0.0
    for candidates in each:
        action = candidates[int(rng.integers(len(candidates)))]
        end_s = now_s + round(rng.uniform(_SHORTEST_S, _LONGEST_S) / _PERIOD_S) * _PERIOD_S
        yield Shown(now_s, end_s, action.label.name, int(rng.integers(1 << 32)))
        now_s = end_s


def _frames(shown: Shown) -> Array:
    scene = Scene.draw(find_action(shown.name), np.random.default_rng(shown.seed), hard=False)
    count = round((shown.end_s - shown.start_s) / _PERIOD_S)
    return np.stack([scene.frame(row * _PERIOD_S) for row in range(count)])


def _ends(events: Sequence[ActionEvent]) -> list[ActionEvent]:
    return [event for event in events if event.event == "end"]


if __name__ == "__main__":
    main()
