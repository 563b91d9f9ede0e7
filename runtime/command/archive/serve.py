"""stzsar-archive serve: lets people search an archive on a page."""

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import cloup

from ...page.options import DEFAULT_LISTEN
from ...terminal.commandline import at_the_edge, say
from ..arguments.page import DOOR
from ..arguments.shared import ENGINE, THREADS, TRUST_ENGINES
from .shared import archive, debug

if TYPE_CHECKING:
    from ...page.archive_page import ServeOptions

_LOOK_S = 0.2


@cloup.command()
@archive
@cloup.option_group(
    "Page",
    cloup.option(
        "--serve", metavar="HOST:PORT", default=DEFAULT_LISTEN, show_default=True,
        help="Serve it here",
    ),
    *DOOR,
    cloup.option(
        "--no-videos", is_flag=True,
        help="Play no video files, and cut no pictures from them; pictures that the archive keeps "
        "are shown",
    ),
)  # fmt: skip
@cloup.option("--bundle", metavar="DIR", type=click.Path(path_type=Path), help="Search its frames")
@cloup.option_group("Machine", THREADS, ENGINE, TRUST_ENGINES)
@debug
@at_the_edge
def serve(**given: Any) -> None:
    """Serve a page on which people search an archive."""
    from ...errors import StzsarError
    from ...page.options import PageOptions

    try:
        from ...page.archive_page import ServeOptions
        from ...page.searches import ArchiveOptions
    except ImportError as error:
        raise StzsarError(
            f"A page needs the package {error.name}: run pip install '.[page]' in stzsar's folder."
        ) from error
    door = {name: given.pop(name) for name in ("serve", "serve_token", "tls_cert", "tls_key")}
    given["videos"] = not given.pop("no_videos")
    serve_archive(ServeOptions(archive=ArchiveOptions(**given), page=PageOptions(**door)))


def serve_archive(options: "ServeOptions") -> None:
    """Serve the page until Ctrl-C or SIGTERM.

    Raises:
        StzsarError: there is no archive, or the page cannot be served.
        KeyboardInterrupt: Ctrl-C ended it.
        SystemExit: SIGTERM or SIGHUP ended it.
    """
    from ...page.archive_page import ArchivePage
    from ...terminal.signals import StopSignals

    with StopSignals() as signals:
        page = ArchivePage(options)
        try:
            for link in page.opened.links:
                say(f"The archive's page: {link}")
            while True:
                signals.check()
                time.sleep(_LOOK_S)
        finally:
            page.close()
