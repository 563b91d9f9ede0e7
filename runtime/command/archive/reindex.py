"""stzsar-archive reindex: builds the indexes that make searches of a large archive fast."""

from typing import Any

import cloup

from ...terminal.commandline import at_the_edge, say


@cloup.command()
@cloup.argument("archive", metavar="ARCHIVE", help="Its folder or address.")
@cloup.option("--debug", is_flag=True, help="Show tracebacks.")
@at_the_edge
def reindex(archive: str, **_: Any) -> None:
    """Build the indexes of an archive anew; searches then read a part of it.

    An archive of less than 100,000 frames is scanned in no time and needs none.
    """
    from ...archive.search.opening import open_tables
    from ...archive.search.reindexing import reindexed

    done = reindexed(open_tables(archive, {}), archive)
    say(f"{done.rows} frames are indexed; of the nearest 20, searches find {done.recall:.1%}.")
