"""Recordings that people start and stop on the page."""

import threading
import time
from collections.abc import Callable
from pathlib import Path

from ..errors import RecordingError
from ..recordings.recorder import Recorder
from ..streams.table import StreamTable
from ..terminal.outputs import unused
from .errands import waited
from .messages.run import RecordingInfo
from .refusal import RefusalError

NO_PLACE = "There is no place for recordings: start stzsar-run with --events DIR or --record FILE."
CLOSE_S = 5.0
FOLDER, SUFFIX = "recordings", ".rec"


class Recordings:
    """What is recorded of a run; all methods may be called from any thread.

    Attributes:
        folder: where recordings go that people start; None where there is no place.
    """

    def __init__(
        self,
        folder: Path | None,
        *,
        open: Callable[[Path], Recorder],  # noqa: A002
        table: StreamTable,
        on_change: Callable[[RecordingInfo], None],
    ) -> None:
        """Begin without one.

        Args:
            folder: where they go; made where it is missing.
            open: opens a recorder that writes into a file.
            table: the lanes of the run.
            on_change: told of each start and stop.
        """
        self.folder = folder
        self._open, self._table, self._on_change = open, table, on_change
        self._changing = threading.Lock()
        self._current: tuple[Recorder, Path, float] | None = None

    @property
    def info(self) -> RecordingInfo:
        """What is being recorded."""
        current = self._current
        if current is None:
            return RecordingInfo(on=False)
        recorder, path, since = current
        return RecordingInfo(on=True, since=since, name=path.name, dropped=recorder.dropped)

    def adopt(self, recorder: Recorder, path: Path) -> None:
        """Note the recording that a run begins with."""
        self._current = recorder, path, round(time.time(), 3)

    def record(self, *, on: bool) -> RecordingInfo:
        """Start or stop to record.

        Raises:
            RefusalError: there is no place for it.
            RecordingError: it cannot be written, or it lacks its end.
        """
        with self._changing:
            try:
                if on and self._current is None:
                    self._start()
                elif not on and self._current is not None:
                    self._stop(CLOSE_S)
            finally:
                self._on_change(self.info)
            return self.info

    def close(self, timeout_s: float) -> None:
        """Complete what is being recorded; the run has ended."""
        with self._changing:
            current, self._current = self._current, None
            if current:
                current[0].close(timeout_s)

    def _start(self) -> None:
        if self.folder is None:
            raise RefusalError(409, NO_PLACE)
        name = time.strftime("%Y-%m-%d-%H%M%S") + SUFFIX
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise RefusalError(409, f"Cannot write recordings: {error.strerror}.") from error
        path = unused(self.folder / name)
        recorder = self._open(path)
        try:
            waited(self._table.ask(lambda loop: loop.record_with(recorder)))
        except BaseException:
            recorder.close(CLOSE_S)
            raise
        self._current = recorder, path, round(time.time(), 3)

    def _stop(self, timeout_s: float) -> None:
        assert self._current
        recorder, path, _ = self._current
        waited(self._table.ask(lambda loop: loop.record_with(None)))
        self._current = None
        if not recorder.close(timeout_s):
            raise RecordingError(
                f"The recording {path.name} lacks its end, as the disk is full: make room."
            )
