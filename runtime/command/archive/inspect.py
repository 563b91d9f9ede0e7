"""`stzsar-archive inspect`."""

import dataclasses
import json

import click
import cloup
from rich.table import Table
from rich.text import Text

from ...terminal.commandline import Output, at_the_edge, printable
from .shared import archive, debug, size


@cloup.command()
@archive
@cloup.option("--json", "as_json", is_flag=True, help="Print JSON")
@debug
@at_the_edge
def inspect(archive: str, as_json: bool) -> None:
    """Show what is in an archive."""
    from ...archive.keeping.inspect import inspect_archive
    from ...archive.keeping.tables import Tables
    from ...archive.search.nearest import recall
    from ...archive.search.opening import open_tables

    found = inspect_archive(Tables(archive))
    # Without an index, searches look at each row.
    share = recall(open_tables(archive, {})("frames")) if found.indices else None
    if as_json:
        facts = {**dataclasses.asdict(found), "hours": found.hours, "recall": share}
        click.echo(json.dumps(facts, ensure_ascii=False))
        return
    table = Table(show_header=False, show_lines=False)
    states = ", ".join(f"{number} {state}" for state, number in sorted(found.videos.items()))
    rows = {
        "video": f"{found.hours:.2f} hours",
        "videos": states or "none",
        **{f"bundle {name}": f"{rows:,} rows" for name, rows in found.bundles.items()},
        **{
            f"table {name}": f"{rows:,} rows, {size(found.table_bytes[name])}"
            for name, rows in found.rows.items()
        },
        "on disk": size(found.disk_bytes),
        "orphans": f"{found.orphans:,} rows",
        **{f"index {name}": f"{rows:,} rows not in it" for name, rows in found.indices.items()},
        **({} if share is None else {"recall": f"{share:.1%} of the 20 nearest frames"}),
        **{
            f"stream {name}": f"{facts.hours:.2f} hours, {facts.rows:,} rows"
            for name, facts in found.streams.items()
        },
    }
    for name, value in rows.items():
        table.add_row(Text(printable(name), overflow="fold"), Text(value, overflow="fold"))
    Output().print(table)
