"""`stzsar-archive forget`."""

from typing import Any

import cloup

from ...terminal.commandline import at_the_edge, say
from .shared import archive, debug, wanted_of, which_rows


@cloup.command()
@archive
@which_rows
@debug
@at_the_edge
def forget(archive: str, **which: Any) -> None:
    """Remove rows, stills and names for good, from old versions and indices too.

    Stop everything else that uses the archive before. A file that is still where it was is encoded
    again by the next index: move it away.
    """
    from ...archive.keeping.forget import forget as forget_rows
    from ...archive.keeping.tables import Tables

    done = forget_rows(Tables(archive), wanted_of(**which))
    say(
        f"Forgotten: {done.frames} rows, {done.stills} stills, {done.videos} videos; "
        f"{done.stretches} stretches are gone, {done.shortened} shorter."
    )
