"""Reads lists of clips and classes as text: lines, and the rows of a CSV."""

import csv
from pathlib import Path

from ...runtime.documents import MIB, read_file
from ...runtime.errors import SourceError

_MAX_BYTES = 256 * MIB  # Kinetics-700's list has 40


def read_text(path: Path) -> str:
    """Return the text of a list; raise SourceError if it is too large or not UTF-8."""
    try:
        return read_file(path, _MAX_BYTES).decode("utf-8-sig")
    except OSError as error:
        raise SourceError(f"Cannot read {path}: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise SourceError(f"{path} is not UTF-8 text: save it as UTF-8.") from error


def read_lines(path: Path) -> list[str]:
    """Return the lines that are not empty, without spaces at their ends."""
    return [line.strip() for line in read_text(path).splitlines() if line.strip()]


def read_rows(path: Path) -> list[list[str]]:
    """Return the rows of a CSV that are not empty, without spaces at the ends of their cells.

    Raises:
        SourceError: it cannot be read, or is not a CSV.
    """
    try:
        rows = [[cell.strip() for cell in row] for row in csv.reader(read_text(path).splitlines())]
    except csv.Error as error:
        raise SourceError(f"{path} is not a CSV: {error}.") from error
    return [row for row in rows if any(row)]
