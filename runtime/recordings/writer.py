"""A file written by its own thread, so that a slow disk holds up nobody.

Not `sinks/queued.py`: the order of records matters, and results may not give way to others.
"""

import contextlib
import errno
import logging
import os
import threading
from collections import deque
from pathlib import Path

from ..errors import RecordingError
from ..terminal.outputs import open_to_write

_MAX_WAITING_BYTES = 32 << 20
# How often to try whether a full disk has room again.
ROOM_EVERY_S = 1.0

log = logging.getLogger(__name__)


class RecordWriter:
    """Appends records to a file, in order.

    Its queue is bounded: when it is full, droppable records are dropped.
    """

    def __init__(self, path: Path, *, patient: bool = False) -> None:
        """Open `path` and empty it.

        Args:
            path: the file.
            patient: wait for room on a full disk, and drop what does not fit into the queue.

        Raises:
            RecordingError: it cannot be written.
        """
        self._path = path
        self._patient = patient
        self._is_full = False
        self._written = 0
        self._waiting: deque[bytes] = deque()
        self._waiting_bytes = 0
        self._changed = threading.Condition()
        self._closing = False
        self._failure: OSError | None = None
        try:
            self._file = open_to_write(path, os.O_TRUNC)
        except OSError as error:
            raise self._error(error) from error
        self._thread = threading.Thread(target=self._write_all, name="recording", daemon=True)
        self._thread.start()

    def put(self, record: bytes, *, droppable: bool) -> bool:
        """Queue a record without waiting for the disk, and return whether it will be written.

        Raises:
            RecordingError: an earlier record could not be written.
        """
        with self._changed:
            if self._failure:
                raise self._error(self._failure)
            if droppable and self._waiting_bytes + len(record) > _MAX_WAITING_BYTES:
                return False
            self._waiting.append(record)
            self._waiting_bytes += len(record)
            self._changed.notify_all()
            return True

    def close(self, timeout_s: float) -> bool:
        """Write what is queued, for `timeout_s` seconds at most, and close the file.

        Returns:
            whether its end is written; on a full disk, a patient writer leaves it out.

        Raises:
            RecordingError: not everything could be written.
        """
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        self._thread.join(timeout_s)
        if self._is_full:
            log.warning("%s Its end is missing.", self._error(OSError(errno.ENOSPC, "disk full")))
            return False
        if self._thread.is_alive():
            raise RecordingError(
                f"The recording {self._path} lacks its end: its disk did not write it within "
                f"{timeout_s:g} s."
            )
        if self._failure:
            raise self._error(self._failure)
        return True

    def _write_all(self) -> None:
        try:
            while record := self._next():
                while not self._write(record):
                    with self._changed:
                        if self._closing:
                            return
                        self._changed.wait(ROOM_EVERY_S)
                with self._changed:
                    self._waiting_bytes -= len(record)
        except OSError as error:
            with self._changed:
                self._failure = error
                self._waiting.clear()
        finally:
            self._file.close()

    def _write(self, record: bytes) -> bool:
        """Write a record; return False if the disk is full, where the writer is patient.

        Raises:
            OSError: it cannot be written.
        """
        left = memoryview(record)
        try:
            while left:
                left = left[self._file.write(left) or 0 :]
        except OSError as error:
            with contextlib.suppress(OSError):  # half a record would spoil those after it
                self._file.truncate(self._written)
                self._file.seek(self._written)
            if not self._patient or error.errno not in (errno.ENOSPC, errno.EDQUOT):
                raise
            if not self._is_full:
                log.warning("%s It goes on when there is room.", self._error(error))
            self._is_full = True
            return False
        self._written += len(record)
        if self._is_full:
            log.warning("The recording %s goes on: there is room again.", self._path)
        self._is_full = False
        return True

    def _next(self) -> bytes | None:
        """Wait for the next record; None at the end."""
        with self._changed:
            while not self._waiting and not self._closing:
                self._changed.wait()
            return self._waiting.popleft() if self._waiting else None

    def _error(self, error: OSError) -> RecordingError:
        return RecordingError(
            f"Cannot write the recording {self._path}: {error.strerror or error}."
        )
