"""The page of an archive alone: its search, without a run."""

import asyncio
from dataclasses import dataclass

from ..terminal.commandline import leave_threads_behind
from .api.archive_endpoints import archive_endpoints
from .api.session_endpoints import session_endpoints
from .app import Opened, Site
from .options import PageOptions
from .searches import ArchiveOptions, Searches


@dataclass(frozen=True, kw_only=True)
class ServeOptions:
    """A page that searches an archive.

    Attributes:
        archive: the archive, and how it is searched.
        page: where it is served, and who is let in.
    """

    archive: ArchiveOptions
    page: PageOptions


class ArchivePage:
    """A page that searches an archive, from threads of its own until it is closed.

    Attributes:
        opened: where it is.
    """

    def __init__(self, options: ServeOptions) -> None:
        """Answer from now on.

        Raises:
            StzsarError: there is no archive, the port is taken, the host is not this machine's, or
                the tokens or the certificate cannot be used.
        """
        self._searches = Searches(options.archive)
        _ = self._searches.info()  # now, and not to everybody who looks
        self._site = site = Site(options.page)
        self.opened: Opened = site.opened
        site.start(
            [*session_endpoints(site.access), *archive_endpoints(self._searches)],
            _nothing,
            index="archive.html",
        )

    def close(self) -> None:
        """Have searches end, and end the server."""
        self._searches.close()
        self._site.server.close()
        if self._site.workers.at_work or self._searches.at_work:
            leave_threads_behind()


async def _nothing() -> None:
    await asyncio.Event().wait()
