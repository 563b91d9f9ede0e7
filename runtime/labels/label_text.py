"""Labels as people type them into one field: a label a line, with its attributes behind a colon.

    archery: a bow, an arrow
    yoga = a person doing yoga
    ! walking
    # a comment

"! " marks what is to be ignored, "= " stands before other words that are embedded. Quotes go around
a name that holds one of these signs. A name is checked as a line of a label file is.
"""

import csv
import re
from collections.abc import Sequence
from dataclasses import dataclass

from ..errors import LabelError
from .label_lines import read_lines
from .label_table import IGNORE_MARK
from .labels import Label, check_labels
from .names import name_key

MAX_LINES = 20_000
_LINE = re.compile(r"\r\n|\r|\n")
_QUOTED = re.compile(r'"((?:[^"]|"")*)"\s*')
# It begins where spaces begin: from each of them anew, a line of a million would take hours.
_PART = re.compile(r"(?<!\s)\s*(?:=\s+|:(?:\s+|$))")


@dataclass(frozen=True)
class LineFault:
    """What is wrong in a line.

    Attributes:
        line: its number, from 1.
        clause: what is wrong.
    """

    line: int
    clause: str


class LabelTextError(LabelError):
    """A text that is no list of labels.

    Attributes:
        faults: what is wrong in which line; none where it is wrong as a whole.
    """

    def __init__(self, message: str, faults: Sequence[LineFault] = ()) -> None:
        super().__init__(message)
        self.faults = tuple(faults)


def read_label_text(text: str) -> tuple[Label, ...]:
    """Return the labels that a text holds.

    Raises:
        LabelTextError: it holds none, or a line is none.
    """
    lines = _LINE.split(text)
    if len(lines) > MAX_LINES:
        raise LabelTextError(f"The text has {len(lines)} lines; at most {MAX_LINES} are read.")
    found: dict[str, tuple[int, Label]] = {}
    faults: list[LineFault] = []
    for number, line in enumerate(lines, start=1):
        line = line.strip()
        if not line or line.startswith("#"):
            continue
        try:
            label = _label(line)
        except LabelError as error:
            faults.append(LineFault(number, _clause(error)))
            continue
        first = found.setdefault(name_key(label.name), (number, label))[0]
        if first != number:
            faults.append(LineFault(number, f"it has the same name as line {first}"))
    if faults:
        more = f", and {len(faults) - 1} more lines are wrong" if len(faults) > 1 else ""
        raise LabelTextError(f"Line {faults[0].line}: {faults[0].clause}{more}.", faults)
    labels = tuple(label for _, label in found.values())
    if not any(label.role == "action" for label in labels):
        raise LabelTextError("There is no action to look for: write one a line.")
    try:
        check_labels(labels, "The text")
    except LabelError as error:
        raise LabelTextError(str(error)) from error
    return labels


def write_label_text(labels: Sequence[Label]) -> str:
    """Return a text that `read_label_text` reads as these labels."""
    return "".join(f"{_line(label)}\n" for label in labels)


def _line(label: Label) -> str:
    attributes = () if label.attributes == (label.text,) else label.attributes
    text = "" if label.text == label.name else f" = {_shown(label.text)}"
    mark = IGNORE_MARK if label.role == "ignore" else ""
    words = ", ".join(map(_cell, attributes))
    return f"{mark}{_shown(label.name)}{text}{': ' + words if words else ''}"


def _label(line: str) -> Label:
    role = "ignore" if line.startswith(IGNORE_MARK) else "action"
    line = line[len(IGNORE_MARK) :].strip() if role == "ignore" else line
    name, line = _words(line, is_name=True)
    text = ""
    if line.lstrip().startswith("="):
        text, line = _words(line.lstrip()[1:].lstrip(), is_name=False)
    line = line.strip()
    attributes: tuple[str, ...] = ()
    if line:
        if not line.startswith(":"):
            raise LabelError(f"{line!r:.40} follows it: write a colon before attributes")
        attributes = _attributes(line[1:])
    return Label(name, text, attributes, role)


def _words(line: str, *, is_name: bool) -> tuple[str, str]:
    """Return the name or text at the start of a line, and the rest of it."""
    if quoted := _QUOTED.match(line):
        return quoted[1].replace('""', '"').strip(), line[quoted.end() :]
    end = _PART.search(line)
    words, rest = (line[: end.start()], line[end.start() :]) if end else (line, "")
    if not is_name:
        return words.strip(), rest
    if "," in words.rstrip(" ,"):
        raise LabelError(
            "it has a comma: write one label a line, attributes behind a colon, and quotes around "
            "a name with a comma"
        )
    rows = read_lines(words)
    if not rows:
        raise LabelError("it names nothing")
    return rows[0].name, rest


def _attributes(words: str) -> tuple[str, ...]:
    try:
        (cells,) = csv.reader([words.strip()], skipinitialspace=True, strict=True)
    except (csv.Error, ValueError):
        raise LabelError("an attribute has a quote without its other half") from None
    return tuple(cell.strip() for cell in cells if cell.strip())


def _cell(word: str) -> str:
    return '"' + word.replace('"', '""') + '"' if set(word) & set(',"') else word


def _shown(words: str) -> str:
    """Return a name or text, in quotes where it would be read as something else."""
    try:
        if _words(words, is_name=True) == (words, "") and not words.startswith(("#", "!")):
            return words
    except LabelError:
        pass
    return '"' + words.replace('"', '""') + '"'


def _clause(error: LabelError) -> str:
    """Return an error about a label or the only line of a file as a clause."""
    said = re.sub(r"^line 1(, ('.*?'|\".*?\"),)? ", "it ", str(error))
    return (said[:1].lower() + said[1:]).rstrip(".")
