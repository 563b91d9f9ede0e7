"""Messages as JSON lines, on stdout or in a file, each as soon as it is known."""

import contextlib
import logging
import os
import stat
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import Any, TextIO

from ..errors import StzsarError
from ..results import Message, Recognition, to_json
from ..terminal.outputs import open_to_write
from .queued import Patience, Queued, SinkCounters, TryAgainError
from .sink import Sink

_FULL_PIPE_WAIT_S = 0.02
_LONGEST_LINE = 1 << 20

log = logging.getLogger(__name__)


class JsonLines(Sink):
    """Writes messages, a line each.

    With `complete`, `put` returns when the line is written: nothing is lost, and a reader that
    stops (`| less`) stops the run, which is right for files. Without it, lines wait in a bounded
    queue, as a live stream cannot wait: a slow reader loses results first, and events only when
    nothing else is left.

    Attributes: see `sink.Sink`.
    """

    def __init__(
        self,
        path: Path | None,
        *,
        complete: bool = True,
        only_events: bool = False,
        keep_trying: bool = False,
    ) -> None:
        """Open `path` to append lines; None writes to stdout.

        Args:
            path: where the lines go.
            complete: wait for a slow reader rather than lose a line.
            only_events: leave the results out.
            keep_trying: where results go elsewhere too and `complete` is not set, a full disk
                ends nothing: lines wait in the queue until there is room.

        Raises:
            StzsarError: the file cannot be written, or stdout is closed.
        """
        if path is None and sys.stdout is None:
            raise StzsarError("Results go to stdout, which is closed: give --output FILE.")
        self.name = str(path) if path else "stdout"
        try:
            # Unbuffered: a line is there at once, a full disk is met while writing, and no thread
            # that waits for a reader holds a buffer's lock, which would crash Python's end.
            self._file: Any = _open_to_append(path) if path else _bytes_of(sys.stdout)
            self._file = getattr(self._file, "raw", self._file)
        except OSError as error:
            raise self._failure(error) from error
        self._owns_file = path is not None
        self._only_events, self._keep_trying = only_events, keep_trying and not complete
        self._counters = SinkCounters()
        self._queue: Queued[bytes] | None = None
        if not complete:
            self._queue = Queued(self, fatal=(StzsarError, BrokenPipeError))

    @property
    def counters(self) -> SinkCounters:
        """What became of the lines."""
        return self._queue.counters if self._queue else self._counters

    def put(self, message: Message) -> None:
        """Write one message, or have it written.

        Raises:
            StzsarError: the disk is full, or the like.
            BrokenPipeError: nobody reads stdout any more.
        """
        is_result = isinstance(message, Recognition)
        if is_result and self._only_events:
            return
        # A file name need not be valid text; what cannot be encoded becomes a JSON escape.
        line = (to_json(message) + "\n").encode("utf-8", errors="backslashreplace")
        if self._queue:
            self._queue.offer(line, size_bytes=len(line), precious=not is_result)
        else:
            self.deliver(line)
            self._counters.delivered += 1

    def deliver(self, line: bytes, _patience: Patience | None = None, /) -> None:
        """Write all of a line, or nothing of it; raise as `put` does."""
        rest = line
        try:
            while rest:
                written = self._file.write(rest)
                if written is None:  # a pipe that somebody set not to block
                    time.sleep(_FULL_PIPE_WAIT_S)
                rest = rest[written or 0 :]
            self._file.flush()
        except BrokenPipeError:
            raise
        except OSError as error:
            self._take_back(len(line) - len(rest))
            if self._keep_trying:
                raise TryAgainError(f"{error.strerror or error}".lower(), away=True) from error
            raise self._failure(error) from error

    def finish(self, _patience: Patience | None = None, /) -> None:
        """Close the file, but not stdout."""
        if self._owns_file:
            self._file.close()

    def close(self, timeout_s: float) -> None:
        """Write the lines that wait, for `timeout_s` seconds at most, and close the file.

        Raises:
            StzsarError: the disk is full, or the like.
            BrokenPipeError: nobody reads stdout any more.
        """
        if self._queue:
            self._queue.close(timeout_s)  # its thread closes the file
        else:
            self.finish()

    def __enter__(self) -> "JsonLines":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.finish()

    def _take_back(self, written: int) -> None:
        """Cut the file where the line began: half a line would break its readers."""
        with contextlib.suppress(OSError, ValueError):
            descriptor = self._file.fileno()
            info, end = os.fstat(descriptor), os.lseek(descriptor, 0, os.SEEK_CUR)
            if stat.S_ISREG(info.st_mode) and end == info.st_size:  # nobody else has written
                os.ftruncate(descriptor, end - written)
                os.lseek(descriptor, end - written, os.SEEK_SET)

    def _failure(self, error: OSError) -> StzsarError:
        return StzsarError(f"Cannot write the results to {self.name}: {error.strerror or error}.")


def _bytes_of(stdout: TextIO) -> Any:
    """Return what takes the bytes of a stdout; a notebook's, or a StringIO, takes text only."""
    return getattr(stdout, "buffer", None) or _AsText(stdout)


class _AsText:
    def __init__(self, stdout: TextIO) -> None:
        self._stdout = stdout
        self.flush = stdout.flush

    def write(self, line: bytes) -> int:
        self._stdout.write(line.decode())
        return len(line)


def _open_to_append(path: Path) -> Any:
    if path.is_file() and path.stat().st_size:
        log.info("%s has lines already: new ones go after them.", path)
        _end_last_line(path)
    return open_to_write(path, os.O_APPEND)


def _end_last_line(path: Path) -> None:
    """Cut half a line of ours, which a power cut leaves; end the last line of anything else."""
    with path.open("r+b", buffering=0) as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(0, size - _LONGEST_LINE))
        rest = (file.read() or b"").rpartition(b"\n")[2]
        if rest.startswith(b'{"version"'):
            file.truncate(size - len(rest))
        elif rest:
            file.write(b"\n")
