"""Reads labels from tables: CSV and TSV, with or without a header, with or without numbers."""

import csv
import io
import re
from collections.abc import Sequence
from typing import NamedTuple

from ..errors import LabelError
from .labels import MAX_LABELS, check_count

# Names of columns, in lower case with `_` for spaces, of the files that people have.
NAMES = ("label", "name", "class", "class_name", "label_name", "action", "category",
         "labels", "names", "classes", "actions", "categories")  # fmt: skip
TEXTS = ("text", "prompt")
ATTRIBUTES = ("attributes", "attribute")
ROLE = "role"
NUMBERS = ("id", "index", "number", "label_id", "class_id", "class_index", "label_index", "")
# What begins the name of a label to ignore.
IGNORE_MARK = "! "
# Blank lines and comments among them, and of cells with several lines all.
_MAX_LINES = 10 * MAX_LABELS
# A label with a text and all attributes has fewer.
_LONGEST_LINE = 200_000
_NUMBER = re.compile(r"\d{1,9}")
_NUMBER_FIRST = re.compile(r"\s*\d{1,9}\s*,\s*\S.*")
_NUMBER_LAST = re.compile(r".*\S\s*,\s*\d{1,9}\s*")
# Between two cells; "10,000 metres" and "archery, with a bow" are no cells.
_CELL_END = re.compile(r"\t|;|(?<!\d),(?=\S)|,(?=[^\s\d])")
_QUOTED = re.compile(r'"[^"]*"')


class Row(NamedTuple):
    """A label as a file has it.

    Attributes:
        place: where it stands: "line 3", "item 3".
        name: what results show.
        text: the words to embed, if the file gives some.
        attributes: its attributes, if the file gives some.
        number: its number, if the file has numbers.
        role: its role, if the file gives one; else its name may begin with `IGNORE_MARK`.
    """

    place: str
    name: str
    text: str = ""
    attributes: tuple[str, ...] = ()
    number: int | None = None
    role: str = ""


def is_table(content: str) -> bool:
    """Whether a text file is a table: its lines have cells and not just words and commas."""
    lines = [_QUOTED.sub('""', line).strip(" ,") for _, line in numbered_lines(content)]
    if not lines:
        return False
    head = [_column_name(cell) for cell in lines[0].split(",")]
    return (
        any(map(_CELL_END.search, lines))
        or (len(head) > 1 and all(cell in (*NAMES, *NUMBERS, *TEXTS) for cell in head))
        or (len(lines) > 1 and all(map(_NUMBER_FIRST.fullmatch, lines)))
        or (len(lines) > 1 and all(map(_NUMBER_LAST.fullmatch, lines)))
    )


def read_table(content: str) -> list[Row]:
    """Read a table of labels.

    A header names the columns of labels, texts, attributes, roles and numbers. Without one, a row
    is a label, or a label and its number in either order.

    Raises:
        LabelError: a line is of another form.
    """
    delimiter = _delimiter(content)
    reader = csv.reader(io.StringIO(content, newline=""), delimiter=delimiter, strict=True)
    rows: list[tuple[int, list[str]]] = []
    try:
        for row in reader:
            cells = [cell.strip() for cell in row]
            while cells and not cells[-1]:  # `archery,` or what spreadsheets leave
                cells.pop()
            if cells and not cells[0].startswith("#"):
                rows.append((reader.line_num, cells))
    except csv.Error as error:
        raise LabelError(f"line {reader.line_num} is not a row of a CSV: {error}.") from error
    if not rows:
        return []
    check_rows(len(rows))
    line, first = rows[0]
    head = [_column_name(cell) for cell in first]
    if set(head) & {*NAMES, *TEXTS}:
        return _with_header(line, head, rows[1:])
    return _without_header(rows, delimiter)


