"""stzsar-events: lists, shows, exports and keeps the events that stzsar-run --events stored."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import cloup
from rich.table import Table
from rich.text import Text

from ..terminal.commandline import Output, at_the_edge, printable, run_as_program, say

_PATH = click.Path(path_type=Path)
_EXAMPLE = """\b
Examples:
  stzsar-events list events/ --label archery --since 2h
      lists what happened in the last two hours
  stzsar-events show events/ 123
      shows one event, and where its clip and its stills are
  stzsar-events count events/ --plot counts.png
      counts events per label, hour of the day and stream
  stzsar-events export events/ --output events.csv
      writes events as CSV, JSON or Parquet
  stzsar-events keep events/ 123
      makes an event a favourite, which no --keep of stzsar-run removes
  stzsar-events delete events/ 123
      removes an event with its clip and its stills
"""

_folder = cloup.argument("folder", metavar="DIR", type=_PATH, help="Folder of --events.")
_ids = cloup.argument(
    "ids", metavar="ID…", type=click.IntRange(min=1), nargs=-1, required=True, help="Their numbers."
)
_debug = cloup.option("--debug", is_flag=True, help="Show tracebacks.")
_FILTERS = cloup.option_group(
    "Which events",
    cloup.option("--stream", "streams", metavar="NAME", multiple=True, help="Of this stream"),
    cloup.option("--region", "regions", metavar="NAME", multiple=True, help="In this region"),
    cloup.option("--label", "labels", metavar="NAME", multiple=True, help="With this label"),
    cloup.option(
        "--since",
        metavar="TIME",
        help="From a day, a day and a time, or a time ago: 2026-11-30, '2026-11-30 14:00', 2h, 7d",
    ),
    cloup.option("--until", metavar="TIME", help="Before a time, written in the same way"),
    cloup.option(
        "--min-peak", metavar="SCORE", type=click.FloatRange(0, 1), help="With at least this score"
    ),
    cloup.option(
        "--verdict",
        type=click.Choice(["yes", "no", "unverified"]),
        help="With this answer of a second look",
    ),
    cloup.option(
        "--mark",
        type=click.Choice(["right", "wrong"]),
        help="Marked so on the live page",
    ),
    cloup.option(
        "--priority",
        type=click.Choice(["low", "normal", "high", "urgent"]),
        help="As urgent as the rule of their label says",
    ),
    cloup.option("--kept", is_flag=True, help="Only favourites"),
)


def _found(limit: bool = False) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Give a command the arguments that say which events."""

    def add(command: Callable[..., Any]) -> Callable[..., Any]:
        command = _debug(at_the_edge(command))
        if limit:
            command = cloup.option(
                "--limit",
                metavar="N",
                type=click.IntRange(min=1),
                default=50,
                show_default=True,
                help="The newest N of them",
            )(command)
        return _folder(_FILTERS(command))

    return add


@cloup.group(epilog=_EXAMPLE)
@click.version_option(package_name="stzsar")
def main() -> None:
    """Look at the events that stzsar-run --events stores, also while it runs."""


@main.command("list")
@_found(limit=True)
def list_events(folder: Path, limit: int, **filters: Any) -> None:
    """List events as a table, the newest last."""
    from .questions import FindOptions, find

    events = find(FindOptions(folder=folder, wanted=_filter(filters, limit=limit)))
    if not events:
        say("There is no such event.")
        return
    table = Table(show_lines=False)
    for column in ("", "when", "stream", "label", "seconds", "peak", "has"):
        table.add_column(column, overflow="fold")
    for event in events:
        state = {"open": " so far", "cut": " cut"}.get(event.state, "")
        table.add_row(
            f"{event.id}{' *' if event.kept else ''}",
            _moment(event.when),
            Text(printable(f"{event.source}/{event.region}" if event.region else event.source)),
            Text(printable(event.label)),
            f"{event.duration_s:.1f}{state}",
            f"{event.peak:.2f}",
            ", ".join(part for part in ("clip", "still") if getattr(event, part)),
        )
    Output().print(table)


