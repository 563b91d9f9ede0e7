"""python -m stzsar.benchmarks.recordings: what a recording costs, and what replay gives for it.

Records the sample clip (or --source) with each choice of features; prints the bytes of an hour at
the bundle's rate, how many windows a second replay scores, and how far the scores of labels that
come from features are from those of a live run with these labels.
"""

import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import click
import cloup
import numpy as np
from rich.table import Table

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
from ..runtime.terminal.commandline import Output, at_the_edge
from .random_banks import random_bank
from .timing import quick_option

# A frame's time, and its states and features.
Encoded = tuple[float, Mapping[str, Array]]
_REPLAYS = 5
_PATCHES = (32, 16, 8, 4, 2)
_SAMPLE = shipped_bundle().parent / "sample.mp4"


@dataclass(frozen=True)
class Choice:
    """What is recorded.

    Attributes:
        name: as the table says it.
        features: whether features are.
        patches: how many of a frame are kept; None is all.
    """

    name: str
    features: bool = False
    patches: int | None = None


@dataclass(frozen=True, kw_only=True)
class Row:
    """One row of the table.

    Attributes:
        bytes_an_hour: of one stream, at the bundle's rate.
        windows_a_second: that replay scores, with other labels where features are recorded; the
            median of some replays, for the five best labels as in a run.
        hour_s: seconds that an hour of one stream takes.
        largest: difference of any score from the live run with the same labels.
        same: share of windows with the same best label as live.
    """

    bytes_an_hour: float
    windows_a_second: float
    hour_s: float
    largest: float
    same: float


@cloup.command()
@cloup.option(
    "--bundle", type=click.Path(path_type=Path), help="The bundle (default: the one that ships)."
)
@cloup.option("--source", default=str(_SAMPLE), help="A video file (default: the sample clip).")
@cloup.option(
    "--patches",
    "counts",
    multiple=True,
    type=click.IntRange(min=1),
    help="How many patches of a frame are kept, as often as wanted (default: "
    f"{', '.join(map(str, _PATCHES))}).",
)
@cloup.option(
    "--labels",
    "label_count",
    metavar="N",
    type=click.IntRange(min=1),
    help="Record the states of so many random labels, and nothing else (default: the bundle's own "
    "labels, with each choice of features).",
)
@cloup.option(
    "--attributes",
    metavar="N",
    type=click.IntRange(min=1),
    help="How many attributes each random label has (default: 8).",
)
@cloup.option("--threads", default=1, show_default=True, help="Threads of ONNX Runtime.")
@quick_option
@cloup.option("--debug", is_flag=True, help="Show tracebacks.")
@at_the_edge
def main(
    *,
    bundle: Path | None,
    source: str,
    counts: Sequence[int],
    label_count: int | None,
    attributes: int | None,
    threads: int,
    quick: bool,
) -> None:
    """Print what recordings of a bundle cost, and what their replay is worth."""
    if attributes and not label_count:
        raise StzsarError("--attributes are those of random labels: say how many with --labels.")
    if counts and label_count:
        raise StzsarError("Random labels are recorded without patches: leave out --patches.")
    opened = Bundle.open(bundle or shipped_bundle())
    manifest, bank = opened.manifest, opened.bank
    if label_count:
        bank = random_bank(label_count, attributes or 8, bank.class_embeddings.shape[1])
    recognizer = Recognizer(opened, bank, top_k=len(bank.labels), threads=threads)
    frames = encode(recognizer, source)
    if len(frames) <= manifest.sampling.frames:
        raise StzsarError(f"{source} is too short for windows: take a longer one.")
    choices = [Choice("states alone")]
    if manifest.features and not label_count:
        choices += [Choice("features, all patches", features=True)]
    if manifest.patch_grid and not label_count:
        counts = counts or (_PATCHES[-1:] if quick else _PATCHES)
        fewer = [count for count in counts if count < np.prod(manifest.patch_grid)]
        choices += [Choice(f"features, {n} patches", features=True, patches=n) for n in fewer]
    live = live_results(recognizer, frames)
    table = Table(
        title=f"{manifest.name}: {len(frames)} frames of {Path(source).name}, "
        f"{manifest.sampling.rate_fps:g} a second, {len(bank.labels)} labels of "
        f"{bank.attribute_mask.shape[1]} attributes at most, patches {manifest.patch_grid}"
    )
    for column in ("recorded", "MiB an hour", "windows a second", "an hour takes", "× real "
                   "time", "largest difference of a score", "same label"):  # fmt: skip
        table.add_column(column)
    for choice in choices:
        row = measure(recognizer, frames, live, choice, threads)
        table.add_row(
            choice.name,
            f"{row.bytes_an_hour / 2**20:.1f}",
            f"{row.windows_a_second:.0f}",
            f"{row.hour_s:.1f} s",
            f"{3600 / row.hour_s:.0f}",
            f"{row.largest:.4f}",
            f"{row.same:.1%}",
        )
    Output().print(table)


