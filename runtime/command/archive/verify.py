"""`stzsar-archive verify`."""

import click
import cloup

from ...terminal.commandline import at_the_edge, printable, say
from .shared import archive, debug


@cloup.command()
@archive
@debug
@at_the_edge
def verify(archive: str) -> None:
    """Compare all rows with the hashes of their stretches; exit with 1 if something is wrong."""
    from ...archive.keeping.tables import Tables
    from ...archive.keeping.verify import faults

    count = 0
    for fault in faults(Tables(archive)):
        click.echo(printable(fault))
        count += 1
    if count:
        raise SystemExit(1)
    say("All stretches are as they were written.")
