"""stzsar-archive search: finds moments by text, or by an example."""

from pathlib import Path
from typing import Any

import click
import cloup
from rich.table import Table
from rich.text import Text

from ...bundle.manifest import MAX_SEEN_BIAS
from ...terminal.commandline import Output, at_the_edge, printable, say
from ..arguments.shared import ENGINE, NO_ATTRIBUTES, THREADS, TRUST_ENGINES

_PATH = click.Path(path_type=Path)

_WHAT = cloup.option_group(
    "What to find",
    cloup.option("--labels", metavar="FILE|WORDS", help="Find these labels, as stzsar-run takes"),
    cloup.option(
        "--ignore", metavar="FILE|WORDS", help="Find no window that one of these explains better"
    ),
    cloup.option(
        "--like", metavar="CLIP|STREAM@TIME", help="Find more of a video file or of a moment"
    ),
    cloup.option(
        "--calibration", metavar="FILE", type=_PATH, help="Find only what is above its thresholds"
    ),
    cloup.option("--bundle", metavar="DIR", type=_PATH, help="Search the frames of this bundle"),
    cloup.option(
        "--seen-bias",
        metavar="X",
        type=click.FloatRange(0, MAX_SEEN_BIAS),
        show_default="what training measured",
        help="Subtract X from the logits of labels that training saw",
    ),
    NO_ATTRIBUTES,
)
_WHERE = cloup.option_group(
    "Where to look",
    cloup.option("--stream", "streams", metavar="NAME", multiple=True, help="In this stream"),
    cloup.option(
        "--since",
        metavar="TIME",
        help="From a day, a day and a time, or a time ago: 2026-11-30, '2026-11-30 14:00', 2h, 7d. "
        "Video files have no time of day, and are left out",
    ),
    cloup.option("--until", metavar="TIME", help="Before a time, written in the same way"),
    cloup.option(
        "--exhaustive", is_flag=True, help="Score every window, which takes long in large archives"
    ),
)
_OUTPUT = cloup.option_group(
    "Output",
    cloup.option(
        "--top", metavar="N", type=click.IntRange(min=1), default=20, show_default=True,
        help="The best N moments",
    ),
    cloup.option(
        "--count", type=click.Choice(["hour", "day", "stream"]), help="Count them instead"
    ),
    cloup.option(
        "--format",
        type=click.Choice(["table", "jsonl", "csv", "parquet"]),
        show_default="by the file's ending, else a table",
        help="Choose the format",
    ),
    cloup.option(
        "--output", metavar="FILE", type=_PATH, help="Write into a .jsonl, .csv or .parquet file"
    ),
    cloup.option(
        "--html", metavar="FILE", type=_PATH,
        help="Also write a report with pictures, scores over time and links into the videos",
    ),
)  # fmt: skip


@cloup.command()
@cloup.argument("archive", metavar="ARCHIVE", help="Its folder or address.")
@cloup.argument("texts", metavar="ACTION…", nargs=-1, help="What to find, in words.")
@_WHAT
@_WHERE
@_OUTPUT
@cloup.option_group("Machine", THREADS, ENGINE, TRUST_ENGINES)
@cloup.option("--debug", is_flag=True, help="Show tracebacks.")
@at_the_edge
def search(texts: tuple[str, ...], **given: Any) -> None:
    """Find the moments of an archive that show an action."""
    from ...archive.search.output import form_of, text_of, write_moments
    from ...archive.search.questions import search as search_archive
    from ...terminal.progress import loading_progress

    count, output, form, html = (given.pop(name) for name in ("count", "output", "format", "html"))
    options = _options(texts, given)
    _check_count(count, output, form)
    chosen = form_of(output, form)
    with loading_progress() as (progress, _):
        found = search_archive(options, progress)
    if count:
        _print_counts(found.counts(count), count)
    elif output:
        write_moments(found.moments, output, chosen)
        say(f"{len(found.moments)} moments are in {output}.")
    elif chosen != "table":
        click.echo(text_of(found.moments, chosen), nl=False)
    elif found.moments:
        _print_moments(found.moments)
    facts = [_summary(found), *([found.promise] if found.promise else [])]
    if html:
        _report(found.moments, given["archive"], facts, html)
        facts.append(f"The report is {html}.")
    for fact in facts:
        say(fact)


def _report(moments: Any, archive: str, facts: list[str], path: Path) -> None:
    from ...archive.keeping.tables import Tables
    from ...archive.report.report import Report, write_report
    from ...archive.report.stills import with_stills

    shown = with_stills(Tables(archive), moments)
    write_report(Report(moments=shown, archive=archive, facts=facts), path)


def _options(texts: tuple[str, ...], given: dict[str, Any]) -> Any:
    from ...archive.search.questions import SearchOptions
    from ...errors import StzsarError
    from ...events.moments import parse_moment

    if texts and given["labels"]:
        raise StzsarError("Both words and --labels say what to find: leave one of them out.")
    for name in ("since", "until"):
        if given[name] is not None:
            given[name] = parse_moment(f"--{name}", given[name])
    given["labels"] = list(texts) or given["labels"]
    given["shipped_attributes"] = not given.pop("no_attributes")
    return SearchOptions(**given)


def _check_count(count: str | None, output: Path | None, form: str | None) -> None:
    from ...errors import StzsarError

    if count and (output or form):
        raise StzsarError("--count prints numbers: leave --output and --format out.")


def _print_moments(moments: Any) -> None:
    from ...events.moments import shown_moment

    clocks = any(one.start_clock is not None for one in moments)
    table = Table(show_lines=False)
    for column in ("stream", "label", "seconds", "peak", "score", "fit"):
        table.add_column(column, overflow="fold")
    if clocks:
        table.add_column("when", overflow="fold")
    for one in moments:
        when = "" if one.start_clock is None else shown_moment(one.start_clock)
        table.add_row(
            Text(printable(one.stream)),
            Text(printable(one.label)),
            f"{one.start_s:.2f} to {one.end_s:.2f}",
            f"{one.peak_s:.2f}",
            f"{one.peak:.2f}",
            f"{one.similarity:.3f}",
            *([when] if clocks else []),
        )
    Output().print(table)


def _print_counts(counts: dict[str, int], by: str) -> None:
    table = Table(show_lines=False)
    table.add_column(by, overflow="fold")
    table.add_column("moments", justify="right")
    for name, number in counts.items():
        table.add_row(Text(printable(name)), str(number))
    Output().print(table)


def _summary(found: Any) -> str:
    how = "every window" if found.complete else f"{found.windows} windows around the nearest frames"
    others = (
        f" {found.other_frames} frames of other bundles were not searched."
        if found.other_frames
        else ""
    )
    hours = found.hours
    length = f"{hours:.3g} h" if hours >= 1 else f"{60 * hours:.2g} min"
    nothing = "" if found.moments else "There is no such moment. "
    return (
        f"{nothing}Searched {found.frames} frames ({length}) of the bundle "
        f"{found.bundle}, and scored {how}.{others}"
    )
