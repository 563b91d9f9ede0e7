"""python -m stzsar.benchmarks.false_alarms: false alarms and missed actions, by what decides.

MovingShapes plays a site. The labels are unseen classes of five of its ten things. Ordinary footage
shows classes that are not labels: of the other five things, which have the same colours, or of all
ten, where mostly the motion tells them apart. Thresholds come from each half of the footage, false
events are counted on the other half, and true actions run between ordinary ones. With three hours
in a half, one false alarm an hour is extrapolated from the highest twenty peaks, and counted as
six.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import product

import click
import cloup
import numpy as np

from ..runtime.bundle.bundle import Bundle, shipped_bundle
from ..runtime.decisions.detector import Given
from ..runtime.decisions.events import Decider
from ..runtime.decisions.footage import SeenWindows
from ..runtime.decisions.operating_point import events_in
from ..runtime.decisions.policy import Policy
from ..runtime.engines.graph import Array
from ..runtime.labels.labels import Label
from ..runtime.recognizer import Recognizer
from ..runtime.results import ActionEvent, AllScores, Recognition
from ..runtime.scoring.scorer import largest, softmax
from ..runtime.scoring.seen_bias import biases_of
from ..runtime.shapes.scenes import SAMPLING
from ..runtime.teaching.scenes import discriminants
from ..runtime.teaching.teach import Fit, Teacher
from .site_footage import (
    ACTIONS,
    PERIOD_S,
    SITES,
    Shown,
    Site,
    Windows,
    examples,
    mixed,
    ordinary,
    see,
)
from .tools.command import benchmark, count_option
from .tools.tables import markdown

RATES_PER_DAY = (240.0, 24.0)
_LEAST_HOURS = 0.4  # calibration takes ten minutes at least
_EXAMPLE_S, _ONSET_S = 6.0, 2.0


@dataclass(frozen=True)
class Lever:
    """What decides: with how many examples of each label, and with the ordinary labels or not."""

    name: str
    examples: int = 0
    ignore: bool = False
    calibrated: bool = True
    fit: Fit = discriminants  # what learns from examples


LEVERS = (
    Lever("score alone", calibrated=False),
    Lever("score, ignore list", ignore=True, calibrated=False),
    Lever("calibrated"),
    Lever("calibrated, ignore list", ignore=True),
    Lever("1 example", examples=1),
    Lever("3 examples", examples=3),
    Lever("5 examples", examples=5),
    Lever("1 example, ignore list", examples=1, ignore=True),
    Lever("3 examples, ignore list", examples=3, ignore=True),
)


@dataclass(frozen=True, kw_only=True)
class Options:
    """How much footage to generate: of ordinary footage half is for calibration."""

    hours: float = 6.0
    actions: int = 120
    seeds: int = 1
    sites: tuple[Site, ...] = SITES
    levers: tuple[Lever, ...] = LEVERS


@dataclass(frozen=True, kw_only=True)
class AlarmCount:
    """What one way to decide gives at one site, with one seed."""

    site: str
    lever: str  # what decides
    asked_per_day: float | None  # what thresholds aim at; None without calibration
    ordinary_hours: float  # footage without any of the actions
    false_events: int  # events in it
    actions: int  # how many the other footage shows
    found: int  # how many of them had an event with their label
    prompt: int  # how many of them had one that starts within two seconds of theirs


@benchmark(
    usual=Options(),
    quick=Options(
        hours=_LEAST_HOURS, actions=3, sites=SITES[:1], levers=(LEVERS[0], LEVERS[3], LEVERS[4])
    ),
)
@cloup.option(
    "--hours", metavar="H", type=click.FloatRange(min=_LEAST_HOURS), show_default="6",
    help="Generate H hours of ordinary footage for each site, half of it to calibrate on.",
)  # fmt: skip
@count_option("--actions", Options.actions, "Show N actions between ordinary ones.")
@count_option("--seeds", Options.seeds, "Generate everything N times anew.")
@cloup.option(
    "--site", "sites", type=click.Choice([site.name for site in SITES]), multiple=True,
    metavar="SITE", show_default="all", callback=lambda _context, _option, names: _sites(names),
    help=f"Play this site: {', '.join(site.name for site in SITES)}. Repeat it for more.",
)  # fmt: skip
def main(options: Options) -> None:
    """Calibrate and teach on generated footage, and count false events and found actions."""
    click.echo(table(measure(options)))


def measure(options: Options) -> list[AlarmCount]:
    """Return two rows for each site, lever, rate and seed: one for each half that is counted."""
    half_s = options.hours * 1800
    counts: list[AlarmCount] = []
    for seed in range(0, 10 * options.seeds, 10):

        @cache
        def played(alike: Site, seed: int = seed) -> Played:
            return Played.of(alike, half_s, seed=seed)

        for site in options.sites:
            counts += measure_site(site, played(site.as_ordinary), options, seed=seed)
    return counts


@dataclass(frozen=True, eq=False)
class Played:
    """A recogniser of the actions, and what it sees of a site's ordinary footage in two halves."""

    recognizer: Recognizer
    halves: tuple[Windows, Windows]

    @classmethod
    def of(cls, site: Site, half_s: float, *, seed: int) -> "Played":
        """Play so many seconds of each half."""
        bundle = Bundle.open(shipped_bundle())
        recognizer = Recognizer.load(
            bundle,
            [action.label for action in ACTIONS],
            ignore=site.ignore,
            context=bundle.bank.labels,
            threads=1,
        )
        one, other = (
            see(recognizer.scorer, ordinary(site, half_s, seed=half)) for half in (seed, seed + 1)
        )
        return cls(recognizer, (one, other))


