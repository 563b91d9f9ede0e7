"""python -m stzsar.benchmarks.peers: this project and its peers, each as its users run it.

Each peer runs in a process and an environment of its own, through its own public API, with random
weights: speed does not depend on them. What is timed is from a decoded BGR frame of the clip's own
size to a label, with a window that moves on by one frame for each decision.
"""

import datetime
import json
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import click
import cloup

from ...runtime.bundle.bundle import shipped_bundle
from ...runtime.bundle.manifest import MAX_FRAMES
from ...runtime.errors import StzsarError
from ...runtime.labels.labels import MAX_LABELS
from ...runtime.sources.uri import expand_sources
from ...runtime.terminal.commandline import at_the_edge, say
from ...runtime.terminal.outputs import check_writable
from ..bench.plot import check_plot
from ..timing import machine
from .environments import Environments, variables
from .interleave import Pace, Track, interleave
from .materials import SCRIPTS, Materials, Sizes
from .picture import draw
from .process import Worker
from .roster import OWN, STREAMING, Peer, choose_peers, parse_interpreters
from .table import Row, make_rows, markdown

_QUICK_LABELS, _QUICK_ROUNDS = 8, 2
_QUICK_BACKBONE = "ViT-S-32"  # the smallest that is exported in seconds
_OWN_MODULE = f"{__package__}.workers.own"


@dataclass(frozen=True, kw_only=True)
class Request:
    """A run.

    Attributes:
        peers: who is compared.
        clips: video files.
        sizes: what all have in common.
        environments: the folder of the environments.
        interpreters: those that exist already, by environment.
        pace: how much is measured.
    """

    peers: tuple[Peer, ...]
    clips: tuple[str, ...]
    sizes: Sizes
    environments: Path
    interpreters: dict[str, str]
    pace: Pace


@cloup.command()
@cloup.option(
    "--clips",
    metavar="FOLDER|FILE",
    default=str(shipped_bundle().parent / "sample.mp4"),
    help="Videos that all look at (default: the sample clip that ships).",
)
@cloup.option(
    "--rounds",
    metavar="N",
    type=click.IntRange(min=1),
    help="Turns of each peer, two seconds or one decision long (default: 30).",
)
@cloup.option(
    "--labels",
    metavar="N",
    type=click.IntRange(1, MAX_LABELS),
    help="How many labels, with eight attributes each (default: 400).",
)
@cloup.option(
    "--frames",
    metavar="T",
    default=8,
    show_default=True,
    type=click.IntRange(2, MAX_FRAMES),
    help="Frames of a window.",
)
@cloup.option(
    "--backbone",
    metavar="NAME",
    help="A plain ViT of open_clip; X-CLIP gets its sizes (default: ViT-B-32).",
)
@cloup.option(
    "--threads",
    metavar="N",
    type=click.IntRange(min=1),
    help="CPU threads of each peer (default: one for each core).",
)
@cloup.option(
    "--environments",
    metavar="FOLDER",
    default=".venvs/peers",
    show_default=True,
    type=click.Path(file_okay=False, path_type=Path),
    help="Where the peers' environments and files are made and kept: 10 GB.",
)
@cloup.option(
    "--python",
    "interpreters",
    metavar="NAME=PATH",
    multiple=True,
    help="Use this one for the environment torch, onnxruntime or openvino.",
)
@cloup.option(
    "--only", metavar="NAME", multiple=True, help="Measure this peer alone, as often as wanted."
)
@cloup.option(
    "--json",
    "record",
    metavar="FILE",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write every time that was measured, with versions.",
)
@cloup.option(
    "--plot",
    metavar="FILE",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Draw the table as bars (.png, .svg, .pdf).",
)
@cloup.option(
    "--quick",
    is_flag=True,
    help=f"See whether it runs: {_QUICK_BACKBONE}, {_QUICK_LABELS} labels, {_QUICK_ROUNDS} rounds.",
)
@cloup.option("--debug", is_flag=True, help="Show tracebacks.")
@at_the_edge
def main(
    clips: str,
    rounds: int | None,
    labels: int | None,
    frames: int,
    backbone: str | None,
    threads: int | None,
    environments: Path,
    interpreters: Sequence[str],
    only: Sequence[str],
    record: Path | None,
    plot: Path | None,
    quick: bool,
) -> None:
    """Time this project and its peers in turn, and print a Markdown table."""
    if plot:
        check_plot(plot)
        check_writable(plot)
    if record:
        check_writable(record)
    rounds = rounds or (_QUICK_ROUNDS if quick else 30)
    request = Request(
        peers=choose_peers(only),
        clips=find_clips(clips),
        sizes=Sizes(
            backbone=backbone or (_QUICK_BACKBONE if quick else "ViT-B-32"),
            labels=labels or (_QUICK_LABELS if quick else 400),
            frames=frames,
            threads=threads or os.cpu_count() or 1,
        ),
        environments=environments,
        interpreters=parse_interpreters(interpreters),
        pace=Pace(rounds=rounds, turn_s=0.1) if quick else Pace(rounds=rounds),
    )
    load_before = _load_average()
    tracks = measure(request)
    rows = make_rows(request.peers, tracks, STREAMING)
    caption = describe(request.sizes)
    click.echo(markdown(rows))
    click.echo(f"\n{caption}")
    click.echo(_versions(rows))
    if record:
        about = {"load_average": [load_before, _load_average()], "clips": list(request.clips)}
        text = json.dumps(to_record(request, rows, tracks) | about, indent=1)
        record.write_text(text + "\n", encoding="utf-8")
    if plot and any(not row.failed for row in rows):
        draw(rows, plot, caption)
    if all(row.failed for row in rows):
        raise StzsarError("None of the peers could be measured: the table says why.")


