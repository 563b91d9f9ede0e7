"""Messages as JSON lines, on stdout or in a file: each is there as soon as it is known."""

import sys
import time
from pathlib import Path
from types import TracebackType
from typing import Any

from ..errors import StzsarError
from ..results import Message, Recognition, to_json
from ..sources.frames import Frame
from .queued import Patience, Queued, SinkCounters

_FULL_PIPE_WAIT_S = 0.02


class JsonLines:
    """Writes messages, a line each.

    With `complete` a line is written before `put` returns: nothing is lost, and a reader that stops
    (`| less`) stops the run, which is right for files. Without it lines wait in a bounded queue and
    a thread writes them, as a live stream cannot wait: a reader that is too slow loses results
    first, and events only when nothing else is left.

    Attributes: see `sink.Sink`.
    """

    wants_frames = False

    def __init__(
        self, path: Path | None, *, complete: bool = True, only_events: bool = False
    ) -> None:
        """Open `path` and empty it; None writes to stdout.

        Args:
            path: where the lines go.
            complete: wait for a slow reader rather than lose a line.
            only_events: leave the results out.

        Raises:
            StzsarError: the file cannot be written, or stdout is closed.
        """
        if path is None and sys.stdout is None:
            raise StzsarError("Results go to stdout, which is closed: give --output FILE.")
        self.name = str(path) if path else "stdout"
        try:
            # Unbuffered bytes: a line is there at once, and a full disk is met while writing.
            self._file: Any = path.open("wb", buffering=0) if path else sys.stdout.buffer
        except OSError as error:
            raise self._failure(error) from error
        self._owns_file = path is not None
        self._only_events = only_events
        self._counters = SinkCounters()
        self._queue: Queued[bytes] | None = None
        if not complete:
            # The buffer's lock, held by a thread that waits for a reader, would crash Python's end.
            self._file = getattr(self._file, "raw", self._file)
            lines = _Lines(self)
            self._queue = Queued(lines, fatal=(StzsarError, BrokenPipeError))

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
        if self._queue is None:
            self.write(message)
            return
        line = _line(message)
        self._queue.offer(line, size_bytes=len(line), precious=not is_result)

    def write(self, message: Message) -> None:
        """Write one message before it returns.

        Raises:
            StzsarError: the disk is full, or the like.
            BrokenPipeError: nobody reads stdout any more.
        """
        self.write_line(_line(message))
        self._counters.delivered += 1

    def write_line(self, line: bytes) -> None:
        """Write all of it; raise as `write` does."""
        try:
            while line:
                written = self._file.write(line)
                if written is None:  # a pipe that whoever made it set not to block
                    time.sleep(_FULL_PIPE_WAIT_S)
                line = line[written or 0 :]
            self._file.flush()
        except BrokenPipeError:
            raise
        except OSError as error:
            raise self._failure(error) from error

    def show(self, source: str, frame: Frame, latest: Recognition | None) -> None:
        """Do nothing: lines have no pictures."""

    def source_ended(self, source: str) -> None:
        """Do nothing: a line has been written when it is known."""

    def close(self, timeout_s: float) -> None:
        """Write the lines that wait, for `timeout_s` seconds at most, and close the file.

        Raises:
            StzsarError: the disk is full, or the like.
            BrokenPipeError: nobody reads stdout any more.
        """
        if self._queue:
            self._queue.close(timeout_s)  # its thread closes the file
        else:
            self.close_file()

    def close_file(self) -> None:
        """Close the file, but for stdout."""
        if self._owns_file:
            self._file.close()

    def __enter__(self) -> "JsonLines":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close_file()

    def _failure(self, error: OSError) -> StzsarError:
        return StzsarError(f"Cannot write the results to {self.name}: {error.strerror or error}.")


class _Lines:
    """The slow side of `JsonLines`."""

    def __init__(self, lines: JsonLines) -> None:
        self.name = lines.name
        self._lines = lines

    def deliver(self, item: bytes, _patience: Patience) -> None:
        self._lines.write_line(item)

    def finish(self, _patience: Patience) -> None:
        self._lines.close_file()


def _line(message: Message) -> bytes:
    # A file name need not be valid text; what cannot be encoded becomes a JSON escape.
    return (to_json(message) + "\n").encode("utf-8", errors="backslashreplace")
