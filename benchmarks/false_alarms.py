"""python -m stzsar.benchmarks.false_alarms: false alarms and missed actions, by what decides.

MovingShapes plays a site. The labels are unseen classes of five of its ten things. Ordinary footage
shows classes that are not labels: of the other five things, which have the same colours, or of all
ten, where mostly the motion tells them apart. Thresholds come from one half of the footage, false
events are counted on the other half, and true actions run between ordinary ones.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import click
import cloup
import numpy as np

from ..runtime.bundle.bundle import Bundle, shipped_bundle
from ..runtime.decisions.events import Decider
from ..runtime.decisions.footage import SeenWindows
from ..runtime.decisions.policy import Policy
from ..runtime.engines.graph import Array
from ..runtime.labels.labels import Label
from ..runtime.recognizer import Recognizer
from ..runtime.results import ActionEvent, AllScores, Recognition
from ..runtime.scoring.scorer import largest, softmax
from ..runtime.shapes.scenes import SAMPLING
from ..runtime.teaching.teach import Teacher
from .command import benchmark, count_option
from .site_footage import ACTIONS, PERIOD_S, SITES, Shown, Site, examples, mixed, ordinary, windows
from .tables import markdown

Windows = list[tuple[float, AllScores]]

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

    hours: float = 2.0
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
    "--hours", metavar="H", type=click.FloatRange(min=_LEAST_HOURS), show_default="2",
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
    """Return a row for each site, lever, rate and seed."""
    return [
        row
        for site in options.sites
        for seed in range(options.seeds)
        for row in measure_site(site, options, seed=10 * seed)
    ]


def measure_site(site: Site, options: Options, *, seed: int) -> list[AlarmCount]:
    """Calibrate on one half of a site's footage, and count on the other."""
    bundle, half_s = Bundle.open(shipped_bundle()), options.hours * 1800
    labels = [action.label for action in ACTIONS]
    recognizer = Recognizer.load(
        bundle, labels, ignore=site.ignore, context=bundle.bank.labels, threads=1
    )
    see = _seer(recognizer)
    calm, other, footage = (
        see(ordinary(site, half_s, seed=seed)),
        see(ordinary(site, half_s, seed=seed + 1)),
        mixed(site, options.actions, seed=seed + 2),
    )
    shown = see(footage)
    most = max(lever.examples for lever in options.levers)
    clips = examples(site, most, seconds=_EXAMPLE_S, seed=seed)
    seen_clips = [(clip.name, [scores for _, scores in see([clip])]) for clip in clips]
    counts = []
    for lever in options.levers:
        columns = _columns(recognizer.labels, lever)
        policies = _policies(recognizer, lever, columns, calm, seen_clips)
        false = decide(policies, other, recognizer.labels, columns)
        found = decide(policies, shown, recognizer.labels, columns)
        counts += [
            AlarmCount(
                site=site.name,
                lever=lever.name,
                asked_per_day=rate,
                ordinary_hours=len(other) * PERIOD_S / 3600,
                false_events=len(false[rate]),
                actions=options.actions,
                found=count_found(footage, found[rate]),
                prompt=count_prompt(footage, found[rate]),
            )
            for rate in policies
        ]
    return counts


