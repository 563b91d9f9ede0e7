"""How the time of a decision grows, as tables and a picture.

With labels, attributes per label, streams, frames per window, and the size of the frame encoder.
Each grows alone, in interleaved rounds, beside the straight line through its points: a gap between
them shows a cost that does not grow linearly. Weights and labels are random, except for the bundle
that ships: no time depends on them.
"""

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import click
import cloup
import numpy as np

from ...runtime.bundle.bundle import Bundle, shipped_bundle
from ...runtime.terminal.progress import bar
from ..decision_time import PARTS, Step, TimedBundle, time_steps
from ..random_bundles import export_random, random_bank
from ..tools.command import benchmark, bundle_option, plot_option, rounds_option, threads_option
from ..tools.plotting import check_plot
from ..tools.tables import markdown
from ..tools.timing import machine
from .curve import Curve, draw

LABELS, ATTRIBUTES = 400, 8
_SHIPPED = "shipped"


@dataclass(frozen=True, kw_only=True)
class Options:
    """What grows, and the bundle that the other axes use."""

    # Networks of open_clip, one point each; the first serves the other axes
    backbones: tuple[str, ...] = ("ViT-B-32", "MobileCLIP2-S0", "ViT-B-16", "ViT-L-14")
    bundle: Path | None = None  # serves the other axes instead
    rounds: int = 10
    threads: int = 2
    plot: Path | None = None
    labels: tuple[int, ...] = (1, 10, 100, 400, 1000, 2000, 5000, 10_000)
    attributes: tuple[int, ...] = (1, 2, 4, 8, 16, 32, 64)
    streams: tuple[int, ...] = (1, 2, 4, 8, 16, 32, 64)
    frames: tuple[int, ...] = (4, 8, 16, 32, 64)

    def __post_init__(self) -> None:
        check_plot(self.plot)


QUICK = Options(
    backbones=(),
    rounds=2,
    labels=(1, 10, 100),
    attributes=(1, 8),
    streams=(1, 4),
    frames=(4, 8, 16),
)


@benchmark(usual=Options(), quick=QUICK)
@cloup.option(
    "--backbone", "backbones", multiple=True, metavar="NAME",
    show_default=", ".join(Options.backbones),
    help="Measure this network of open_clip (repeatable); the first serves all other axes.",
)  # fmt: skip
@bundle_option("the first backbone", "Use this bundle for all other axes.")
@rounds_option(Options.rounds, QUICK.rounds)
@threads_option()
@plot_option
def main(options: Options) -> None:
    """Measure the time of a decision, print Markdown tables, and draw a picture."""
    base, curves = measure(options)
    title = f"{base}, {LABELS} labels of {ATTRIBUTES} attributes, windows of 8 frames"
    click.echo("\n\n".join(map(table, curves)))
    click.echo(f"\n{title}, unless they grow; ms: {options.rounds} interleaved rounds.")
    click.echo(f"{machine()}, ONNX Runtime, {options.threads} threads.")
    if options.plot:
        draw(curves, options.plot, title=title)


def measure(options: Options) -> tuple[str, list[Curve]]:
    """Return the name of the bundle of most axes, and a curve for each axis."""
    with tempfile.TemporaryDirectory() as folder, bar() as progress:
        task = progress.add_task("", total=len(options.backbones) + 5)
        bundles = {}
        for name in options.backbones:
            progress.update(task, description=f"exporting {name}")
            export_random(name, Path(folder), text_encoder=False)
            bundles[name] = Bundle.open(Path(folder) / name)
            progress.advance(task)
        bundles[_SHIPPED] = Bundle.open(shipped_bundle())
        if options.bundle:
            bundles = {str(options.bundle): Bundle.open(options.bundle), **bundles}
        base = next(iter(bundles))
        curves = []
        for axis, points in axes(bundles[base], bundles, options).items():
            progress.update(task, description=axis)
            curves.append(measure_axis(axis, points, options))
            progress.advance(task)
    return base, curves


@dataclass(frozen=True)
class Point:
    """One point of an axis: a bundle, and the sizes that it runs with."""

    bundle: Bundle
    name: str
    size: float
    frames: int
    labels: int = LABELS
    attributes: int = ATTRIBUTES
    streams: int = 1


def axes(base: Bundle, bundles: Mapping[str, Bundle], options: Options) -> dict[str, list[Point]]:
    usual, longest = base.manifest.sampling.frames, base.manifest.sampling.max_frames
    point = partial(Point, base, frames=usual)
    frames = [count for count in options.frames if count <= longest]
    return {
        "labels": [point(str(n), n, labels=n) for n in options.labels],
        "attributes per label": [point(str(n), n, attributes=n) for n in options.attributes],
        "streams, one decision each": [point(str(n), n, streams=n) for n in options.streams],
        "frames per window": [point(str(n), n, frames=n) for n in frames],
        "GMAC per frame": encoders(bundles),
    }


def encoders(bundles: Mapping[str, Bundle]) -> list[Point]:
    """Return a point for each bundle, the smallest frame encoder first."""
    sizes = {name: _gmac(bundle) for name, bundle in bundles.items()}
    return [
        Point(bundles[name], f"{gmac:.2g} ({name})", gmac, bundles[name].manifest.sampling.frames)
        for name, gmac in sorted(sizes.items(), key=lambda item: item[1])
    ]


def measure_axis(axis: str, points: Sequence[Point], options: Options) -> Curve:
    """Measure the points of one axis in interleaved rounds; a bundle is loaded once."""
    bundles = {point.bundle.path: point.bundle for point in points}
    loaded = {
        path: TimedBundle.load(bundle, threads=options.threads) for path, bundle in bundles.items()
    }
    steps = []
    for point in points:
        dim = point.bundle.bank.class_embeddings.shape[1]
        bank = random_bank(point.labels, point.attributes, dim)
        step = Step(loaded[point.bundle.path], bank, frames=point.frames, streams=point.streams)
        steps.append(step)
    return Curve(
        axis,
        tuple(point.name for point in points),
        np.asarray([point.size for point in points], float),
        time_steps(steps, rounds=options.rounds),
    )


def _gmac(bundle: Bundle) -> float:
    from ...export.folding import folded_for_inference
    from ...models.config import ModelConfig
    from ...models.stzsar import STZSAR
    from ..backbones import count_gmac

    config = ModelConfig.from_json(bundle.manifest.model)
    return count_gmac(folded_for_inference(STZSAR(config).eval()))


def table(curve: Curve) -> str:
    """Return a curve as Markdown, with its straight line below."""
    offset, slope = curve.line()
    line_ms = offset + slope * curve.sizes
    rows = zip(curve.names, curve.fastest_ms, curve.median_ms, curve.fastest_parts_ms,
               curve.fastest_ms / line_ms - 1, strict=True)  # fmt: skip
    cells = (
        (name, f"{fastest:.4g}", f"{median:.4g}", *(f"{part:.3g}" for part in parts),
         f"{round(off, 2) + 0.0:+.0%}")  # + 0.0: no -0
        for name, fastest, median, parts, off in rows
    )  # fmt: skip
    columns = (curve.axis, "ms, fastest", "median", *PARTS, "off the straight line")
    return f"{markdown(columns, cells)}\n\nstraight line: {offset:.3g} ms + {slope:.3g} ms each"