def measure_site(site: Site, played: Played, options: Options, *, seed: int) -> list[AlarmCount]:
    """Calibrate on each half of a site's footage, and count on the other."""
    recognizer = played.recognizer
    footage = mixed(site, options.actions, seed=seed + 2)
    shown = see(recognizer.scorer, footage)
    most = max(lever.examples for lever in options.levers)
    clips = [
        (clip.name, see(recognizer.scorer, [clip]).similarities)
        for clip in examples(site, most, seconds=_EXAMPLE_S, seed=seed)
    ]
    counts = []
    # Each half calibrates for the other: what one shows more often evens out.
    turns = (played.halves, played.halves[::-1])
    for lever, (calm, other) in product(options.levers, turns):
        columns = _columns(recognizer.labels, lever)
        for rate, policy in _policies(recognizer, lever, columns, calm, clips).items():
            found = decide(policy, shown, recognizer, columns)
            counts.append(
                AlarmCount(
                    site=site.name,
                    lever=lever.name,
                    asked_per_day=rate,
                    ordinary_hours=len(other.ends_s) * PERIOD_S / 3600,
                    false_events=len(decide(policy, other, recognizer, columns)),
                    actions=options.actions,
                    found=count_found(footage, found),
                    prompt=count_prompt(footage, found),
                )
            )
    return counts


def decide(
    policy: Policy, seen: Windows, recognizer: Recognizer, columns: Array
) -> list[ActionEvent]:
    """Return the end events, as a run gives them that scores only these labels.

    An end event holds its start too.
    """
    similarities = seen.similarities[:, columns]
    if policy.evidence:
        given = policy.by_evidence(Given(policy.names), policy.thresholds or {})
        evidence = policy.evidence.of(similarities)
        events = [event for _, event in events_in(given, "site", seen.ends_s, evidence, SAMPLING)]
    else:
        labels = [recognizer.labels[column] for column in columns]
        contest = Contest.of(recognizer, labels, seen.scale)
        decider, events = Decider(policy, "site"), list[ActionEvent]()
        for end_s, row in zip(seen.ends_s, similarities, strict=True):
            events += decider.follow(contest.result(end_s, row))[1]
        events += decider.finish()
    return [event for event in events if event.event == "end"]


def count_found(footage: Sequence[Shown], ends: Sequence[ActionEvent]) -> int:
    """Count the shown actions that overlap an event with their label."""
    return _count(
        footage,
        ends,
        lambda shown, end: end.time_s - end.duration_s < shown.end_s and end.time_s > shown.start_s,
    )


def count_prompt(footage: Sequence[Shown], ends: Sequence[ActionEvent]) -> int:
    """Count the shown actions with an event of their label that starts within two seconds."""
    return _count(
        footage,
        ends,
        lambda shown, end: abs(end.time_s - end.duration_s - shown.start_s) <= _ONSET_S,
    )