def find_clips(where: str) -> tuple[str, ...]:
    """Return the video files that are meant.

    Raises:
        StzsarError: there are none, or it is no file.
    """
    found = tuple(expand_sources([where]))
    for path in found:
        if not Path(path).is_file():
            raise StzsarError(f"--clips {where} is neither a video file nor a folder of them.")
    return found


def measure(request: Request) -> dict[str, Track]:
    """Make what is missing, and time the peers in turn; a track may say why it is empty."""
    environments = Environments(request.environments, request.interpreters, say)
    materials = Materials(
        request.environments / "materials", request.sizes, request.clips, environments, say
    )

    def starter(peer: Peer) -> Worker:
        interpreter = environments.interpreter(peer.environment)
        materials.make(peer.needs)
        own = peer.environment == OWN
        script = ["-m", _OWN_MODULE] if own else [str(SCRIPTS / f"{peer.script}.py")]
        words = [interpreter, *script, str(materials.spec), *([peer.mode] if peer.mode else [])]
        say(f"Loading {peer.name}")
        log = materials.folder / f"{peer.name}.log"
        return Worker(words, log, environment=variables(peer.environment))

    # Everything is made before the first is loaded: an export beside waiting workers takes memory.
    starters = {peer.name: (lambda peer=peer: starter(peer)) for peer in request.peers}
    _make_all(request.peers, environments, materials)
    return interleave(starters, request.pace, advance=_progress(request))


def _make_all(peers: Sequence[Peer], environments: Environments, materials: Materials) -> None:
    from .process import WorkerError

    for peer in peers:
        try:
            environments.interpreter(peer.environment)
            materials.make(peer.needs)
        except WorkerError as error:
            say(f"{peer.name}: {error}")  # met again, at once, where its track is made


def _progress(request: Request) -> Any:
    turns = 0

    def advance(_: str) -> None:
        nonlocal turns
        turns += 1
        done, rest = divmod(turns - 1, len(request.peers))
        if rest == 0 and done:
            say(f"Round {done} of {request.pace.rounds}")

    return advance


def describe(sizes: Sizes) -> str:
    """Return in one line what was run where."""
    return (
        f"{sizes.backbone}, T = {sizes.frames}, {sizes.labels} labels, {sizes.threads} threads; "
        f"{machine()}; CPU, random weights."
    )


def _versions(rows: Sequence[Row]) -> str:
    found: dict[str, str] = {}
    for row in rows:
        found |= row.versions or {}
    return ", ".join(f"{name} {version}" for name, version in found.items())


def _load_average() -> float | None:
    return os.getloadavg()[0] if hasattr(os, "getloadavg") else None


def to_record(request: Request, rows: Sequence[Row], tracks: dict[str, Track]) -> dict[str, Any]:
    """Return what was measured as JSON has it: rows, and each decision by rounds."""
    return {
        "machine": machine(),
        "time": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
        "sizes": asdict(request.sizes),
        "rounds": request.pace.rounds,
        "rows": [_without_nan(asdict(row)) for row in rows],
        "decisions_ms": {name: track.rounds_ms for name, track in tracks.items()},
        "frames_mib": {name: track.ready.get("frames_mib") for name, track in tracks.items()},
    }


def _without_nan(row: dict[str, Any]) -> dict[str, Any]:
    """NaN is no JSON."""
    return {key: None if value != value else value for key, value in row.items()}
