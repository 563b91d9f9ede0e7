"""python -m stzsar.benchmarks.growth: how the time of a decision grows, as tables and a picture.

With labels, attributes of a label, streams, frames of a window, and the size of the frame encoder.
Each of them is varied by itself, all points of one take turns, and beside what was measured stands
the straight line that comes nearest: where they part, a cost grows otherwise than it should.
Weights and labels are random, but for the network that ships: no time depends on them.
"""

import functools
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import click
import cloup
import numpy as np

from ..runtime.bundle.bundle import Bundle, shipped_bundle
from ..runtime.terminal.commandline import at_the_edge
from ..runtime.terminal.outputs import check_writable
from .bench.plot import check_plot
from .decision_time import PARTS, Step, TimedBundle, time_steps
from .growth_curve import Curve
from .growth_picture import draw
from .random_banks import random_bank
from .random_bundles import export_random
from .timing import QUICK_ROUNDS, machine, plot_option, progress_bar, quick_option, threads_option

# The first is the one that the other axes are measured on.
BACKBONES = ("ViT-B-32", "MobileCLIP2-S0", "ViT-B-16", "ViT-L-14")
LABELS, ATTRIBUTES = 400, 8
_ROUNDS = 10


@dataclass(frozen=True)
class Sizes:
    """What is varied along each axis."""

    labels: tuple[int, ...] = (1, 10, 100, 400, 1000, 2000, 5000, 10_000)
    attributes: tuple[int, ...] = (1, 2, 4, 8, 16, 32, 64)
    streams: tuple[int, ...] = (1, 2, 4, 8, 16, 32, 64)
    frames: tuple[int, ...] = (4, 8, 16, 32, 64)


QUICK = Sizes(labels=(1, 10, 100), attributes=(1, 8), streams=(1, 4), frames=(4, 8, 16))


@cloup.command()
@cloup.option(
    "--backbone",
    "names",
    multiple=True,
    metavar="NAME",
    help="One of open_clip's, as often as wanted; the first is that of all other axes "
    f"(default: {', '.join(BACKBONES)}).",
)
@cloup.option(
    "--bundle",
    type=click.Path(path_type=Path),
    help="A bundle that all other axes are measured on instead.",
)
@cloup.option(
    "--rounds",
    metavar="N",
    type=click.IntRange(min=1),
    help=f"How often each point is measured (default: {_ROUNDS}; {QUICK_ROUNDS} with --quick).",
)
@threads_option
@plot_option
@quick_option
@cloup.option("--debug", is_flag=True, help="Show tracebacks.")
@at_the_edge
def main(
    *,
    names: Sequence[str],
    bundle: Path | None,
    rounds: int | None,
    threads: int,
    plot: Path | None,
    quick: bool,
) -> None:
    """Measure what decisions take, print Markdown tables, and draw a picture."""
    if plot:
        check_plot(plot)
        check_writable(plot)
    names = names or (() if quick else BACKBONES)
    rounds = rounds or (QUICK_ROUNDS if quick else _ROUNDS)
    with tempfile.TemporaryDirectory() as place, progress_bar() as bar:
        task = bar.add_task("", total=len(names) + 5)
        bundles = {"small": Bundle.open(shipped_bundle())}
        for name in names:
            bar.update(task, description=f"exporting {name}")
            export_random(name, Path(place), text_encoder=False)
            bundles[name] = Bundle.open(Path(place) / name)
            bar.advance(task)
        if bundle:
            bundles[str(bundle)] = Bundle.open(bundle)
        base = str(bundle) if bundle else next(iter([*names, "small"]))
        opened = bundles[base]
        curves = []
        measured = functools.partial(measure, rounds=rounds, threads=threads)
        for axis, curve in _axes(opened, bundles, QUICK if quick else Sizes(), measured).items():
            bar.update(task, description=axis)
            curves.append(curve())
            bar.advance(task)
    usual = opened.manifest.sampling.frames
    title = f"{base}, {LABELS} labels of {ATTRIBUTES} attributes, windows of {usual} frames"
    click.echo("\n\n".join(map(table, curves)))
    click.echo(f"\n{title}, where they are not what grows; ms: {rounds} rounds in turn.")
    click.echo(f"{machine()}, ONNX Runtime, {threads} threads.")
    if plot:
        draw(curves, plot, title=title)