def decide(
    policies: Mapping[float | None, Policy], seen: Windows, labels: Sequence[Label], columns: Array
) -> dict[float | None, list[ActionEvent]]:
    """Return the end events of each policy; an end event holds its start too."""
    deciders = {rate: Decider(policy, "site") for rate, policy in policies.items()}
    ends: dict[float | None, list[ActionEvent]] = {rate: [] for rate in policies}
    for end_s, everything in seen:
        recognition = recognition_of(end_s, _narrowed(everything, labels, columns), labels, columns)
        for rate, decider in deciders.items():
            ends[rate] += _ends(decider.decide(recognition)[1])
    for rate, decider in deciders.items():
        ends[rate] += _ends(decider.finish())
    return ends


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
    """Return means over seeds as Markdown, with the lowest and highest."""
    groups: dict[tuple[str, str, float | None], list[AlarmCount]] = {}
    for row in rows:
        groups.setdefault((row.site, row.lever, row.asked_per_day), []).append(row)
    cells = []
    for (site, lever, asked), group in groups.items():
        cells.append(
            (
                site,
                lever,
                "" if asked is None else f"{asked / 24:.2g}",
                _range([row.false_events / row.ordinary_hours for row in group], "{:.1f}"),
                _range([100 * row.found / row.actions for row in group], "{:.0f}"),
                _range([100 * row.prompt / row.actions for row in group], "{:.0f}"),
            )
        )
    head = ("site", "what decides", "asked, an hour", "counted", "found, %", "within 2 s, %")
    return markdown(head, cells)


def _sites(names: Sequence[str]) -> tuple[Site, ...]:
    return tuple(site for site in SITES if site.name in names)


def _seer(recognizer: Recognizer) -> Callable[[Sequence[Shown]], Windows]:
    return lambda footage: list(windows(recognizer.scorer, footage))


def _columns(labels: Sequence[Label], lever: Lever) -> Array:
    wanted = [lever.ignore or label.role != "ignore" for label in labels]
    return np.flatnonzero(wanted)


def _policies(
    recognizer: Recognizer,
    lever: Lever,
    columns: Array,
    calm: Windows,
    clips: Sequence[tuple[str, Sequence[AllScores]]],
) -> dict[float | None, Policy]:
    if not lever.calibrated:
        return {None: Policy()}
    labels = [recognizer.labels[column] for column in columns]
    seen = SeenWindows()
    seen.scale = calm[0][1].scale
    seen.of_source["site"] = (
        [end_s for end_s, _ in calm],
        [scores.similarities[columns] for _, scores in calm],
    )
    taught: dict[str, list[Array]] = {}
    for name, scores in clips:
        if len(taught.setdefault(name, [])) < lever.examples:
            taught[name].append(np.stack([one.similarities[columns] for one in scores]))
    policies: dict[float | None, Policy] = {}
    teacher = Teacher(
        labels,
        seen,
        taught if lever.examples else {},
        manifest=recognizer.manifest,
        policy=Policy(),
        sampling=SAMPLING,
    )
    for rate in RATES_PER_DAY:
        calibration = teacher.thresholds(rate)
        policies[rate] = calibration.apply(Policy(), recognizer.manifest, labels, sampling=SAMPLING)
    return policies


def _narrowed(everything: AllScores, labels: Sequence[Label], columns: Array) -> AllScores:
    """Return what a run would see that scores only these columns."""
    similarities = everything.similarities[columns]
    competing = sum(labels[column].role != "context" for column in columns)
    scores = softmax(everything.scale * similarities[:competing])
    names = tuple(everything.names[column] for column in columns)
    return AllScores(names, scores, similarities, everything.scale)


def recognition_of(
    end_s: float, everything: AllScores, labels: Sequence[Label], columns: Array | None = None
) -> Recognition:
    """Return a window of a site as a run would give it, of all labels or of some columns."""
    columns = np.arange(len(labels)) if columns is None else columns
    competing = [labels[column] for column in columns][: len(everything.scores)]
    actions = np.flatnonzero([label.role == "action" for label in competing])
    best = actions[largest(everything.scores[actions], Policy().labels_needed)].tolist()
    winner = int(everything.scores.argmax())
    return Recognition(
        "site",
        end_s - (SAMPLING.frames - 1) * PERIOD_S,
        end_s,
        SAMPLING.frames,
        tuple(everything.of(place) for place in best),
        rival=everything.names[winner] if competing[winner].role == "ignore" else None,
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
    return f"{mean} ({form.format(min(numbers))} to {form.format(max(numbers))})"


def _ends(events: Sequence[ActionEvent]) -> list[ActionEvent]:
    return [event for event in events if event.event == "end"]


if __name__ == "__main__":
    main()
