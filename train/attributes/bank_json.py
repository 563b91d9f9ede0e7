"""Banks as readable JSON: written whole, and read with the line of each value."""

import bisect
import json
import json.scanner
import re
import stat
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...runtime.atomic import write_file
from ...runtime.errors import StzsarError

_LINE_END = re.compile(r"\r\n|\r|\n")
_Scan = Callable[[str, int], tuple[Any, int]]


@dataclass(frozen=True)
class Placed:
    """A JSON value and the line that it begins on, from 1."""

    # None, bool, int, float, str, a list of `Placed`, or for an object a list of pairs (key,
    # `Placed`), whose keys may repeat
    value: Any
    line: int  # where it begins
    is_object: bool = False  # whether it is an object


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
    line_ends = [found.start() for found in _LINE_END.finditer(text)]

    def placed(scan: _Scan) -> _Scan:
        def scan_placed(text: str, at: int) -> tuple[Placed, int]:
            value, end = scan(text, at)
            return Placed(value, bisect.bisect_left(line_ends, at) + 1, text[at] == "{"), end

        return scan_placed

    scanner: Any = json.scanner  # the one of Python, which calls these two
    decoder: Any = json.JSONDecoder(object_pairs_hook=list)
    parse_array, parse_object = decoder.parse_array, decoder.parse_object
    decoder.parse_array = lambda begin, scan: parse_array(begin, placed(scan))
    decoder.parse_object = lambda begin, strict, scan, *more: parse_object(
        begin, strict, placed(scan), *more
    )
    decoder.scan_once = placed(scanner.py_make_scanner(decoder))
    return decoder.decode(text)
