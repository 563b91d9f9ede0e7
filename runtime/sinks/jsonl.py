"""Results as JSON lines, on stdout or in a file: each is there as soon as it is known."""

import sys
from pathlib import Path
from types import TracebackType

from ..errors import StzsarError
from ..results import Message, to_json


class JsonLines:
    """Writes results; used as a context manager, which closes the file."""

    def __init__(self, path: Path | None) -> None:
        """Open `path` and empty it; None writes to stdout.

        Raises:
            StzsarError: the file cannot be written, or stdout is closed.
        """
        if path is None and sys.stdout is None:
            raise StzsarError("Results go to stdout, which is closed: give --output FILE.")
        self._name = str(path) if path else "stdout"
        try:
            # Unbuffered bytes: a line is there at once, and a full disk is met while writing.
            self._file = path.open("wb", buffering=0) if path else sys.stdout.buffer
        except OSError as error:
            raise self._failure(error) from error
        self._owns_file = path is not None

    def write(self, message: Message) -> None:
        """Write one message.

        Raises:
            StzsarError: the disk is full, or the like.
            BrokenPipeError: nobody reads stdout any more.
        """
        # A file name need not be valid text; what cannot be encoded becomes a JSON escape.
        line = (to_json(message) + "\n").encode("utf-8", errors="backslashreplace")
        try:
            while line:
                line = line[self._file.write(line) or 0 :]
            self._file.flush()
        except BrokenPipeError:
            raise
        except OSError as error:
            raise self._failure(error) from error

    def __enter__(self) -> "JsonLines":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._owns_file:
            self._file.close()

    def _failure(self, error: OSError) -> StzsarError:
        return StzsarError(f"Cannot write the results to {self._name}: {error.strerror or error}.")
