"""Banks as readable JSON: written whole, and read with the line of each value.

Its own reader of JSON, as those of libraries forget lines, and the check needs them.
"""

import json
import re
import stat
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...runtime.atomic import write_file
from ...runtime.errors import StzsarError

# A string that json.loads has found to be one.
_STRING = re.compile(r'"(?:[^"\\]|\\.)*"', re.DOTALL)
_SPACE = re.compile(r"[ \t\n\r]*")
_LINE_END = re.compile(r"\r\n|\r|\n")
_OTHER = re.compile(r"[^\s,\[\]{}:]+")


@dataclass(frozen=True)
class Placed:
    """A JSON value and the line that it begins on, from 1.

    Attributes:
        value: None, bool, int, float, str, a list of `Placed`, or for an object a list of pairs
            (key, `Placed`), whose keys may repeat.
        line: where it begins.
        is_object: whether it is an object.
    """

    value: Any
    line: int
    is_object: bool = False


def write_bank(path: Path, entries: Sequence[Any]) -> None:
    """Write a bank; the file appears whole or not at all.

    Raises:
        StzsarError: it cannot be written.
    """
    content = json.dumps(list(entries), indent=1, ensure_ascii=False) + "\n"
    place = path.resolve()  # a link stays one
    try:
        mode = stat.S_IMODE(place.stat().st_mode) if place.exists() else None
        # Half a surrogate, from a file name or a page, becomes "?".
        write_file(place, content.encode("utf-8", "replace"), mode=mode)
    except OSError as error:
        raise StzsarError(
            f"Cannot write {path} ({error.strerror}): name a file in a folder that exists."
        ) from error


def parse_placed(text: str) -> Placed:
    """Read JSON.

    Raises:
        json.JSONDecodeError: it is not JSON; the error has line and column.
        RecursionError: it is nested too deeply.
    """
    json.loads(text)  # raises json's own errors; what follows relies on correct JSON
    value, _ = _value(text, _skip(text, 0), _Lines(text))
    return value


class _Lines:
    def __init__(self, text: str) -> None:
        self._text = text
        self._at, self._line = 0, 1

    def of(self, position: int) -> int:
        """Return the line of a position, which never lies before the last one."""
        self._line += len(_LINE_END.findall(self._text, self._at, position))
        self._at = position
        return self._line


def _value(text: str, at: int, lines: _Lines) -> tuple[Placed, int]:
    line = lines.of(at)
    if text[at] == '"':
        string, at = _string(text, at)
        return Placed(string, line), at
    if text[at] in "[{":
        return _inside(text, at, lines, line)
    found = _OTHER.match(text, at)
    assert found is not None
    return Placed(json.loads(found[0]), line), found.end()


def _inside(text: str, at: int, lines: _Lines, line: int) -> tuple[Placed, int]:
    is_object = text[at] == "{"
    items: list[Any] = []
    at = _skip(text, at + 1)
    while text[at] not in "]}":
        if is_object:
            key, at = _string(text, at)
            at = _skip(text, _skip(text, at) + 1)  # over the colon
            value, at = _value(text, at, lines)
            items.append((key, value))
        else:
            value, at = _value(text, at, lines)
            items.append(value)
        at = _skip(text, at)
        if text[at] == ",":
            at = _skip(text, at + 1)
    return Placed(items, line, is_object), at + 1


def _string(text: str, at: int) -> tuple[str, int]:
    found = _STRING.match(text, at)
    assert found is not None
    return str(json.loads(found[0])), found.end()


def _skip(text: str, at: int) -> int:
    found = _SPACE.match(text, at)
    return found.end() if found else at
