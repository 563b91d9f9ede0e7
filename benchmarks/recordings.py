"""python -m stzsar.benchmarks.recordings: size of a recording, speed and accuracy of its replay.

Records a clip with several choices of features, replays each, and compares the scores of labels
that the recording did not know with those of a live run that knew them.
"""

import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import click
import cloup
import numpy as np

from ..runtime.bundle.bundle import Bundle, shipped_bundle
from ..runtime.engines.graph import Array
from ..runtime.errors import StzsarError
from ..runtime.labels.bank import LabelBank
from ..runtime.preprocessing.pixels import fit_frame
from ..runtime.preprocessing.sampling import RateSampler
from ..runtime.recognizer import Recognizer
from ..runtime.recordings.recorder import Recorder
from ..runtime.recordings.replay import Replay
from ..runtime.results import Recognition
from ..runtime.scoring.window import FrameRing, WindowFrame
from ..runtime.sources.uri import open_source
from .bench.sources import SHIPPED_CLIP
from .random_bundles import random_bank
from .tools.command import benchmark, bundle_option, count_option, threads_option
from .tools.tables import markdown

# A frame's time, and its states and features.
Encoded = tuple[float, Mapping[str, Array]]
_PATCHES = (32, 16, 8, 4, 2)


@dataclass(frozen=True, kw_only=True)
class Options:
    bundle: Path | None = None
    source: str = SHIPPED_CLIP
    patches: tuple[int, ...] = ()  # of a frame to keep, one row each; () takes the usual numbers
    # Record the states of so many random labels; None takes the bundle's own labels, with each
    # choice of features
    labels: int | None = None
    attributes: int | None = None  # of each random label; None is 8
    threads: int = 1
    replays: int = 5  # how often each recording is replayed

    def __post_init__(self) -> None:
        if self.attributes and not self.labels:
            raise StzsarError(f"--attributes {self.attributes} needs random labels: add --labels.")
        if self.patches and self.labels:
            raise StzsarError("--patches does nothing with --labels: leave one out.")


@dataclass(frozen=True)
class Choice:
    """What is recorded of a frame besides its states; `patches=None` keeps all."""

    name: str
    features: bool = False
    patches: int | None = None


STATES = Choice("states alone")


@dataclass(frozen=True, kw_only=True)
class Recorded:
    choice: Choice
    bytes_per_hour: float  # of one stream, at the bundle's rate
    replay_s: float  # time to replay an hour, for the five best labels as in a run
    largest: float  # largest difference of a score from the live run with the same labels
    same: float  # share of windows with the same best label as live


@benchmark(usual=Options(), quick=Options(replays=1))
@bundle_option()
@cloup.option("--source", show_default="the sample clip", help="Record this video file.")
@count_option(
    "--patches",
    ", ".join(map(str, _PATCHES)),
    "Keep N patches per frame (repeatable).",
    multiple=True,
)
@count_option("--labels", None, "Record the states of N random labels, and nothing else.")
@count_option("--attributes", 8, "Give each random label N attributes.")
@threads_option(Options.threads)
def main(options: Options) -> None:
    """Record a clip, replay it, and print a Markdown table."""
    recognizer, frames = prepare(options)
    rows = list(measure(options, recognizer, frames))
    bank, manifest = recognizer.scorer.bank, recognizer.manifest
    click.echo(table(rows))
    click.echo(
        f"\n{manifest.name}: {len(frames)} frames of {Path(options.source).name}, "
        f"{manifest.sampling.rate_fps:g} per second, {len(bank.labels)} labels of up to "
        f"{bank.attribute_mask.shape[1]} attributes, patches {manifest.patch_grid}, "
        f"{options.threads} threads"
    )


def prepare(options: Options) -> tuple[Recognizer, list[Encoded]]:
    bundle = Bundle.open(options.bundle or shipped_bundle())
    bank = bundle.bank
    if options.labels:
        dim = bank.class_embeddings.shape[1]
        bank = random_bank(options.labels, options.attributes or 8, dim)
    recognizer = Recognizer(bundle, bank, top_k=len(bank.labels), threads=options.threads)
    frames = encode(recognizer, options.source)
    if len(frames) <= bundle.manifest.sampling.frames:
        raise StzsarError(f"{options.source} is too short for a window: name a longer clip.")
    return recognizer, frames


def measure(
    options: Options, recognizer: Recognizer, frames: Sequence[Encoded]
) -> Iterator[Recorded]:
    live = live_results(recognizer, frames)
    for choice in choices(options, recognizer):
        yield measure_choice(options, recognizer, frames, live, choice)


