"""python -m stzsar.benchmarks.regions: something small in a large picture, and where to look.

MovingShapes' unseen actions are shown one after the other in a small part of a large, still and
noisy picture of their kind. The whole picture, overlapping tiles, the region that the actions fill,
a wider one, and the one that --regions auto finds are recognised with the same network. Then clips
are padded into a picture of that size, and a run over the file is timed with each of them.
"""

import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

import click
import cloup
import numpy as np

from ..runtime.bundle.bundle import shipped_bundle
from ..runtime.decisions.events import Decider
from ..runtime.decisions.policy import Policy
from ..runtime.engines.graph import Array
from ..runtime.preprocessing.opencv import load_cv2
from ..runtime.recognizer import Recognizer
from ..runtime.results import ActionEvent, Recognition
from ..runtime.shapes.drawing import background
from ..runtime.shapes.scenes import SAMPLING, SIZE_PX, Scene, unseen_actions
from ..runtime.sinks.sink import Fanout
from ..runtime.sources.areas import Region, area_of, tiles
from ..runtime.sources.moving import MotionMap
from ..runtime.sources.spec import SourceSpec
from ..runtime.sources.uri import expand_sources
from ..runtime.sources.video_file import VideoSource
from ..runtime.streams.loop import StreamLoop
from ..runtime.streams.plan import plan_of
from ..runtime.streams.stream import Stream, StreamOptions
from ..runtime.video.writer import open_writer
from .bench.sources import SHIPPED_CLIP
from .tools.command import benchmark, bundle_option, count_option, rounds_option
from .tools.tables import markdown, median_and_range
from .tools.timing import in_turn, machine

SHOWN_S, PAUSE_S = 5.0, 3.0
TILES = 3, 2
# What a wider region has besides on each side, in shares of where the actions are.
AROUND = 0.1
_NOISE_LEVELS, _NOISE_PICTURES = 3.0, 8
_AUTO_FPS = 5.0
_STILL_PX = 64
_FILE_FPS = 25.0

# Where to look: regions by what the table calls them; none is the whole picture.
Views = Mapping[str, Sequence[Region]]


@dataclass(frozen=True, kw_only=True)
class Options:
    """How much to show: of each action so many times; and how large, in shares of the picture."""

    bundle: Path | None = None
    source: str = SHIPPED_CLIP
    shares: tuple[float, ...] = (0.03, 0.1)
    places: int = 4
    actions: int = 24
    rounds: int = 5
    width: int = 1920
    height: int = 1080
    cost_only: bool = False

    @property
    def size_wh(self) -> tuple[int, int]:
        return self.width, self.height


@dataclass
class Outcome:
    """What one way to look gives, summed over places."""

    windows: int = 0  # that show nothing but one action
    right: int = 0  # of these, those whose best label is the action
    actions: int = 0  # shown
    found: int = 0  # of these, those with an event of their label
    wrong: int = 0  # events of labels that are not shown then
    lanes: list[int] = field(default_factory=list)  # regions that are looked at, by place


@benchmark(
    usual=Options(),
    quick=Options(shares=(0.1,), places=1, actions=2, rounds=1, width=640, height=360),
)
@bundle_option()
@cloup.option(
    "--source",
    show_default="the sample clip",
    help="Pad this clip into a large picture, or the clips of a folder or pattern.",
)
@cloup.option("--cost-only", is_flag=True, default=None, help="Only time runs over padded clips.")
@cloup.option(
    "--share", "shares", multiple=True, show_default="0.03, 0.1", metavar="SHARE",
    type=click.FloatRange(0.005, 0.5), help="Show actions in this part of the picture. Repeat it.",
)  # fmt: skip
@count_option("--places", Options.places, "Show everything at N places.")
@count_option("--actions", Options.actions, "Show N of the 24 unseen actions at each place.")
@count_option("--width", Options.width, "Make the large picture N pixels wide.")
@count_option("--height", Options.height, "Make the large picture N pixels high.")
@rounds_option(Options.rounds, 1)
def main(options: Options) -> None:
    """Recognise what is small in a large picture in four ways, and time a run with each of them."""
    if not options.cost_only:
        click.echo(accuracy_table(measure(options)) + "\n")
    click.echo(f"{machine()}, one thread; milliseconds of CPU for each sampled picture:\n")
    click.echo(cost_table(time_runs(options)))


def measure(options: Options) -> dict[tuple[float, str], Outcome]:
    """Return what each way gives, by the share of the picture that an action takes."""
    recognizer = Recognizer.load(options.bundle or shipped_bundle(), threads=1)
    outcomes: dict[tuple[float, str], Outcome] = {}
    for share in options.shares:
        for seed in range(options.places):
            rng = np.random.default_rng([17, seed])
            site = Site.draw(share, options.actions, options.size_wh, rng)
            views = views_of(site)
            for name in views:
                outcomes.setdefault((share, name), Outcome())
            look(recognizer, site, views, {name: outcomes[share, name] for name in views})
    return outcomes