def _axes(
    opened: Bundle,
    bundles: dict[str, Bundle],
    sizes: Sizes,
    measured: Callable[..., Curve],
) -> dict[str, Callable[[], Curve]]:
    """Return what measures each axis, by its name."""
    usual = opened.manifest.sampling
    point = functools.partial(Point, opened, frames=usual.frames)
    frames = [count for count in sizes.frames if count <= usual.max_frames]
    axes = {
        "labels": [point(str(count), count, labels=count) for count in sizes.labels],
        "attributes of a label": [
            point(str(count), count, attributes=count) for count in sizes.attributes
        ],
        "streams, a decision of each": [
            point(str(count), count, streams=count) for count in sizes.streams
        ],
        "frames of a window": [point(str(count), count, frames=count) for count in frames],
    }
    found: dict[str, Callable[[], Curve]] = {
        axis: functools.partial(measured, axis, points) for axis, points in axes.items()
    }
    found["GMAC of a frame"] = lambda: measured("GMAC of a frame", _by_size(bundles))
    return found


@dataclass(frozen=True)
class Point:
    """One point of an axis: a bundle and the sizes that it is run with.

    Attributes:
        bundle: what decides.
        name: as the table says it.
        size: as the straight line takes it.
        frames: of a window.
        labels, attributes: how many labels with how many attributes each.
        streams: how many are decided on in one go.
    """

    bundle: Bundle
    name: str
    size: float
    frames: int
    labels: int = LABELS
    attributes: int = ATTRIBUTES
    streams: int = 1


def measure(axis: str, points: Sequence[Point], *, rounds: int, threads: int) -> Curve:
    """Measure the points of one axis in turn; a bundle is loaded once."""
    loaded = {
        bundle.path: TimedBundle.load(bundle, threads=threads)
        for bundle in {point.bundle.path: point.bundle for point in points}.values()
    }
    steps = []
    for point in points:
        dim = point.bundle.bank.class_embeddings.shape[1]
        bank = random_bank(point.labels, point.attributes, dim)
        timed = loaded[point.bundle.path]
        steps.append(Step(timed, bank, frames=point.frames, streams=point.streams))
    return Curve(
        axis,
        tuple(point.name for point in points),
        np.asarray([point.size for point in points], float),
        time_steps(steps, rounds=rounds),
    )


def _by_size(bundles: dict[str, Bundle]) -> list[Point]:
    """Return a point for each bundle, the smallest frame encoder first."""
    found = []
    for name, bundle in bundles.items():
        gmac = _gmac(bundle)
        frames = bundle.manifest.sampling.frames
        found.append(Point(bundle, f"{gmac:.2g} ({name})", gmac, frames))
    return sorted(found, key=lambda point: point.size)


def _gmac(bundle: Bundle) -> float:
    from ..export.folding import folded_for_inference
    from ..models.config import ModelConfig
    from ..models.stzsar import STZSAR
    from .backbones import count_gmac

    config = ModelConfig.from_json(bundle.manifest.model)
    return count_gmac(folded_for_inference(STZSAR(config).eval()))


def table(curve: Curve) -> str:
    """Return what was measured along one axis as Markdown."""
    offset, slope = curve.line()
    lines = [
        f"| {curve.axis} | ms, fastest | median | {' | '.join(PARTS)} | to the straight line |",
        "|---" * (len(PARTS) + 4) + "|",
    ]
    rows = zip(
        curve.names,
        curve.sizes,
        curve.fastest_ms,
        curve.median_ms,
        curve.fastest_parts_ms,
        strict=True,
    )
    for name, size, fastest, median, parts in rows:
        cells = [f"{fastest:.4g}", f"{median:.4g}", *(f"{part:.3g}" for part in parts)]
        off = round(fastest / (offset + slope * size) - 1, 2) + 0.0  # and no -0
        cells.append(f"{off:+.0%}")
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join([*lines, "", f"straight line: {offset:.3g} ms + {slope:.3g} ms for each"])


if __name__ == "__main__":
    main()
