"""`stzsar-archive export`."""

from pathlib import Path
from typing import Any

import click
import cloup

from ...terminal.commandline import at_the_edge, say
from .shared import archive, debug, wanted_of, which_rows


@cloup.command()
@archive
@which_rows
@cloup.option(
    "--output",
    metavar="DIR",
    type=click.Path(path_type=Path),
    required=True,
    help="Write into this new folder",
)
@cloup.option(
    "--format",
    "form",
    type=click.Choice(["parquet", "webdataset"]),
    default="parquet",
    show_default=True,
    help="Parquet files, or tar shards with a sample for each stretch",
)
@cloup.option(
    "--shard-mib",
    metavar="N",
    type=click.IntRange(min=1),
    default=1024,
    show_default=True,
    help="Begin a new file after so many MiB",
)
@debug
@at_the_edge
def export(archive: str, output: Path, form: Any, shard_mib: int, **which: Any) -> None:
    """Write committed rows for other programs."""
    from ...archive.keeping.export import MIB, ExportOptions
    from ...archive.keeping.export import export as export_archive
    from ...archive.keeping.tables import Tables

    options = ExportOptions(
        output=output, format=form, wanted=wanted_of(**which), shard_bytes=shard_mib * MIB
    )
    done = export_archive(Tables(archive), options)
    say(f"{done.frames} rows are in {done.files} files of {output}.")
