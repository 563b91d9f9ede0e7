"""python -m stzsar.benchmarks.archive_index: hours of video that are indexed in an hour.

Beside it the frame graph alone, on as many frames in the same batches: what is left is decoding,
fitting and writing.
"""

import shutil
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import click
import cloup
import numpy as np

from ..runtime.archive.index.encoding import BATCH, FrameEncoder
from ..runtime.archive.index.indexing import index, prepare
from ..runtime.archive.index.options import IndexOptions
from ..runtime.archive.keeping.tables import disk_bytes
from ..runtime.bundle.bundle import Bundle, shipped_bundle
from ..runtime.errors import StzsarError
from .tools.command import benchmark, bundle_option, count_option
from .tools.tables import DASH, markdown, number
from .tools.timing import machine

_SAMPLE_S = 20  # of the shipped video
_MIB = 1 << 20


@dataclass(frozen=True, kw_only=True)
class Options:
    bundle: Path | None = None
    video: Path | None = None  # None takes the shipped one
    videos: int = 8  # copies of it that differ in a byte
    rates: tuple[int, ...] = (1, 4)
    ray: bool = True

    def __post_init__(self) -> None:
        if self.videos < 2:
            raise StzsarError(f"--videos must be at least 2, one for each worker: {self.videos}.")


@dataclass(frozen=True, kw_only=True)
class Measured:
    how: str
    rate_fps: int
    hours_an_hour: float
    mib_an_hour: float | None = None


@benchmark(usual=Options(), quick=Options(videos=2, rates=(1,), ray=False))
@bundle_option()
@cloup.option("--video", type=click.Path(path_type=Path), help="Index copies of this video.")
@count_option("--videos", Options.videos, "Make N copies of it.")
@count_option("--rates", "1, 4", "Sample N frames a second (repeatable).", multiple=True)
@cloup.option("--ray/--no-ray", default=None, help="Measure Ray too, with two actors.")
def main(options: Options) -> None:
    """Index copies of a video in several ways, and print a Markdown table."""
    bundle = options.bundle or shipped_bundle()
    video = options.video or shipped_bundle().parent / "sample.mp4"
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        copies = folder / "videos"
        copies.mkdir()
        for one in range(options.videos):
            copy = copies / f"{one}{video.suffix}"
            shutil.copyfile(video, copy)
            with copy.open("ab") as file:
                file.write(bytes([one]))  # so that it is another video
        rows = [row for rate in options.rates for row in measured(options, bundle, copies, rate)]
    click.echo(table(rows))
    name = Bundle.open(bundle).manifest.name
    click.echo(
        f"\n{options.videos} copies of {video.name}, indexed with {name}; their start "
        f"and that of Ray counts. On {machine()}."
    )


def measured(options: Options, bundle: Path, copies: Path, rate: int) -> list[Measured]:
    """Measure each way at one rate."""
    ways: list[tuple[str, int, str | None]] = [
        ("one process", 1, None), ("two processes", 2, None)
    ]  # fmt: skip
    if options.ray:
        ways.append(("Ray, two actors", 2, "local"))
    found: list[Measured] = []
    for how, workers, ray in ways:
        archive = copies.parent / f"{rate}-{workers}-{ray}"
        asked = IndexOptions(
            videos=(copies,), archive=str(archive), bundle=bundle, rate_fps=rate,
            workers=workers, ray=ray, threads=1,
        )  # fmt: skip
        ready = prepare(asked)
        start_s, hours = time.perf_counter(), 0.0
        for done in index(ready, asked, lambda _seconds: None):
            hours += done.seconds / 3600
        took_h = (time.perf_counter() - start_s) / 3600
        size = disk_bytes(str(archive))
        found.append(
            Measured(
                how=how,
                rate_fps=rate,
                hours_an_hour=hours / took_h,
                mib_an_hour=None if size is None else size / _MIB / hours,
            )
        )
    frames = max(BATCH, round(_SAMPLE_S * rate * options.videos))
    alone = Measured(
        how="frame graph alone", rate_fps=rate, hours_an_hour=graph(bundle, frames, rate)
    )
    return [alone, *found]


def graph(bundle: Path, frames: int, rate: int) -> float:
    """Return hours of video an hour that one thread's frame graph could take."""
    encoder = FrameEncoder(Bundle.open(bundle), threads=1)
    side = encoder.bundle.manifest.pixels.size_px
    images = np.random.default_rng(0).integers(0, 256, (BATCH, side, side, 3), np.uint8)
    encoder.encode(images)
    start_s = time.perf_counter()
    for _ in range(frames // BATCH):
        encoder.encode(images)
    return frames // BATCH * BATCH / rate / (time.perf_counter() - start_s)


def table(rows: list[Measured]) -> str:
    """Return what was measured as Markdown."""
    return markdown(
        ["frames/s", "how", "hours of video an hour", "MiB an hour of video"],
        [
            (
                row.rate_fps, row.how, number(row.hours_an_hour),
                DASH if row.mib_an_hour is None else number(row.mib_an_hour),
            )
            for row in rows
        ],
    )  # fmt: skip


if __name__ == "__main__":
    main()
