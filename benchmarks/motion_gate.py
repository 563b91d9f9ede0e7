"""python -m stzsar.benchmarks.motion_gate: frames saved by the motion gate, scores changed by it.

Recognises videos without the gate and at several levels, and compares window by window.
"""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import click
import cloup
import numpy as np

from ..runtime.bundle.bundle import Bundle, shipped_bundle
from ..runtime.errors import SourceError, StzsarError
from ..runtime.recognizer import Recognizer
from ..runtime.results import Recognition
from ..runtime.sources.uri import expand_sources
from ..runtime.streams.stream import StreamOptions
from .bench.sources import SHIPPED_CLIP
from .tools.command import benchmark, bundle_option
from .tools.tables import markdown


@dataclass(frozen=True, kw_only=True)
class Options:
    """What to recognise: a file, folder or pattern; and the levels of the gate to try."""

    bundle: Path | None = None
    source: str = SHIPPED_CLIP
    levels: tuple[float, ...] = (2.0, 4.0, 8.0, 16.0, 32.0)


@dataclass(frozen=True, kw_only=True)
class GateEffect:
    level: float
    encoded: float  # share of the sampled frames that are encoded
    largest: float  # largest difference of any label's score from the run without a gate
    mean: float  # mean difference of the best label's score
    same: float  # share of windows with the same best label


@benchmark(usual=Options(), quick=Options(levels=(2.0,)))
@bundle_option()
@cloup.option(
    "--source", show_default="the sample clip", help="Read this video file, folder or pattern."
)
@cloup.option(
    "--level", "levels", multiple=True, show_default="2, 4, 8, 16, 32",
    type=click.FloatRange(0, 255, min_open=True, max_open=True),
    help="Try this level of the gate (repeatable).",
)  # fmt: skip
def main(options: Options) -> None:
    """Compare runs with and without the motion gate, and print a Markdown table."""
    click.echo(table(measure(options)))


def measure(options: Options) -> list[GateEffect]:
    bundle = Bundle.open(options.bundle or shipped_bundle())
    recognizer = Recognizer.load(bundle, top_k=len(bundle.bank.labels))
    files = expand_sources([options.source])
    plain = _results(recognizer, files, StreamOptions())
    if not plain:
        raise StzsarError(f"{options.source} is too short for a window: name a longer video.")
    return [
        compare(level, plain, _results(recognizer, files, StreamOptions(motion_gate=level)))
        for level in options.levels
    ]


def _results(
    recognizer: Recognizer, files: Sequence[str], options: StreamOptions
) -> list[Recognition]:
    """Return the results of all files; a damaged file ends at its last good frame."""
    results: list[Recognition] = []
    for file in files:
        with suppress(SourceError):
            results += recognizer.stream(Path(file), options)
    return results


def compare(level: float, plain: Sequence[Recognition], gated: Sequence[Recognition]) -> GateEffect:
    pairs = list(zip(plain, gated, strict=True))
    gated_scores = [{score.label: score.score for score in result.top} for result in gated]
    differences = [
        [abs(score.score - scores[score.label]) for score in one.top]
        for one, scores in zip(plain, gated_scores, strict=True)
    ]
    return GateEffect(
        level=level,
        encoded=sum(result.encoded for result in gated) / sum(result.frames for result in gated),
        largest=max(map(max, differences)),
        mean=float(np.mean([of_window[0] for of_window in differences])),  # the best label's
        same=float(np.mean([one.label == other.label for one, other in pairs])),
    )


def table(rows: Sequence[GateEffect]) -> str:
    columns = ("level", "frames encoded", "mean difference of the best score",
               "largest of any score", "same best label")  # fmt: skip
    cells = (
        (f"{row.level:g}", f"{row.encoded:.0%}", f"{row.mean:.4f}", f"{row.largest:.4f}",
         f"{row.same:.1%}")
        for row in rows
    )  # fmt: skip
    return markdown(columns, cells)


if __name__ == "__main__":
    main()