def table(rows: Sequence[AlarmCount]) -> str:
    """Return means over seeds as Markdown, with the lowest and highest; columns for each rate."""
    groups: dict[tuple[str, str], dict[float | None, list[AlarmCount]]] = {}
    for row in rows:
        of_lever = groups.setdefault((row.site, row.lever), {})
        of_lever.setdefault(row.asked_per_day, []).append(row)
    head = ["site", "what decides"]
    for rate in RATES_PER_DAY:
        head += [f"{rate / 24:g} an hour: counted", "found, %", "within 2 s, %"]
    cells = []
    for names, by_rate in groups.items():
        # Without calibration nothing is asked for: what comes out stands in the first columns.
        shown = [by_rate.get(rate, []) for rate in RATES_PER_DAY]
        shown[0] = shown[0] or by_rate.get(None, [])
        cells.append([*names, *(cell for group in shown for cell in _cells(group))])
    return markdown(head, cells)


def _cells(group: Sequence[AlarmCount]) -> list[str]:
    if not group:
        return ["", "", ""]
    return [
        _range([row.false_events / row.ordinary_hours for row in group], "{:.1f}"),
        _range([100 * row.found / row.actions for row in group], "{:.0f}"),
        _range([100 * row.prompt / row.actions for row in group], "{:.0f}"),
    ]


def _sites(names: Sequence[str]) -> tuple[Site, ...]:
    return tuple(site for site in SITES if site.name in names)


def _columns(labels: Sequence[Label], lever: Lever) -> Array:
    wanted = [lever.ignore or label.role != "ignore" for label in labels]
    return np.flatnonzero(wanted)


def _policies(
    recognizer: Recognizer,
    lever: Lever,
    columns: Array,
    calm: Windows,
    clips: Sequence[tuple[str, Array]],
) -> dict[float | None, Policy]:
    if not lever.calibrated:
        return {None: Policy()}
    labels = [recognizer.labels[column] for column in columns]
    seen = SeenWindows()
    seen.scale = calm.scale
    seen.of_source["site"] = (calm.ends_s, list(calm.similarities[:, columns]))
    taught: dict[str, list[Array]] = {}
    for name, similarities in clips:
        if len(taught.setdefault(name, [])) < lever.examples:
            taught[name].append(similarities[:, columns])
    policies: dict[float | None, Policy] = {}
    teacher = Teacher(
        labels,
        seen,
        taught if lever.examples else {},
        manifest=recognizer.manifest,
        policy=Policy(),
        sampling=SAMPLING,
        fit=lever.fit,
    )
    for rate in RATES_PER_DAY:
        calibration = teacher.thresholds(rate)
        policies[rate] = calibration.apply(Policy(), recognizer.manifest, labels, sampling=SAMPLING)
    return policies


@dataclass(frozen=True, eq=False)
class Contest:
    """What a run would score: C labels that compete, and their biases."""

    names: tuple[str, ...]
    biases: Array
    actions: Array  # their places
    ignored: Array
    scale: float

    @classmethod
    def of(cls, recognizer: Recognizer, labels: Sequence[Label], scale: float) -> "Contest":
        competing = [label for label in labels if label.role != "context"]
        biases = biases_of(recognizer.manifest, competing, None)
        places = np.arange(len(competing))
        is_action = np.asarray([label.role == "action" for label in competing])
        return cls(
            tuple(label.name for label in competing),
            np.zeros(len(competing)) if biases is None else biases,
            places[is_action],
            places[~is_action],
            scale,
        )

    def result(self, end_s: float, similarities: Array) -> Recognition:
        """Return what a run would score, for the similarities of a window."""
        own = similarities[: len(self.names)]
        logits = self.scale * own - self.biases
        everything = AllScores(self.names, softmax(logits), own, self.scale)
        best = self.actions[largest(logits[self.actions], Policy().labels_needed)].tolist()
        winner = int(logits.argmax())
        return Recognition(
            "site",
            end_s - (SAMPLING.frames - 1) * PERIOD_S,
            end_s,
            SAMPLING.frames,
            tuple(everything.of(place) for place in best),
            rival=self.names[winner] if winner in self.ignored else None,
            rate_fps=SAMPLING.rate_fps,
            everything=everything,
        )


def _count(
    footage: Sequence[Shown],
    ends: Sequence[ActionEvent],
    meets: Callable[[Shown, ActionEvent], bool],
) -> int:
    return sum(
        any(end.label == shown.name and meets(shown, end) for end in ends) for shown in footage
    )


def _range(values: Iterable[float], form: str) -> str:
    numbers = list(values)
    mean = form.format(sum(numbers) / len(numbers))
    if len(numbers) == 1:
        return mean
    return f"{mean} ({form.format(min(numbers))} – {form.format(max(numbers))})"


if __name__ == "__main__":
    main()
