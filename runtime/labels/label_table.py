"""Reads class names from tables as papers keep them: CSVs with rows `name` or `id,name`."""

import csv
import io
import re
from typing import NamedTuple

from ..errors import LabelError

# Column names, in lower case, of the files that people have.
_NAMES = ("name", "label", "class", "class_name", "label_name", "action")
_NUMBERS = ("id", "index", "label_id", "class_id", "class_index", "")
_NUMBER = re.compile(r"\d{1,9}")
_COUNTED = re.compile(r"(\d{1,9})\s+(\S.*)")
_FINGERS = 10
_ROW = re.compile(r"\s*\d{1,9}\s*,\s*\S.*")


class Row(NamedTuple):
    """A class, with its number if the table has numbers."""

    number: int | None
    name: str


def is_table(content: str) -> bool:
    """Whether a text file has `id,name` rows: each with a number, or below such a header."""
    lines = [line for line in content.splitlines() if line.strip()]
    head = [cell.strip().lower() for cell in lines[0].split(",")] if lines else []
    return (len(head) == 2 and head[0] in _NUMBERS and head[1] in _NAMES) or (
        len(lines) > 1 and all(map(_ROW.fullmatch, lines))
    )


def without_numbers(lines: list[str]) -> list[str]:
    """Return the names of a class file's lines `1 Name`, such as UCF-101's classInd.txt.

    Only more than ten lines that count up without a gap are a class file: "1 finger", "2 fingers"
    may be labels.
    """
    rows = [row for row in map(_COUNTED.fullmatch, lines) if row]
    if len(rows) != len(lines) or len(rows) <= _FINGERS:
        return lines
    numbers = [int(row[1]) for row in rows]
    counts_up = numbers[0] in (0, 1) and numbers == list(range(numbers[0], numbers[0] + len(rows)))
    return [row[2] for row in rows] if counts_up else lines


def read_table(content: str) -> list[Row]:
    """Read a table of classes, with or without a header and numbers.

    Raises:
        LabelError: a line is of another form.
    """
    reader = csv.reader(io.StringIO(content, newline=""), strict=True)
    classes: list[Row] = []
    column: int | None = None
    try:
        for row in reader:
            cells = [cell.strip() for cell in row]
            if not any(cells) or cells[0].startswith("#"):
                continue
            if column is None:
                column, is_header = _name_column(cells, reader.line_num)
                if is_header:
                    continue
            if len(cells) != column + 1 or (column and not _NUMBER.fullmatch(cells[0])):
                form = "a number and a name" if column else "one name"
                raise LabelError(
                    f"line {reader.line_num}, {','.join(row)!r:.60}, is not {form}: put quotes "
                    "around a name with a comma."
                )
            classes.append(Row(int(cells[0]) if column else None, cells[column]))
    except csv.Error as error:
        raise LabelError(f"line {reader.line_num} is not a row of a CSV: {error}.") from error
    return classes


def _name_column(first: list[str], line: int) -> tuple[int, bool]:
    """Return the column of the names, 0 or 1, and whether the first row is a header."""
    head = [cell.lower() for cell in first]
    if len(head) == 1:
        return 0, head[0] in _NAMES
    if len(head) == 2 and head[1] in _NAMES and head[0] in _NUMBERS:
        return 1, True
    if len(head) == 2 and _NUMBER.fullmatch(head[0]):
        return 1, False
    raise LabelError(
        f"line {line}, {','.join(first)!r:.60}, is neither one name nor id,name: keep these "
        "columns, and put quotes around a name with a comma."
    )