@dataclass(frozen=True)
class Site:
    """A large picture in which actions are shown one after the other, at one place."""

    still: Array  # uint8 [H, W, 3]
    noise: Array  # int16 [N, H, W, 1]
    left: int
    top: int
    side: int
    scenes: tuple[Scene, ...]

    @classmethod
    def draw(
        cls, share: float, actions: int, size_wh: tuple[int, int], rng: np.random.Generator
    ) -> "Site":
        cv2 = load_cv2()
        width, height = size_wh
        side = min(height, round((share * width * height) ** 0.5))
        left, top = int(rng.integers(width - side + 1)), int(rng.integers(height - side + 1))
        still = cv2.resize(background(rng, _STILL_PX), size_wh, interpolation=cv2.INTER_CUBIC)
        behind = cv2.resize(
            still[top : top + side, left : left + side],
            (SIZE_PX, SIZE_PX),
            interpolation=cv2.INTER_AREA,
        )
        noise = rng.normal(0, _NOISE_LEVELS, (_NOISE_PICTURES, height, width, 1))
        order = rng.permutation(len(unseen_actions()))[:actions]
        return cls(
            still=still,
            noise=noise.astype(np.int16),
            left=left,
            top=top,
            side=side,
            scenes=tuple(
                replace(Scene.draw(unseen_actions()[row], rng, hard=False), backdrop=behind)
                for row in order
            ),
        )

    @property
    def seconds(self) -> float:
        return len(self.scenes) * (SHOWN_S + PAUSE_S)

    def region(self, around: float) -> Region:
        height, width = self.still.shape[:2]
        more = around * self.side
        box = [
            max(0.0, (self.left - more) / width),
            max(0.0, (self.top - more) / height),
            min(1.0, (self.left + self.side + more) / width),
            min(1.0, (self.top + self.side + more) / height),
        ]
        return Region("drawn", area_of(box))

    def shown_at(self, time_s: float) -> Scene | None:
        number, within_s = divmod(time_s, SHOWN_S + PAUSE_S)
        return self.scenes[int(number)] if within_s < SHOWN_S else None

    def frames(self, fps: float) -> Iterator[tuple[float, Array]]:
        cv2 = load_cv2()
        for index in range(round(self.seconds * fps)):
            time_s, image = index / fps, self.still.copy()
            if scene := self.shown_at(time_s):
                part = cv2.resize(scene.frame(time_s), (self.side, self.side))
                image[self.top : self.top + self.side, self.left : self.left + self.side] = part
            noisy = image + self.noise[index % len(self.noise)]
            yield time_s, np.clip(noisy, 0, 255).astype(np.uint8)


def views_of(site: Site) -> Views:
    """Return the ways to look at a site."""
    return _plain_views(site.region(0.0)) | {
        "a wider region": (site.region(AROUND),),
        "--regions auto": found_by(site),
    }


def _plain_views(region: Region) -> dict[str, Sequence[Region]]:
    columns, rows = TILES
    return {
        "the whole picture": (),
        f"tiles = [{columns}, {rows}]": tiles(columns, rows),
        "a region": (region,),
    }


def found_by(site: Site) -> list[Region]:
    """Return what `--regions auto` proposes after a minute."""
    motion = MotionMap()
    for time_s, image in site.frames(_AUTO_FPS):
        if time_s > 60:
            break
        motion.add(image)
    return [one.region for one in motion.proposals()]


def look(recognizer: Recognizer, site: Site, views: Views, outcomes: Mapping[str, Outcome]) -> None:
    """Recognise a site in all ways."""
    looks = {name: _Look(recognizer, regions) for name, regions in views.items()}
    for time_s, image in site.frames(SAMPLING.rate_fps):
        for name, one in looks.items():
            if best := one.see(image, time_s):
                _count_window(site, best, outcomes[name])
    for name, one in looks.items():
        _count_events(site, one.finish(), outcomes[name])
        outcomes[name].lanes.append(len(one.lanes))


class _Look:
    """One way to look at a site: a lane for each region, as in a run."""

    def __init__(self, recognizer: Recognizer, regions: Sequence[Region]) -> None:
        self.lanes = [
            (region, Stream(recognizer, "site"), Decider(Policy(), "site"))
            for region in (regions or (None,))
        ]
        self._ends: list[ActionEvent] = []

    def see(self, image: Array, time_s: float) -> Recognition | None:
        """Take the next picture; return the surest of the results."""
        results: list[Recognition] = []
        for region, stream, decider in self.lanes:
            if found := stream.push(region.cut(image) if region else image, time_s):
                results.append(found)
                self._ends += _ends(decider.decide(found)[1])
        return max(results, key=lambda one: one.score, default=None)

    def finish(self) -> list[ActionEvent]:
        """Return all events that came to an end."""
        return [
            *self._ends,
            *(end for *_, decider in self.lanes for end in _ends(decider.finish())),
        ]