@main.command()
@_folder
@cloup.argument("id", metavar="ID", type=click.IntRange(min=1), help="Its number.")
@_debug
@at_the_edge
def show(folder: Path, id: int) -> None:  # noqa: A002
    """Show everything that is known of an event."""
    from .questions import get

    event = get(folder, id)
    table = Table(show_header=False, show_lines=False)
    files = {
        what: (folder / name).absolute()
        for what, name in (
            ("clip", event.clip), ("still", event.still), ("annotated still", event.annotated)
        )
        if name
    }  # fmt: skip
    rows = {
        "event": f"{event.id}{', a favourite' if event.kept else ''}",
        "label": event.label,
        "stream": event.source,
        **({"region": event.region} if event.region else {}),
        **({"priority": event.priority} if event.priority else {}),
        "from": event.address,
        "when": _moment(event.when) + ("" if event.time else " (stored; the source is a file)"),
        "in the source": f"{event.start_s:.2f} s to {event.end_s:.2f} s",
        "state": {"cut": "cut off when its run was killed"}.get(event.state, event.state),
        "peak": f"{event.peak:.4f}",
        "scores": " ".join(f"{at_s:+.1f}s:{score:.2f}" for at_s, score in event.scores),
        **({"marked": event.mark} if event.mark else {}),
        **({"second look": _second_look(event)} if event.verdict else {}),
        "bundle": event.bundle,
        **files,
        **({"missing in the clip": f"{event.left_out} pictures"} if event.left_out else {}),
    }
    for name, value in rows.items():
        table.add_row(name, Text(printable(str(value)), overflow="fold"))
    Output().print(table)


@main.command()
@_found()
@cloup.option("--plot", metavar="FILE.png", type=_PATH, help="Draw the counts as bars")
def count(folder: Path, plot: Path | None, **filters: Any) -> None:
    """Count events per label, hour of the day and stream."""
    from .plot import plot_counts
    from .questions import FindOptions
    from .questions import count as count_events

    counts = count_events(FindOptions(folder=folder, wanted=_filter(filters)))
    out = Output()
    for what, numbers in counts.items():
        table = Table(show_lines=False)
        table.add_column(what, overflow="fold")
        table.add_column("events", justify="right")
        for name, number in numbers.items():
            table.add_row(Text(printable(name)), str(number))
        out.print(table)
    if plot:
        plot_counts({str(what): numbers for what, numbers in counts.items()}, plot)
        say(f"The counts are drawn in {plot}.")


@main.command()
@_found()
@cloup.option(
    "--output",
    metavar="FILE",
    type=_PATH,
    show_default="stdout, as CSV",
    help="Write into a .csv, .json or .parquet file",
)
@cloup.option(
    "--format",
    type=click.Choice(["csv", "json", "parquet"]),
    show_default="by the file's ending",
    help="Choose the format",
)
def export(folder: Path, output: Path | None, format: Any, **filters: Any) -> None:  # noqa: A002
    """Write events as CSV, JSON or Parquet."""
    from .export import ExportOptions
    from .export import export as export_events

    wanted = _filter(filters)
    number = export_events(
        ExportOptions(folder=folder, wanted=wanted, output=output, format=format)
    )
    if output:
        say(f"{number} events are in {output}.")


@main.command()
@_folder
@_ids
@cloup.option("--undo", is_flag=True, help="Make them favourites no more")
@_debug
@at_the_edge
def keep(folder: Path, ids: tuple[int, ...], undo: bool) -> None:
    """Make events favourites, which stay whatever --keep says."""
    from .questions import ChangeOptions
    from .questions import keep as keep_events

    keep_events(ChangeOptions(folder=folder, ids=ids, undo=undo))


@main.command()
@_folder
@_ids
@_debug
@at_the_edge
def delete(folder: Path, ids: tuple[int, ...]) -> None:
    """Remove events with their clips and stills."""
    from .questions import ChangeOptions
    from .questions import delete as delete_events

    removed = delete_events(ChangeOptions(folder=folder, ids=ids))
    say(f"Removed: {removed.records} of the events, with {removed.files} files.")


def _filter(filters: dict[str, Any], *, limit: int | None = None) -> Any:
    from .filters import EventFilter
    from .moments import parse_moment

    for name in ("since", "until"):
        if filters[name] is not None:
            filters[name] = parse_moment(f"--{name}", filters[name])
    return EventFilter(**filters, limit=limit)


def _second_look(event: Any) -> str:
    score = "" if event.verified_score is None else f" ({event.verified_score:.2f})"
    return f"{event.verdict}{score}, {event.verified_by}{': ' if event.said else ''}{event.said}"


def _moment(seconds: float) -> str:
    from .moments import shown_moment

    return shown_moment(seconds)


def program() -> None:
    """Run stzsar-events as a program."""
    run_as_program(main)


if __name__ == "__main__":
    program()
