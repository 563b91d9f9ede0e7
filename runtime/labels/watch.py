"""Watches label files that are edited while a camera runs, and uses their labels once saved."""

import logging
import threading
from pathlib import Path

from ..errors import StzsarError
from ..terminal.commandline import leave_threads_behind
from .label_files import read_labels
from .per_source import LabelFiles, SharedBank, file_state

EVERY_S = 1.0
STOP_S = 0.3  # loading the text encoder cannot be interrupted
_MISSED = 2  # checks in a row: editors may remove a file for a moment while they save it

log = logging.getLogger(__name__)


class _StoppedError(Exception):
    """The block was left while labels were being embedded."""


class LabelWatch:
    """Checks the label files of a run in its own thread while a `with` block runs.

    That thread embeds new labels beside the streams, which use them between two of their frames. A
    file that cannot be used is a warning, and the labels stay as they are.

    Args:
        files: the files, as they were read.
        user: gets the new labels.
        every_s: seconds between two checks.
    """

    def __init__(self, files: LabelFiles, user: SharedBank, *, every_s: float = EVERY_S) -> None:
        self._files = files
        self._user = user
        self._every_s = every_s
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="label watch", daemon=True)

    def __enter__(self) -> "LabelWatch":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(STOP_S)
        if self._thread.is_alive():  # a thread inside the engine would abort the process at its end
            leave_threads_behind()

    def _run(self) -> None:
        seen = dict(self._files.seen)
        missed = dict.fromkeys(seen, 0)
        while not self._stop.wait(self._every_s):
            for path in seen:
                state = file_state(path)
                missed[path] = missed[path] + 1 if state is None else 0
                if missed[path] == _MISSED:
                    log.warning("%s is gone: the labels stay until it is there again.", path)
                if state is not None and state != seen[path]:
                    seen[path] = state
                    self._take(path)

    def _take(self, path: Path) -> None:
        try:
            labels = read_labels(path)
            self._files.change(path, labels, self._user, self._go_on)
        except _StoppedError:
            return
        except Exception as error:  # the next file that is saved may be better
            reason = error if isinstance(error, StzsarError) else f"{type(error).__name__}: {error}"
            log.warning("The labels stay as they were: %s", reason)
        else:
            log.info("%s has changed: %d labels from now on.", path, len(labels))

    def _go_on(self, _done: int, _all: int) -> None:
        if self._stop.is_set():
            raise _StoppedError