def _ends(events: Sequence[ActionEvent]) -> list[ActionEvent]:
    return [event for event in events if event.event == "end"]


def _count_window(site: Site, best: Recognition, outcome: Outcome) -> None:
    first, last = site.shown_at(best.start_s), site.shown_at(best.end_s)
    if first is not None and first is last:
        outcome.windows += 1
        outcome.right += best.label == first.action.label.name


def _count_events(site: Site, ends: Sequence[ActionEvent], outcome: Outcome) -> None:
    shown = [
        (scene.action.label.name, start_s, start_s + SHOWN_S)
        for number, scene in enumerate(site.scenes)
        for start_s in [number * (SHOWN_S + PAUSE_S)]
    ]

    def is_of(end: ActionEvent, name: str, start_s: float, end_s: float) -> bool:
        meets = end.time_s - end.duration_s < end_s and end.time_s > start_s
        return meets and end.label == name

    outcome.actions += len(shown)
    outcome.found += sum(any(is_of(end, *one) for end in ends) for one in shown)
    outcome.wrong += sum(not any(is_of(end, *one) for one in shown) for end in ends)


def time_runs(options: Options) -> dict[str, list[float]]:
    """Return the CPU's milliseconds for each sampled picture of a padded clip, by way to look."""
    recognizer = Recognizer.load(options.bundle or shipped_bundle(), threads=1)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "padded.mp4"
        region = pad_clips(options.source, path, options.size_wh)
        ways = _plain_views(region)
        tasks = [partial(_run, recognizer, path, regions) for regions in ways.values()]
        in_turn(tasks, 1)  # a warm-up
        rounds = in_turn(tasks, options.rounds)
    return {name: [row[column] for row in rounds] for column, name in enumerate(ways)}


def pad_clips(source: str, path: Path, size_wh: tuple[int, int]) -> Region:
    """Write clips into the middle of a large picture; return the region of the last of them."""
    cv2 = load_cv2()
    width, height = size_wh
    noise = np.random.default_rng(0).integers(0, 255, (height, width, 3), np.uint8)
    still = cv2.GaussianBlur(noise, (0, 0), 9)
    writer = open_writer(path, _FILE_FPS, size_wh, fragments=False)
    box: list[float] = []
    for file in expand_sources([source]):
        clip = VideoSource.open(file)
        try:
            for frame in clip.frames():
                h, w = frame.image_hwc.shape[:2]
                h, w = min(h, height), min(w, width)
                top, left = (height - h) // 2, (width - w) // 2
                image = still.copy()
                image[top : top + h, left : left + w] = frame.image_hwc[:h, :w]
                writer.write(image)
                box = [left / width, top / height, (left + w) / width, (top + h) / height]
        finally:
            clip.close()
    writer.close()
    return Region("clip", area_of(box))


def _run(recognizer: Recognizer, path: Path, regions: Sequence[Region]) -> float:
    whole = SourceSpec(str(path), "padded")
    specs = [
        SourceSpec(str(path), f"padded/{region.name}", region=region, stream="padded")
        for region in regions
    ] or [whole]
    plans = [plan_of(spec, StreamOptions(), lambda _labels: Policy()) for spec in specs]
    loop = StreamLoop(recognizer, Fanout([]), plans)
    sampled, start_s = 0, time.process_time()
    for _ in loop.steps():
        lanes = loop.batcher.lanes
        sampled = max([sampled, *(lane.feed.counters.sampled for lane in lanes)])
    return 1000 * (time.process_time() - start_s) / max(1, sampled)


def accuracy_table(outcomes: Mapping[tuple[float, str], Outcome]) -> str:
    head = ("it fills", "looked at", "lanes", "top-1, %", "actions found, %", "wrong events")
    rows = [
        (
            f"{share:.0%}",
            name,
            f"{np.mean(one.lanes):.3g}",
            f"{100 * one.right / max(1, one.windows):.1f}",
            f"{100 * one.found / max(1, one.actions):.0f}",
            f"{one.wrong} of {one.actions} actions",
        )
        for (share, name), one in outcomes.items()
    ]
    return markdown(head, rows)


def cost_table(times: Mapping[str, Sequence[float]]) -> str:
    rows = [(name, median_and_range(values)) for name, values in times.items()]
    return markdown(("looked at", "decode to decision, ms"), rows)


if __name__ == "__main__":
    main()