def choices(options: Options, recognizer: Recognizer) -> list[Choice]:
    """Return what to record: features only for labels that the recording does not know."""
    manifest, found = recognizer.manifest, [STATES]
    if options.labels:
        return found
    if manifest.features:
        found.append(Choice("features, all patches", features=True))
    if manifest.patch_grid:
        fewer = options.patches or _PATCHES
        found += [
            Choice(f"features, {count} patches", features=True, patches=count)
            for count in fewer
            if count < np.prod(manifest.patch_grid)
        ]
    return found


def encode(recognizer: Recognizer, source: str) -> list[Encoded]:
    """Return time, states and features of each frame of a file that the bundle's rate asks for."""
    sampler = RateSampler(recognizer.manifest.sampling.rate_fps)
    size_px, features = recognizer.manifest.pixels.size_px, bool(recognizer.manifest.features)
    opened = open_source(source)
    encoded: list[Encoded] = []
    for frame in opened.frames(sampler.due):
        image = fit_frame(frame.image_hwc, size_px)
        states = recognizer.scorer.encode(image[None], features=features)
        encoded.append((frame.time_s, {name: value[0] for name, value in states.items()}))
    opened.close()
    return encoded


def live_results(recognizer: Recognizer, frames: Sequence[Encoded]) -> list[Recognition]:
    ring = FrameRing(recognizer.manifest.sampling.frames)
    results = []
    for time_s, states in frames:
        own = {name: states[name] for name in recognizer.manifest.states}
        ring.push(WindowFrame(own, time_s, encoded=True))
        if ring.full:
            results.append(recognizer.scorer.recognize("it", ring))
    return results


def measure_choice(
    options: Options,
    recognizer: Recognizer,
    frames: Sequence[Encoded],
    live: Sequence[Recognition],
    choice: Choice,
) -> Recorded:
    """Record the frames, replay them, and compare.

    Replay takes features only for labels whose states are not recorded: for a choice with features
    the recording that is replayed holds the states of a single label.
    """
    bundle, bank, threads = recognizer.bundle, recognizer.scorer.bank, options.threads
    rate_fps = recognizer.manifest.sampling.rate_fps
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "recording"
        one, all_of_them = (record(path, bundle, bank, f, choice) for f in (frames[:1], frames))
        if choice.features:
            first = [(time_s, _first_label(bundle, states)) for time_s, states in frames]
            record(path, bundle, bank.select([0]), first, choice)
        results = list(Replay(path, bundle, bank.labels, top_k=len(bank.labels), threads=threads))
        taken_s = [replay_s(path, bundle, bank, threads) for _ in range(options.replays)]
    pairs = list(zip(results, live, strict=True))
    return Recorded(
        choice=choice,
        bytes_per_hour=(all_of_them - one) / (len(frames) - 1) * rate_fps * 3600,
        replay_s=float(np.median(taken_s)) / len(results) * rate_fps * 3600,
        largest=max(largest_difference(ours, theirs) for ours, theirs in pairs),
        same=float(np.mean([ours.label == theirs.label for ours, theirs in pairs])),
    )


def replay_s(path: Path, bundle: Bundle, bank: LabelBank, threads: int) -> float:
    """Return the seconds that a replay takes once it is loaded."""
    replay = Replay(path, bundle, bank.labels, threads=threads)
    start_s = time.perf_counter()
    for _ in replay:
        pass
    return time.perf_counter() - start_s


def _first_label(bundle: Bundle, states: Mapping[str, Array]) -> Mapping[str, Array]:
    return {**states, **{name: states[name][:1] for name in bundle.manifest.label_states}}


def record(
    path: Path, bundle: Bundle, bank: LabelBank, frames: Sequence[Encoded], choice: Choice
) -> int:
    """Record frames; return the size of the file in bytes."""
    recorder = Recorder(path, bundle, bank, features=choice.features, patches=choice.patches)
    for time_s, states in frames:
        recorder.add("it", states, time_s)
    recorder.close(timeout_s=60)
    if recorder.dropped:
        raise StzsarError(
            f"The disk of {path.parent} is too slow for this benchmark: set TMPDIR to another one."
        )
    return path.stat().st_size


def largest_difference(ours: Recognition, theirs: Recognition) -> float:
    scores = {score.label: score.score for score in theirs.top}
    return max(abs(score.score - scores[score.label]) for score in ours.top)


def table(rows: Sequence[Recorded]) -> str:
    columns = ("recorded", "MiB per hour", "replay of an hour", "× real time",
               "largest difference of a score", "same best label")  # fmt: skip
    cells = (
        (row.choice.name, f"{row.bytes_per_hour / 2**20:.1f}", f"{row.replay_s:.1f} s",
         f"{3600 / row.replay_s:.0f}", f"{row.largest:.6f}", f"{row.same:.1%}")
        for row in rows
    )  # fmt: skip
    return markdown(columns, cells)


if __name__ == "__main__":
    main()
