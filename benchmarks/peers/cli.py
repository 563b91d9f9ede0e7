"""The command: this project and its peers, each as its users run it.

Each peer runs in its own process and environment through its own public API, with random weights:
speed does not depend on them. A decision is timed from a decoded BGR frame to a label; the window
moves on by one frame for each.
"""

import datetime
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import click
import cloup

from ...runtime.atomic import write_file
from ...runtime.bundle.manifest import MAX_FRAMES
from ...runtime.errors import StzsarError
from ...runtime.labels.labels import MAX_LABELS
from ...runtime.sources.uri import expand_sources
from ...runtime.terminal.commandline import say
from ...runtime.terminal.progress import bar
from ..bench.environment import load_average
from ..tools.command import benchmark, count_option, plot_option, rounds_option
from ..tools.timing import machine
from .environments import Environments, variables
from .interleave import Pace, Track, interleave
from .materials import SCRIPTS, Materials
from .process import Worker, WorkerError
from .roster import OWN, STREAMING, Options, Peer
from .table import PeerResult, draw, make_results, markdown_table

_OWN_MODULE = f"{__package__}.workers.own"


# ViT-S-32 is the smallest that exports in seconds.
QUICK = Options(backbone="ViT-S-32", labels=8, rounds=2, turn_s=0.1)


@benchmark(usual=Options(), quick=QUICK)
@cloup.option(
    "--clips", metavar="FOLDER|FILE", show_default="the sample clip", help="Read these videos."
)
@rounds_option(Options.rounds, QUICK.rounds)
@cloup.option(
    "--labels", metavar="N", type=click.IntRange(1, MAX_LABELS), show_default="400",
    help="Use N labels with eight attributes each.",
)  # fmt: skip
@cloup.option(
    "--frames", metavar="T", type=click.IntRange(2, MAX_FRAMES), show_default="8",
    help="Set the frames per window.",
)  # fmt: skip
@cloup.option(
    "--backbone", metavar="NAME", show_default="ViT-B-32",
    help="Use this plain ViT of open_clip; X-CLIP gets its sizes.",
)  # fmt: skip
@count_option("--threads", "one per core", "Limit each peer to N CPU threads.")
@cloup.option(
    "--environments", metavar="FOLDER", show_default=str(Options.environments),
    type=click.Path(file_okay=False, path_type=Path),
    help="Make and keep the peers' environments and files here: 10 GB.",
)  # fmt: skip
@cloup.option(
    "--python", "interpreters", metavar="NAME=PATH", multiple=True,
    help="Use this interpreter for the environment torch, onnxruntime or openvino.",
)  # fmt: skip
@cloup.option("--only", metavar="NAME", multiple=True, help="Measure this peer (repeatable).")
@cloup.option(
    "--json", metavar="FILE", type=click.Path(dir_okay=False, path_type=Path),
    help="Write every measured time, with versions.",
)  # fmt: skip
@plot_option
def main(options: Options) -> None:
    """Time this project and its peers in interleaved rounds, and print a Markdown table."""
    clips = find_clips(options.clips)
    load_before = load_average()
    tracks = measure(options, clips)
    results = make_results(options.peers, tracks, STREAMING)
    caption = (
        f"{options.backbone}, T = {options.frames}, {options.labels} labels, {options.cores} "
        f"threads; {machine()}; CPU, random weights."
    )
    versions = {name: v for result in results for name, v in result.versions.items()}
    click.echo(markdown_table(results))
    click.echo(f"\n{caption}")
    click.echo(", ".join(f"{name} {version}" for name, version in versions.items()))
    if options.json:
        about = {"load_average": [load_before, load_average()], "clips": clips}
        document = to_record(options, results, tracks) | about
        write_file(options.json, json.dumps(document, indent=1) + "\n")
    if all(result.failed for result in results):
        raise StzsarError("None of the peers could be measured: the table says why.")
    if options.plot:
        draw(results, options.plot, caption)


def find_clips(where: str) -> list[str]:
    """Return the video files; raise StzsarError if there are none, or it is not a file."""
    clips = expand_sources([where])
    if not all(Path(path).is_file() for path in clips):
        raise StzsarError(f"--clips {where} is neither a video file nor a folder of them.")
    return clips


def measure(options: Options, clips: Sequence[str]) -> dict[str, Track]:
    """Make what is missing, and time the peers; a peer that fails has a reason in its track."""
    given = dict(text.split("=", 1) for text in options.interpreters)
    environments = Environments(options.environments, given)
    materials = Materials(options, clips, environments)
    # Everything is made before the first is loaded: an export needs memory.
    for peer in options.peers:
        try:
            environments.interpreter(peer.environment)
            materials.make(peer.needs)
        except WorkerError as error:
            say(f"{peer.name}: {error}")  # raised again, at once, when it is started
    with bar() as progress:
        task = progress.add_task("peers", total=len(options.peers) * (1 + options.rounds))
        return interleave(
            {peer.name: partial(_start, peer, environments, materials) for peer in options.peers},
            Pace(rounds=options.rounds, turn_s=options.turn_s),
            after_each=lambda: progress.advance(task),
        )


def _start(peer: Peer, environments: Environments, materials: Materials) -> Worker:
    interpreter = environments.interpreter(peer.environment)
    materials.make(peer.needs)
    file, *mode = peer.script
    program = ["-m", _OWN_MODULE] if peer.environment == OWN else [str(SCRIPTS / f"{file}.py")]
    words = [interpreter, *program, str(materials.spec), *mode]
    log = materials.folder / f"{peer.name}.log"
    return Worker(words, log, environment=variables(peer.environment))


def to_record(
    options: Options, results: Sequence[PeerResult], tracks: Mapping[str, Track]
) -> dict[str, Any]:
    """Return the JSON record: sizes, results, and every decision by rounds."""
    return {
        "machine": machine(),
        "time": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
        "sizes": {
            "backbone": options.backbone,
            "labels": options.labels,
            "frames": options.frames,
            "threads": options.cores,
        },
        "rounds": options.rounds,
        "rows": [asdict(result) for result in results],
        "decisions_ms": {name: track.rounds_ms for name, track in tracks.items()},
        "frames_mib": {name: track.ready.get("frames_mib") for name, track in tracks.items()},
    }
