"""python -m stzsar.benchmarks.clip_memory: what the last pictures of many streams take in memory.

The ring of `--events` is filled as a run fills it: with clips, enlarged and with a camera's noise,
since noise is most of a JPEG.
"""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path

import click
import cloup
import numpy as np

from ..runtime.engines.graph import Array
from ..runtime.errors import SourceError
from ..runtime.events.options import ClipPlan
from ..runtime.events.ring import FrameRing
from ..runtime.events.stills import encoded
from ..runtime.preprocessing.opencv import load_cv2
from ..runtime.sources.uri import expand_sources
from ..runtime.sources.video_file import VideoSource
from .bench.sources import SHIPPED_CLIP
from .tools.command import benchmark, count_option
from .tools.tables import markdown, median_and_range
from .tools.timing import machine

# Before an event, until its report, and some more: as a run with the shipped bundle has it.
HELD_S = 11.5
_NOISE_LEVELS, _NOISES = 3.0, 4
_MIB = 2**20


@dataclass(frozen=True, kw_only=True)
class Options:
    """How many streams of which size."""

    source: str = SHIPPED_CLIP
    streams: int = 8
    width: int = 1920
    height: int = 1080
    seconds: float = HELD_S


@dataclass(frozen=True)
class Filled:
    """One full ring."""

    source: str
    size_bytes: int
    pictures: int
    encode_ms: float  # the CPU's time for a JPEG, median


@benchmark(usual=Options(), quick=Options(streams=1, width=320, height=180, seconds=1.0))
@cloup.option(
    "--source", show_default="the sample clip", help="Enlarge this clip, or those of this folder."
)
@count_option("--streams", Options.streams, "Fill the rings of N streams.")
@count_option("--width", Options.width, "Make pictures N pixels wide.")
@count_option("--height", Options.height, "Make pictures N pixels high.")
def main(options: Options) -> None:
    """Fill the rings of --events, and print their sizes."""
    filled = measure(options)
    click.echo(table(filled))
    total = sum(one.size_bytes for one in filled) / _MIB
    bound = ClipPlan().memory_bytes / _MIB
    click.echo(
        f"\n{len(filled)} streams of {options.width} × {options.height}, {options.seconds:g} s at "
        f"{ClipPlan().rate_fps:g} pictures a second: {total:.0f} MiB together (--clip-memory is "
        f"{bound:.0f}); {machine()}."
    )


def measure(options: Options) -> list[Filled]:
    rng = np.random.default_rng(0)
    noises = rng.normal(0, _NOISE_LEVELS, (_NOISES, options.height, options.width, 3))
    noises = noises.astype(np.int8)
    files = cycle(expand_sources([options.source]))
    filled: list[Filled] = []
    failed = 0
    while len(filled) < options.streams:
        try:
            filled.append(fill(next(files), options, noises))
        except SourceError:  # damaged clips are some of the test's
            failed += 1
            if failed > options.streams * 20:
                raise
    return filled


def fill(file: str, options: Options, noises: Array) -> Filled:
    """Fill one ring with a clip, again and again.

    Raises:
        SourceError: it cannot be read.
    """
    plan = ClipPlan()
    ring = FrameRing(options.seconds, 1 << 40)
    cv2, times_ms = load_cv2(), []
    pictures = _pictures(file)
    count = round(options.seconds * plan.rate_fps)
    for number in range(count + 1):
        image = cv2.resize(next(pictures), (options.width, options.height))
        noisy = cv2.add(image, noises[number % len(noises)], dtype=cv2.CV_8U)
        start_s = time.process_time()
        jpeg = encoded(noisy)
        times_ms.append(1000 * (time.process_time() - start_s))
        ring.add(number / plan.rate_fps, jpeg)
    return Filled(Path(file).name, ring.size_bytes, count + 1, float(np.median(times_ms)))


def _pictures(file: str) -> Iterator[Array]:
    while True:
        source = VideoSource.open(file)
        try:
            for frame in source.frames():
                yield frame.image_hwc
        finally:
            source.close()


def table(filled: Sequence[Filled]) -> str:
    rows = [
        (
            one.source,
            one.pictures,
            f"{one.size_bytes / _MIB:.1f}",
            f"{one.size_bytes / one.pictures / 1024:.0f}",
            f"{one.encode_ms:.1f}",
        )
        for one in filled
    ]
    each = median_and_range([one.size_bytes / one.pictures / 1024 for one in filled])
    rows.append(("all", sum(one.pictures for one in filled),
                 f"{sum(one.size_bytes for one in filled) / _MIB:.1f}", each,
                 median_and_range([one.encode_ms for one in filled])))  # fmt: skip
    return markdown(("clip", "pictures", "MiB", "KiB a picture", "ms a picture"), rows)


if __name__ == "__main__":
    main()
