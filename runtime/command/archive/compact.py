"""`stzsar-archive compact`."""

import cloup

from ...terminal.commandline import at_the_edge, say
from .shared import archive, debug, size


@cloup.command()
@archive
@cloup.option(
    "--alone",
    is_flag=True,
    help="Nobody else uses it now: also remove rows of killed writers, and all old versions",
)
@debug
@at_the_edge
def compact(archive: str, alone: bool) -> None:
    """Write small files together, and remove versions older than an hour."""
    from ...archive.keeping.compact import compact as compact_archive
    from ...archive.keeping.tables import Tables

    done = compact_archive(Tables(archive), alone=alone)
    say(
        f"On disk: {size(done.after_bytes)} instead of {size(done.before_bytes)}; "
        f"{done.orphans} rows of killed writers removed."
    )
