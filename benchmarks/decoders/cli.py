"""The command: first which frames are right, then times in interleaved rounds."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import click
import cloup
import numpy as np

from ...runtime.errors import StzsarError
from ...runtime.preprocessing.sampling import segment_indices
from ...runtime.sources.uri import expand_sources
from ..bench.sources import SHIPPED_CLIP
from ..tools.command import benchmark, count_option, rounds_option
from ..tools.tables import markdown
from ..tools.timing import machine
from .judge import Verdict
from .reader import DECODERS, Request
from .workers import Pass, start_workers


@dataclass(frozen=True, kw_only=True)
class Options:
    clips: Path = Path(SHIPPED_CLIP)  # a folder of clips, or one
    sample: int | None = None  # take this number of clips, evenly spread; None takes all
    workers: int = 2  # processes that decode at once
    frames: int = 8  # T, of a clip
    size_px: int = 224  # side of a frame
    rounds: int = 9


QUICK = Options(rounds=1, workers=1)


@dataclass(frozen=True)
class DecoderResult:
    name: str  # of the decoder
    rates: Sequence[float]  # clips per second in each round
    cpu_ms: float  # of all threads, per clip; the median of the rounds
    frame_cpu_ms: float  # the same per frame of the clips, wanted or not
    without: int  # clips that it gives no frames of
    wrong_clips: int  # clips with wrong frames
    wrong_frames: int  # wrong frames of all clips
    frames: int  # all frames that it gave
    difference: float  # mean difference of its right frames from the runtime's, in levels


@dataclass(frozen=True)
class Comparison:
    """Results of the decoders that are installed, why the others are not, and counts of clips."""

    results: list[DecoderResult]
    absent: dict[str, str]
    clips: int
    judged: int
    timed: int


@benchmark(usual=Options(), quick=QUICK)
@cloup.option(
    "--clips", type=click.Path(path_type=Path), show_default="the sample clip",
    help="Decode this clip, or all clips of this folder.",
)  # fmt: skip
@count_option("--sample", "all", "Take N clips, evenly spread.")
@count_option("--workers", Options.workers, "Decode in N processes.")
@count_option("--frames", Options.frames, "Take N frames per clip.")
@cloup.option(
    "--size", "size_px", metavar="PX", type=click.IntRange(min=8), show_default="224",
    help="Resize frames to this side.",
)  # fmt: skip
@rounds_option(Options.rounds, QUICK.rounds)
def main(options: Options) -> None:
    """Compare decoders: how fast they are, and how many of their frames are wrong."""
    found = measure(options)
    click.echo(table(found.results, found.absent))
    click.echo(
        f"\nT = {options.frames}, {options.size_px} px, {options.workers} workers, "
        f"{options.rounds} rounds; {found.clips} clips; frames are compared in the {found.judged} "
        "of which the runtime decodes any, as far as it gets; times are of the "
        f"{found.timed} that all decoders read; {machine()}."
    )


def measure(options: Options) -> Comparison:
    requests = [
        Request(path, options.frames, options.size_px)
        for path in find_clips(options.clips, options.sample)
    ]
    absent = {decoder.name: why for decoder in DECODERS if (why := decoder.absence())}
    decoders = [decoder for decoder in DECODERS if decoder.name not in absent]
    with start_workers(options.workers) as workers:
        verdicts = workers.judge(decoders, requests)
        sound = [
            replace(request, counted=of_clip[0].truth)
            for request, of_clip in zip(requests, verdicts, strict=True)
            if all(verdict.frames for verdict in of_clip)
        ]
        if not sound:
            raise StzsarError(f"No clip of {options.clips} is read by all decoders: name others.")
        rounds = workers.time(decoders, sound, options.rounds)
    results = [
        _result(decoder.name, [of_round[place] for of_round in rounds], sound,
                [of_clip[place] for of_clip in verdicts])
        for place, decoder in enumerate(decoders)
    ]  # fmt: skip
    judged = sum(any(verdict.truth for verdict in of_clip) for of_clip in verdicts)
    return Comparison(results, absent, len(requests), judged, len(sound))


def _result(
    name: str, passes: Sequence[Pass], clips: Sequence[Request], verdicts: Sequence[Verdict]
) -> DecoderResult:
    cpu_ms = 1000 * float(np.median([one.cpu_s for one in passes]))
    judged = [verdict for verdict in verdicts if verdict.truth and verdict.frames]
    return DecoderResult(
        name=name,
        rates=[len(clips) / one.wall_s for one in passes],
        cpu_ms=cpu_ms / len(clips),
        frame_cpu_ms=cpu_ms / max(1, sum(clip.counted or 0 for clip in clips)),
        without=sum(verdict.frames == 0 for verdict in verdicts),
        wrong_clips=sum(verdict.wrong > 0 for verdict in judged),
        wrong_frames=sum(verdict.wrong for verdict in judged),
        frames=sum(verdict.frames for verdict in judged),
        difference=float(np.mean([verdict.difference for verdict in judged] or [0.0])),
    )


def table(results: Sequence[DecoderResult], absent: dict[str, str]) -> str:
    """Return the results as Markdown; a ratio is the median of the rounds' own."""
    columns = ("decoder", "clips/s: median (quartiles)", "times the first", "CPU, ms per clip",
               "CPU, ms per frame", "clips without frames", "clips with wrong frames",
               "wrong frames", "colours differ by")  # fmt: skip
    rows = []
    for result in results:
        low, middle, high = np.percentile(result.rates, (25, 50, 75))
        rows.append((
            result.name,
            f"{middle:.1f} ({low:.1f} … {high:.1f})",
            f"{np.median(np.divide(result.rates, results[0].rates)):.2f}",
            f"{result.cpu_ms:.0f}",
            f"{result.frame_cpu_ms:.2f}",
            result.without,
            result.wrong_clips,
            f"{result.wrong_frames} of {result.frames}",
            f"{result.difference:.1f}",
        ))  # fmt: skip
    rows += absent.items()
    return markdown(columns, rows)


def find_clips(path: Path, sample: int | None) -> list[Path]:
    """Return a file, or the videos of a folder; raise SourceError if the folder has no videos."""
    clips = [Path(clip) for clip in expand_sources([str(path)])]
    return [clips[i] for i in segment_indices(len(clips), min(sample or len(clips), len(clips)))]
