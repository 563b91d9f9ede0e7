"""A label file that is edited while a camera runs: its labels are taken as they are saved."""

import logging
import stat
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from ..callbacks import OnEmbedded
from ..errors import StzsarError
from ..terminal.commandline import leave_threads_behind
from .labels import Label, read_labels

EVERY_S = 1.0
# Loading the text encoder cannot be interrupted.
STOP_S = 0.3
_MISSED = 2  # looks in a row, as an editor may take the file away for a moment

log = logging.getLogger(__name__)


FileState = tuple[int, int, int]


class _StoppedError(Exception):
    """The block was left while labels were being embedded."""


class LabelUser(Protocol):
    """Whose labels change; a `Recognizer` is one."""

    def use_labels(
        self, labels: Sequence[str | Label] | None, *, progress: OnEmbedded | None = None
    ) -> None:
        """Recognise other labels."""
        ...


class LabelWatch:
    """Looks at a label file in a thread of its own, within a `with` block.

    New labels are embedded there, beside the stream, and taken up between two of its frames. A file
    that cannot be used is a warning, and the labels stay as they are.
    """

    def __init__(
        self,
        user: LabelUser,
        path: Path,
        *,
        seen: FileState | None,
        every_s: float = EVERY_S,
    ) -> None:
        """Prepare the watch.

        Args:
            user: whose labels change.
            path: the label file.
            seen: its state before it was read, see `file_state`.
            every_s: how often to look.
        """
        self._user = user
        self._path = path
        self._every_s = every_s
        self._seen = seen
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="label watch", daemon=True)

    def __enter__(self) -> "LabelWatch":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(STOP_S)
        if self._thread.is_alive():  # within the engine, it would abort the end of the process
            leave_threads_behind()

    def _run(self) -> None:
        missed = 0
        while not self._stop.wait(self._every_s):
            state = file_state(self._path)
            missed = missed + 1 if state is None else 0
            if missed == _MISSED:
                log.warning("%s is gone: the labels stay until it is there again.", self._path)
            if state is not None and state != self._seen:
                self._seen = state
                self._take()

    def _take(self) -> None:
        try:
            labels = read_labels(self._path)
            self._user.use_labels(labels, progress=self._go_on)
        except _StoppedError:
            return
        except Exception as error:  # whatever it is, the next file that is saved may be better
            reason = error if isinstance(error, StzsarError) else f"{type(error).__name__}: {error}"
            log.warning("The labels stay as they were: %s", reason)
        else:
            log.info("%s has changed: %d labels from here on.", self._path, len(labels))

    def _go_on(self, _done: int, _all: int) -> None:
        if self._stop.is_set():
            raise _StoppedError


def file_state(path: Path) -> FileState | None:
    """Return what changes when a file is saved; None if it is not there, or is a pipe."""
    try:
        found = path.stat()
    except OSError:
        return None
    if not stat.S_ISREG(found.st_mode):
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino
