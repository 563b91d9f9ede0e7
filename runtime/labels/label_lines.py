"""Reads labels from lines of text: bullets, numbers, quotes and commas of lists are no labels.

What may be a label or something else is refused; quotes around it make it a label.
"""

import re
from collections.abc import Sequence
from typing import NamedTuple

from ..errors import LabelError
from .label_table import NAMES, TEXTS, Row, check_rows, numbered_lines
from .names import name_key

_BULLET = re.compile(r"(?:[•‣◦▪·]\s*|[-*+–—]\s+)(?:\[[ xX]?\]\s+)?(?=\S)")
# `1. archery`, `(1) archery`, `1: archery`: no label begins so.
_NUMBERED = re.compile(r"\(?(\d{1,9})(?:[.):]\s+|\)|\s+-\s+)(?=\S)")
_COUNTED = re.compile(r"(\d{1,9})\s+(\S.*)")
_COUNTED_AT_END = re.compile(r"(\S.*?)\s+(\d{1,9})")
_COMMENT = re.compile(r"\s#(?:\s.*)?$")
_QUOTES = {'"': '"', "'": "'", "“": "”", "„": "“", "‘": "’", "«": "»", "`": "`"}
_COMMA = re.compile(r"(?<!\d),|,(?!\d)")
# What stands in a line that is more than a label, and what it is; the first that fits is said.
_NO_LABELS = (
    (re.compile(r":(?:\s|$)"), 'a colon: name the file .yaml if it has "label: [attributes]"'),
    (re.compile(r"[|=]|[-=]>"), "a sign of a table or of code: write one label a line"),
    (
        re.compile(r"^[-*+–—•>/\\,;:](?=.*\w)|(?<=\w)[\\,;]$"),
        "a sign that no label has at its start or end",
    ),
    (re.compile(r'^["“„«`]|["”»`]$'), "a quote on one side only: write two or none"),
)


class _Line(NamedTuple):
    number: int
    words: str
    is_quoted: bool = False

    def but(self, words: str) -> "_Line":
        return self._replace(words=words.strip())


def read_lines(content: str) -> list[Row]:
    """Read one label a line.

    Raises:
        LabelError: a line may be something else than a label.
    """
    lines = [_Line(*line) for line in numbered_lines(content)]
    check_rows(len(lines))
    lines = [_bare(line) for line in _without_numbers(_without_bullets(lines))]
    if len(lines) > 1 and lines[0].words.lower().replace(" ", "_") in (*NAMES, *TEXTS):
        lines = lines[1:]  # a header
    lines = _checked(_without_counts(_checked(lines)))
    with_comma = [line for line in lines if not line.is_quoted and _COMMA.search(line.words)]
    if lines and len(with_comma) == len(lines):
        raise _refusal(
            lines[0],
            "has a comma, like every line here: write one label a line, attributes into a table "
            "(label,attributes) or JSON",
        )
    return [
        Row(f"line {line.number}", line.words, role="action" if line.is_quoted else "")
        for line in lines
    ]


def _without_bullets(lines: Sequence[_Line]) -> list[_Line]:
    bullets = [_BULLET.match(line.words.lstrip()) for line in lines]
    if not any(bullets):
        return [line.but(line.words) for line in lines]
    indents = [len(line.words) - len(line.words.lstrip()) for line in lines]
    bare = []
    for line, bullet, indent in zip(lines, bullets, indents, strict=True):
        if bullet is None:
            raise _refusal(line, "has no bullet, and other lines have: it is not clear what it is")
        if indent > indents[0]:
            raise _refusal(
                line, "is indented below another label: write attributes into a .yaml or .json"
            )
        bare.append(line.but(line.words.lstrip()[bullet.end() :]))
    return bare


def _without_numbers(lines: Sequence[_Line]) -> list[_Line]:
    """Take `1.` and `1)` away; all lines have them, or none."""
    numbers = [_NUMBERED.match(line.words) for line in lines]
    if not any(numbers):
        return list(lines)
    for line, number in zip(lines, numbers, strict=True):
        if number is None:
            raise _refusal(line, "has no number, and other lines have: it is not clear what it is")
    return [
        line.but(line.words[number.end() :])
        for line, number in zip(lines, numbers, strict=True)
        if number
    ]


def _without_counts(lines: list[_Line]) -> list[_Line]:
    """Take the numbers of `0 archery` and `archery 0` away, as in UCF-101's classInd.txt.

    "1 finger" and "2 fingers" are labels, and so are "2 people fighting" and "2 people dancing".
    """
    if len(lines) < 2 or any(line.is_quoted for line in lines):
        return lines
    first = [_COUNTED.fullmatch(line.words) for line in lines]
    last = [_COUNTED_AT_END.fullmatch(line.words) for line in lines]
    for found, number_at in ((first, 1), (last, 2)):
        rows = [(int(row[number_at]), row[3 - number_at]) for row in found if row]
        if len(rows) < len(lines):
            continue
        numbers = [number for number, _ in rows]
        counts_up = numbers == list(range(numbers[0], numbers[0] + len(rows)))
        stems = {name_key(words).removesuffix("s") for _, words in rows}
        if len(stems) == 1 or (number_at == 1 and len(set(numbers)) < len(rows)):
            return lines
        if not (counts_up and numbers[0] in (0, 1) and len(stems) == len(rows)):
            raise _refusal(
                lines[0],
                "has a number, like every line here, and they do not count up from 0 or 1: write "
                "17,archery if it is no part of the label",
            )
        return [line.but(words) for line, (_, words) in zip(lines, rows, strict=True)]
    return lines


def _bare(line: _Line) -> _Line:
    """Take the comma behind a label, the comment and the quotes around it away."""
    words = line.words
    if words[0] not in _QUOTES:
        words = _COMMENT.sub("", words)
    words = words.rstrip(" \t,") or words
    start, end = words[0], words[-1]
    if len(words) > 2 and _QUOTES.get(start) == end:
        inner = words[1:-1]
        if start not in inner and end not in inner:
            return _Line(line.number, inner.strip(), is_quoted=True)
    return line.but(words)


def _checked(lines: list[_Line]) -> list[_Line]:
    for line in lines:
        for pattern, what in () if line.is_quoted else _NO_LABELS:
            if pattern.search(line.words):
                raise _refusal(line, f"has {what}")
    return lines


def _refusal(line: _Line, why: str) -> LabelError:
    return LabelError(
        f"line {line.number}, {line.words.strip()!r:.60}, {why}; if it is a label, put quotes "
        "around it."
    )
