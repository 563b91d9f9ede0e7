"""A label file that is edited while a camera runs: its labels are taken as they are saved."""

import logging
import threading
from pathlib import Path

from .errors import StzsarError
from .labels import read_labels
from .recognizer import Recognizer

EVERY_S = 1.0

log = logging.getLogger(__name__)


class LabelWatch:
    """Looks at a label file in a thread of its own, within a `with` block.

    New labels are embedded there, beside the stream, and taken up between two of its frames. A file
    that cannot be used is a warning, and the labels stay as they are.
    """

    def __init__(self, recognizer: Recognizer, path: Path, *, every_s: float = EVERY_S) -> None:
        self._recognizer = recognizer
        self._path = path
        self._every_s = every_s
        self._seen = self._state()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="label watch", daemon=True)

    def __enter__(self) -> "LabelWatch":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()

    def _run(self) -> None:
        while not self._stop.wait(self._every_s):
            state = self._state()
            # An editor may take the file away for a moment.
            if state is not None and state != self._seen:
                self._seen = state
                self._take()

    def _take(self) -> None:
        try:
            labels = read_labels(self._path)
            self._recognizer.use_labels(labels)
        except StzsarError as error:
            log.warning("The labels stay as they were: %s", error)
        else:
            log.info("%s has changed: %d labels from here on.", self._path, len(labels))

    def _state(self) -> tuple[int, int, int] | None:
        try:
            found = self._path.stat()
        except OSError:
            return None
        return found.st_mtime_ns, found.st_size, found.st_ino