def _with_header(line: int, head: list[str], rows: Sequence[tuple[int, list[str]]]) -> list[Row]:
    known = (*NAMES, *TEXTS, *ATTRIBUTES, *NUMBERS, ROLE)
    unknown = next((cell for cell in head if re.sub(r"_?\d+$", "", cell) not in known), None)
    if unknown is not None:
        raise LabelError(
            f"line {line} has a column {unknown!r:.60}, which is none of label, text, attributes, "
            "role and id: rename it or take it out."
        )

    def columns(names: Sequence[str]) -> list[int]:
        return [at for at, cell in enumerate(head) if cell in names]

    def cell_of(cells: list[str], at: int) -> str:
        return cells[at] if at < len(cells) else ""

    # In `label,name` of some data sets, `label` is the number.
    name_columns = [
        at
        for at in columns(NAMES)
        if not rows or not all(_NUMBER.fullmatch(cell_of(cells, at)) for _, cells in rows)
    ]
    number_columns = columns(NUMBERS) + [at for at in columns(NAMES) if at not in name_columns]
    texts, roles = columns(TEXTS), columns([ROLE])
    attributes = [at for at, cell in enumerate(head) if re.sub(r"_?\d+$", "", cell) in ATTRIBUTES]
    if not name_columns:
        name_columns, texts = (texts, []) if texts else (columns(NAMES), [])
        number_columns = [at for at in number_columns if at not in name_columns]
    for at in (name_columns, texts, roles):
        if len(at) > 1:
            raise LabelError(
                f"line {line} has the columns {head[at[0]]!r} and {head[at[1]]!r}, of which either "
                "may be meant: keep one."
            )
    found: list[Row] = []
    for line, cells in rows:
        # `archery,bow,arrow` below `label,attributes`.
        extra = cells[len(head) :]
        if extra and not (attributes and attributes[-1] == len(head) - 1):
            raise LabelError(_of_another_form(line, cells, f"of {len(head)} cells"))
        words = [cell for at in attributes if (cell := cell_of(cells, at))] + extra
        number = cell_of(cells, number_columns[0]) if number_columns else ""
        if number and not _NUMBER.fullmatch(number):
            raise LabelError(_of_another_form(line, cells, "a number and a name"))
        found.append(
            Row(
                f"line {line}",
                cell_of(cells, name_columns[0]),
                cell_of(cells, texts[0]) if texts else "",
                _attributes(line, words),
                int(number) if number else None,
                cell_of(cells, roles[0]).lower() if roles else "",
            )
        )
    return found


def _without_header(rows: Sequence[tuple[int, list[str]]], delimiter: str) -> list[Row]:
    line, first = rows[0]
    numbers = [bool(_NUMBER.fullmatch(cell)) for cell in first]
    if len(first) == 1:
        form, name_at, number_at = "one name", 0, None
    elif numbers in ([True, False], [True, True]):
        form, name_at, number_at = "a number and a name", 1, 0
    elif numbers == [False, True]:
        form, name_at, number_at = "a name and a number", 0, 1
    else:
        raise LabelError(
            f"line {line}, {delimiter.join(first)!r:.60}, has {len(first)} cells, and no line "
            "above says what they are: put label,text or label,attributes there, or quotes around "
            "a name with a comma."
        )
    found = []
    for line, cells in rows:
        if len(cells) != len(first) or (
            number_at is not None and not _NUMBER.fullmatch(cells[number_at])
        ):
            raise LabelError(_of_another_form(line, cells, form))
        number = None if number_at is None else int(cells[number_at])
        found.append(Row(f"line {line}", cells[name_at], number=number))
    return found


def _attributes(line: int, cells: Sequence[str]) -> tuple[str, ...]:
    """Return the attributes of a row: of several cells, or of one with `;`, `|` or commas."""
    if any(cell.startswith(("[", "{")) for cell in cells):
        raise LabelError(
            f"line {line}, {cells[0]!r:.60}, has brackets in a cell: write attributes as "
            "bow;arrow, or the file as JSON."
        )
    if len(cells) == 1:
        parted = next((mark for mark in ";|," if mark in cells[0]), None)
        cells = cells[0].split(parted) if parted else cells
    return tuple(word for cell in cells if (word := cell.strip()))


def _of_another_form(line: int, cells: Sequence[str], form: str) -> str:
    return (
        f"line {line}, {','.join(cells)!r:.60}, is not {form}: put quotes around a name with a "
        "comma."
    )


def _delimiter(content: str) -> str:
    """Return what parts the cells: a tab, the `;` of spreadsheets in Europe, or a comma."""
    first = _QUOTED.sub("", next((line for _, line in numbered_lines(content)), ""))
    if "\t" in first.strip():
        return "\t"
    return ";" if ";" in first and "," not in first else ","


def check_rows(count: int) -> None:
    """Raise LabelError if there are too many labels in so many rows; one may be a header."""
    if count - 1 > MAX_LABELS:
        check_count(count, "it")


def numbered_lines(content: str) -> list[tuple[int, str]]:
    """Return the lines that are neither blank nor comments, with their numbers.

    Raises:
        LabelError: there are more, or one is longer, than any labels need: a slip in a file that
            is read while cameras run must cost no minutes.
    """
    if content.count("\n") + content.count("\r") > 2 * _MAX_LINES:
        raise LabelError(
            f"it has more than {_MAX_LINES:,} lines; at most {MAX_LABELS:,} labels are scored at "
            "once."
        )
    # str.splitlines would split at characters that may stand within a label.
    lines = list(enumerate(re.split(r"\r\n|\r|\n", content), start=1))
    for number, line in lines:
        if len(line) > _LONGEST_LINE:
            raise LabelError(f"line {number} has {len(line):,} characters: write one label a line.")
    return [
        (number, line)
        for number, line in lines
        if line.strip() and not line.lstrip().startswith("#")
    ]


def _column_name(cell: str) -> str:
    return re.sub(r"[\s-]+", "_", cell.strip().strip('"').lower())
