"""`stzsar-archive index`."""

from pathlib import Path
from typing import TYPE_CHECKING

import click
import cloup
from rich.progress import TextColumn

from ...terminal.commandline import at_the_edge, say, show_error
from ...terminal.progress import bar
from ..arguments.shared import ENGINE, THREADS
from .shared import debug, size

if TYPE_CHECKING:
    from ...archive.index.options import IndexOptions

_HOW = cloup.option_group(
    "What to keep",
    cloup.option(
        "--rate", "rate_fps", metavar="FPS", type=click.FloatRange(0, 1000, min_open=True),
        show_default="the archive's, else the bundle's", help="Take N frames a second",
    ),
    cloup.option(
        "--motion-gate", metavar="LEVEL", type=click.FloatRange(0, 255, True, True),
        help="Encode a frame only if it changed by more than LEVEL of 255",
    ),
    cloup.option(
        "--patches", metavar="N", type=click.IntRange(min=1),
        show_default="the archive's, else 8", help="Keep the N most different patches of a frame",
    ),
    cloup.option(
        "--stills", "still_s", metavar="S", type=click.FloatRange(0, min_open=True),
        help="Keep a small picture every S seconds",
    ),
    cloup.option(
        "--stretch", "stretch_s", metavar="S", type=click.FloatRange(1),
        show_default="the archive's, else 600", help="Commit every S seconds of video",
    ),
)  # fmt: skip
_WORK = cloup.option_group(
    "Work",
    cloup.option(
        "--workers", metavar="N", type=click.IntRange(min=1), default=1, show_default=True,
        help="Use N processes, or N actors with --ray",
    ),
    cloup.option(
        "--ray", metavar="ADDRESS", help="Index on this Ray cluster, or on a local one: --ray local"
    ),
    THREADS,
    ENGINE,
)  # fmt: skip


@cloup.command()
@cloup.argument(
    "videos", metavar="VIDEOS…", nargs=-1, required=True, type=click.Path(path_type=Path),
    help="Video files, and folders of them.",
)  # fmt: skip
@cloup.option(
    "--archive", metavar="DIR|URL", required=True,
    help="Its folder, or its address, such as s3://bucket/cameras",
)  # fmt: skip
@cloup.option(
    "--bundle", metavar="DIR", type=click.Path(path_type=Path), help="Encode by this bundle"
)
@_HOW
@_WORK
@debug
@at_the_edge
def index(videos: tuple[Path, ...], **options: object) -> None:
    """Encode videos once, so that anything can be asked later.

    What is in the archive already is skipped, so the same command goes on after a kill.
    """
    from ...archive.index.options import IndexOptions

    run_index(IndexOptions(videos=videos, **options))  # type: ignore[arg-type]


def run_index(options: "IndexOptions") -> None:
    """Index videos, say what that costs, and show how far it is.

    Raises:
        StzsarError: a video, the bundle, the archive or the engine cannot be used; or some videos
            are broken, at the end.
    """
    from ...archive.index.indexing import index as index_all
    from ...archive.index.indexing import prepare
    from ...errors import SourceError

    ready = prepare(options)
    cost, total = ready.cost, len(ready.paths)
    say(
        f"A camera for a day, at {cost.rate_fps:g} frames a second: {size(round(cost.disk_bytes))} "
        f"on disk, and {cost.cpu_hours:.2g} CPU hours of encoding."
    )
    for error in ready.broken:
        show_error(SourceError(error))
    broken, count, stretches = len(ready.broken), 0, 0
    hours = 0.0
    with bar(True, TextColumn("{task.fields[speed]}")) as progress:
        task = progress.add_task("indexing", total=max(1, total), speed="")

        def committed(seconds: float) -> None:
            nonlocal hours
            hours += seconds / 3600
            elapsed = progress.tasks[0].elapsed or 1e-9
            progress.update(
                task, speed=f"{hours:.2f} h of video, {3600 * hours / elapsed:.0f} × live"
            )

        for done in index_all(ready, options, committed):
            count, stretches = count + 1, stretches + done.stretches
            progress.update(task, advance=1, description=f"indexing, {count} of {total} videos")
            if done.error:
                broken += 1
                show_error(SourceError(done.error))
    there = ready.there + count - broken  # whole ones
    say(
        f"{there} of {there + broken} videos are in {options.archive}: {stretches} stretches and "
        f"{hours:.2f} hours are new."
    )
    if broken:
        raise SourceError(
            f"{broken} of {there + broken} videos cannot be indexed, or not all of them."
        )
