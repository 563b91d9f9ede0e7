"""A request that is not done, as one sentence with a status of HTTP."""

import re

import msgspec

from .messages.run import Failure, LineError

# A path from the root to the last of its folders; those of addresses follow a letter or a colon.
_FOLDERS = re.compile(r"(?<![\w.:/])/(?:[^/'\":;]+/)+")


class RefusalError(Exception):
    """A request that is not done.

    Attributes:
        status: of HTTP.
        failure: what is said.
        wait_s: when to try again.
    """

    def __init__(
        self,
        status: int,
        error: str,
        *,
        lines: tuple[LineError, ...] = (),
        wait_s: float | None = None,
    ) -> None:
        super().__init__(error)
        self.status, self.wait_s = status, wait_s
        self.failure = Failure(error=error, lines=lines or msgspec.UNSET)


def unknown_stream(name: str) -> RefusalError:
    """Return what says that there is no such stream."""
    return RefusalError(404, f"There is no stream {name!r:.80}: /api/streams names them.")


def without_folders(text: str) -> str:
    """Return a sentence with only the last names of its paths, as viewers may read it."""
    return _FOLDERS.sub("", text)
