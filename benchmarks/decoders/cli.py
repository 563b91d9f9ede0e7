"""Its options and the run: right frames first, then times in rounds that take turns."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import click
import cloup
import numpy as np

from ...runtime.bundle.bundle import shipped_bundle
from ...runtime.errors import StzsarError
from ...runtime.preprocessing.sampling import segment_indices
from ...runtime.sources.uri import VIDEO_SUFFIXES
from ...runtime.terminal.commandline import at_the_edge
from ..timing import machine, quick_option
from .judge import Verdict
from .reader import DECODERS, Clip, Decoder
from .workers import Turn, Workers

ROUNDS, QUICK_ROUNDS = 9, 1
_SAMPLE = shipped_bundle().parent / "sample.mp4"


class Row(NamedTuple):
    """What was found of one decoder.

    Attributes:
        decoder: which.
        rates: clips a second, by round.
        cpu_ms: of all threads, for a clip; the median of the rounds.
        without: clips that it gives no frames of.
        wrong_clips: clips of which some frames are wrong.
        wrong_frames: all frames that are.
        frames: all frames that it gave.
        difference: of its pictures from OpenCV's, in levels.
    """

    decoder: str
    rates: Sequence[float]
    cpu_ms: float
    without: int
    wrong_clips: int
    wrong_frames: int
    frames: int
    difference: float


@cloup.command()
@cloup.option(
    "--clips",
    default=_SAMPLE,
    type=click.Path(path_type=Path),
    help="A folder of clips, or one (default: the sample clip).",
)
@cloup.option(
    "--sample",
    metavar="N",
    type=click.IntRange(min=1),
    help="Take N of them, evenly spread (default: all).",
)
@cloup.option(
    "--workers",
    metavar="N",
    default=2,
    show_default=True,
    type=click.IntRange(min=1),
    help="Processes that decode at once.",
)
@cloup.option(
    "--frames", metavar="T", default=8, show_default=True, type=click.IntRange(min=1),
    help="Frames of a clip.",
)  # fmt: skip
@cloup.option(
    "--size", "size_px", metavar="PX", default=224, show_default=True, type=click.IntRange(min=8),
    help="Side of a frame.",
)  # fmt: skip
@cloup.option(
    "--rounds",
    metavar="N",
    type=click.IntRange(min=1),
    help=f"Times that each decodes all clips, in turn (default {ROUNDS}; {QUICK_ROUNDS} with "
    "--quick).",
)
@quick_option
@cloup.option("--debug", is_flag=True, help="Show tracebacks.")
@at_the_edge
def main(
    *,
    clips: Path,
    sample: int | None,
    workers: int,
    frames: int,
    size_px: int,
    rounds: int | None,
    quick: bool,
) -> None:
    """Print how fast each decoder is, and how many of its frames are wrong."""
    rounds = rounds or (QUICK_ROUNDS if quick else ROUNDS)
    wanted = [Clip(path, frames, size_px) for path in _videos(clips, sample)]
    reasons = {decoder.name: decoder.absence() for decoder in DECODERS}
    here = [decoder for decoder in DECODERS if not reasons[decoder.name]]
    with Workers(workers) as pool:
        verdicts = pool.judge(here, wanted)
        sound = [
            clip._replace(counted=found[0].truth)
            for clip, found in zip(wanted, verdicts, strict=True)
            if all(verdict.frames for verdict in found)
        ]
        if not sound:
            raise StzsarError(f"No clip of {clips} is read by all decoders: name others.")
        times = pool.time(here, sound, rounds)
    rows = [
        _row(decoder, times[place], len(sound), [found[place] for found in verdicts])
        for place, decoder in enumerate(here)
    ]
    click.echo(table(rows, {name: reason for name, reason in reasons.items() if reason}))
    known = sum(any(verdict.truth for verdict in found) for found in verdicts)
    click.echo(
        f"\nT = {frames}, {size_px} px, {workers} workers, {rounds} rounds; {len(wanted)} clips, "
        f"frames compared in the {known} of which OpenCV decodes any, as far as it does, times of "
        f"the {len(sound)} that all of them read; {machine()}."
    )


def _row(decoder: Decoder, turns: Sequence[Turn], clips: int, verdicts: Sequence[Verdict]) -> Row:
    judged = [verdict for verdict in verdicts if verdict.truth and verdict.frames]
    return Row(
        decoder=decoder.name,
        rates=[clips / turn.wall_s for turn in turns],
        cpu_ms=1000 * float(np.median([turn.cpu_s for turn in turns])) / clips,
        without=sum(verdict.frames == 0 for verdict in verdicts),
        wrong_clips=sum(verdict.wrong > 0 for verdict in judged),
        wrong_frames=sum(verdict.wrong for verdict in judged),
        frames=sum(verdict.frames for verdict in judged),
        difference=float(np.mean([verdict.difference for verdict in judged] or [0.0])),
    )


def table(rows: Sequence[Row], absent: dict[str, str]) -> str:
    """Return the rows as Markdown; ratios are medians of those of one round."""
    columns = (
        *("decoder", "clips/s: median (quartiles)", "times the first", "CPU, ms a clip"),
        *("clips without frames", "clips with wrong frames", "wrong frames", "colours differ by"),
    )
    lines = [f"| {' | '.join(columns)} |", "|---" * len(columns) + "|"]
    first = np.asarray(rows[0].rates)
    for row in rows:
        low, middle, high = np.percentile(row.rates, (25, 50, 75))
        cells = (
            row.decoder,
            f"{middle:.1f} ({low:.1f} … {high:.1f})",
            f"{np.median(np.asarray(row.rates) / first):.2f}",
            f"{row.cpu_ms:.0f}",
            str(row.without),
            str(row.wrong_clips),
            f"{row.wrong_frames} of {row.frames}",
            f"{row.difference:.1f}",
        )
        lines.append(f"| {' | '.join(cells)} |")
    lines += [
        f"| {name} | {reason} |" + " |" * (len(columns) - 2) for name, reason in absent.items()
    ]
    return "\n".join(lines)


def _videos(path: Path, sample: int | None) -> list[Path]:
    if path.is_file():
        return [path]
    found = sorted(p for p in path.rglob("*") if p.suffix.lower() in VIDEO_SUFFIXES)
    if not found:
        raise StzsarError(f"{path} holds no videos: name a folder of clips, or one.")
    return [
        found[index] for index in segment_indices(len(found), min(sample or len(found), len(found)))
    ]