def encode(recognizer: Recognizer, source: str) -> list[Encoded]:
    """Return time, states and features of each frame of a file that the bundle's rate asks for."""
    sampler = RateSampler(recognizer.manifest.sampling.rate_fps)
    size_px, features = recognizer.manifest.pixels.size_px, bool(recognizer.manifest.features)
    opened = open_source(source)
    found: list[Encoded] = []
    for frame in opened.frames(sampler.due):
        image = fit_frame(frame.image_hwc, size_px)
        states = recognizer.scorer.encode(image[None], features=features)
        found.append((frame.time_s, {name: value[0] for name, value in states.items()}))
    opened.close()
    return found


def live_results(recognizer: Recognizer, frames: Sequence[Encoded]) -> list[Recognition]:
    """Return what a run gives that sees these frames."""
    ring = FrameRing(recognizer.manifest.sampling.frames)
    results = []
    for time_s, states in frames:
        own = {name: states[name] for name in recognizer.manifest.states}
        ring.push(WindowFrame(own, time_s, encoded=True))
        if ring.full:
            results.append(recognizer.scorer.recognize("it", ring))
    return results


def measure(
    recognizer: Recognizer,
    frames: Sequence[Encoded],
    live: Sequence[Recognition],
    choice: Choice,
    threads: int,
) -> Row:
    """Record the frames, replay them, and compare.

    To be scored from features, labels must not be recorded: then a single one is.
    """
    bundle, rate = recognizer.bundle, recognizer.manifest.sampling.rate_fps
    bank = recognizer.scorer.bank
    labels = bank.labels
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "recording"
        sizes = [record(path, bundle, bank, part, choice) for part in (frames[:1], frames)]
        if choice.features:
            first = [(time_s, first_label(bundle, states)) for time_s, states in frames]
            record(path, bundle, bank.select([0]), first, choice)
        found = list(Replay(path, bundle, labels, top_k=len(labels), threads=threads))
        seconds = []
        for _ in range(_REPLAYS):
            replay = Replay(path, bundle, labels, threads=threads)
            start = time.perf_counter()
            list(replay)
            seconds.append(time.perf_counter() - start)
        windows_a_second = len(found) / float(np.median(seconds))
    pairs = list(zip(found, live, strict=True))
    return Row(
        bytes_an_hour=(sizes[1] - sizes[0]) / (len(frames) - 1) * rate * 3600,
        windows_a_second=windows_a_second,
        hour_s=3600 * rate / windows_a_second,
        largest=max(largest_difference(ours, theirs) for ours, theirs in pairs),
        same=float(np.mean([ours.label == theirs.label for ours, theirs in pairs])),
    )


def first_label(bundle: Bundle, states: Mapping[str, Array]) -> Mapping[str, Array]:
    """Return the states of the first label alone."""
    chosen = {name: states[name][:1] for name in bundle.manifest.label_states}
    return {**states, **chosen}


def record(
    path: Path, bundle: Bundle, bank: LabelBank, frames: Sequence[Encoded], choice: Choice
) -> int:
    """Record frames, and return the bytes of the file."""
    recorder = Recorder(path, bundle, bank, features=choice.features, patches=choice.patches)
    for time_s, states in frames:
        recorder.add("it", states, time_s)
    recorder.close(timeout_s=60)
    if recorder.dropped:
        raise StzsarError(f"The disk of {path.parent} is too slow for this benchmark.")
    return path.stat().st_size


def largest_difference(ours: Recognition, theirs: Recognition) -> float:
    """Return by how much the score of any label differs."""
    scores = {score.label: score.score for score in theirs.top}
    return max(abs(score.score - scores[score.label]) for score in ours.top)


if __name__ == "__main__":
    main()
