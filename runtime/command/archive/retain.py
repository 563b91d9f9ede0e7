"""`stzsar-archive retain`."""

import click
import cloup

from ...terminal.commandline import at_the_edge, say
from .shared import archive, debug


@cloup.command()
@archive
@cloup.option("--days", metavar="N", type=click.FloatRange(min=0), help="Keep so many days")
@cloup.option("--size", metavar="SIZE", help="Keep so much, such as 50G; the oldest goes")
@debug
@at_the_edge
def retain(archive: str, days: float | None, size: str | None) -> None:
    """Remove the oldest stretches: too old, or too much."""
    from ...archive.keeping.retention import RetainOptions, parse_size
    from ...archive.keeping.retention import retain as retain_archive
    from ...archive.keeping.tables import Tables

    options = RetainOptions(days=days, size_bytes=None if size is None else parse_size(size))
    done = retain_archive(Tables(archive), options)
    say(f"Removed: {done.stretches} stretches, {done.frames} rows, {done.stills} stills.")
