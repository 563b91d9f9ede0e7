"""python -m stzsar.benchmarks.motion_gate: what the motion gate saves, and what it does to scores.

Recognises videos without the gate and with each of some levels, and compares window by window.
"""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import click
import cloup

from ..runtime.bundle.bundle import Bundle, shipped_bundle
from ..runtime.errors import SourceError, StzsarError
from ..runtime.recognizer import Recognizer
from ..runtime.results import Recognition
from ..runtime.sources.uri import expand_sources
from ..runtime.streams.stream import StreamOptions
from ..runtime.terminal.commandline import at_the_edge
from .timing import quick_option

LEVELS = (2.0, 4.0, 8.0, 16.0, 32.0)
_SAMPLE = shipped_bundle().parent / "sample.mp4"


@dataclass(frozen=True, kw_only=True)
class Row:
    """One row of the table.

    Attributes:
        level: of the gate.
        encoded: share of the sampled frames that were encoded.
        largest: difference of any label's score from the run without a gate.
        mean: difference of the best label's score, on average.
        same: share of windows with the same best label.
    """

    level: float
    encoded: float
    largest: float
    mean: float
    same: float


@cloup.command()
@cloup.option(
    "--bundle", type=click.Path(path_type=Path), help="The bundle (default: the one that ships)."
)
@cloup.option(
    "--source",
    default=str(_SAMPLE),
    help="A video file, folder or pattern (default: the sample clip).",
)
@cloup.option(
    "--level",
    "levels",
    multiple=True,
    type=click.FloatRange(0, 255, min_open=True, max_open=True),
    help=f"A level of the gate (default: {', '.join(f'{level:g}' for level in LEVELS)}).",
)
@quick_option
@cloup.option("--debug", is_flag=True, help="Show tracebacks.")
@at_the_edge
def main(*, bundle: Path | None, source: str, levels: tuple[float, ...], quick: bool) -> None:
    """Print the table."""
    levels = levels or (LEVELS[:1] if quick else LEVELS)
    opened = Bundle.open(bundle or shipped_bundle())
    recognizer = Recognizer.load(opened, top_k=len(opened.bank.labels))
    files = expand_sources([source])
    plain = _results(recognizer, files, StreamOptions())
    if not plain:
        raise StzsarError(f"{source} gives no window: name a longer video.")
    rows = [
        compare(level, plain, _results(recognizer, files, StreamOptions(motion_gate=level)))
        for level in levels
    ]
    click.echo(table(rows))


def _results(
    recognizer: Recognizer, files: Sequence[str], options: StreamOptions
) -> list[Recognition]:
    """Return the results of all files; what is damaged ends with its last good frame."""
    found: list[Recognition] = []
    for file in files:
        with suppress(SourceError):
            found += recognizer.stream(Path(file), options)
    return found


def compare(level: float, plain: Sequence[Recognition], gated: Sequence[Recognition]) -> Row:
    """Compare the results of the same windows."""
    differences, best = [], []
    for one, other in zip(plain, gated, strict=True):
        scores = {score.label: score.score for score in other.top}
        differences += [abs(score.score - scores[score.label]) for score in one.top]
        best.append(abs(one.score - scores[one.label]))
    pairs = list(zip(plain, gated, strict=True))
    return Row(
        level=level,
        encoded=sum(found.encoded for found in gated) / sum(found.frames for found in gated),
        largest=max(differences),
        mean=sum(best) / len(best),
        same=sum(one.label == other.label for one, other in pairs) / len(pairs),
    )


def table(rows: Sequence[Row]) -> str:
    """Return the rows as Markdown."""
    columns = ("level", "frames encoded", "mean difference of the best score", "largest of any",
               "same best label")  # fmt: skip
    lines = [f"| {' | '.join(columns)} |", "|---" * len(columns) + "|"]
    for row in rows:
        cells = (f"{row.level:g}", f"{row.encoded:.0%}", f"{row.mean:.4f}", f"{row.largest:.4f}",
                 f"{row.same:.1%}")  # fmt: skip
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
