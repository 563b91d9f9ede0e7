"""`streams.toml`: streams with names, labels and thresholds of their own.

    [[stream]]
    name = "hall"
    source = "rtsp://me:${HALL_PASSWORD}@hall.example/stream"
    labels = "hall.txt"            # relative to this file, as calibration and a file as source are
    threshold = 0.6
    calibration = "hall.json"
    rate = 8

Only `name` and `source` must be there. `${NAME}` stands for a variable of the environment, put in
as it is: percent-encode there what an address does not take, such as `@` or `/` in a password.
"""

import glob
import importlib
import math
import os
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..errors import SourceError
from .address import parse_address
from .spec import SourceSpec

KEYS = ("name", "source", "labels", "threshold", "calibration", "rate")
MAX_RATE_FPS = 1000.0
MAX_NAME = 100
MAX_FILE_BYTES = 2**20


def read_streams(
    path: Path, environment: Mapping[str, str] | None = None
) -> tuple[SourceSpec, ...]:
    """Read a file of streams.

    Args:
        path: the TOML file.
        environment: where `${NAME}` is looked up; the process's own if None.

    Raises:
        SourceError: the file is missing or wrong; the sentence says where.
    """
    tables = _tables(path)
    variables = os.environ if environment is None else environment
    specs: dict[str, SourceSpec] = {}
    for number, table in enumerate(tables, start=1):
        place = f"Stream {number} of {path}"
        spec = _Table(table, place, path.parent, variables).spec()
        if spec.name in specs:
            raise SourceError(f"{place} is called {spec.name!r}, as one before it: rename it.")
        specs[spec.name] = spec
    return tuple(specs.values())


def _tables(path: Path) -> list[Any]:
    # Python 3.10 has no tomllib; tomli is the package that became it.
    toml = importlib.import_module("tomllib" if sys.version_info >= (3, 11) else "tomli")
    try:
        document = toml.loads(_text(path))
    except OSError as error:
        raise SourceError(f"Cannot read the streams in {path}: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise SourceError(f"{path} is not UTF-8: save it as UTF-8.") from error
    except (ValueError, RecursionError) as error:  # a TOMLDecodeError is a ValueError
        raise SourceError(f"{path} is no TOML: {_place_of(error)}.") from None
    unknown = sorted(set(document) - {"stream"})
    if unknown:
        raise SourceError(f"{path} has {unknown[0]!r}, which is unknown: it holds [[stream]] only.")
    tables = document.get("stream")
    if not isinstance(tables, list) or not tables:
        raise SourceError(f"{path} names no stream: begin each with a line [[stream]].")
    return tables


def _text(path: Path) -> str:
    """Read the file; what has no end is not read."""
    if path.exists() and not path.is_file():
        raise SourceError(f"{path} is no file: save the streams in one.")
    with path.open("rb") as file:
        content = file.read(MAX_FILE_BYTES + 1)
    if len(content) > MAX_FILE_BYTES:
        raise SourceError(f"{path} is larger than {MAX_FILE_BYTES // 2**20} MiB: it is no list.")
    if b"\0" in content or b"\\u0000" in content:
        raise SourceError(f"{path} has a NUL character: remove it.")
    return content.decode("utf-8")


def _place_of(error: Exception) -> str:
    """Return where the parser stopped: its whole message may quote a line with a password."""
    place = re.search(r"at (line \d+, column \d+|end of document)", str(error))
    return f"look {place[0]}" if place else "look for a missing quote or bracket"


class _Table:
    """One [[stream]] on its way to a specification."""

    def __init__(
        self, table: Any, place: str, folder: Path, environment: Mapping[str, str]
    ) -> None:
        if not isinstance(table, dict):
            raise SourceError(f"{place} is no table: begin it with a line [[stream]].")
        self._table: dict[str, Any] = table
        self._place = place
        self._folder = folder
        self._environment = environment

    def spec(self) -> SourceSpec:
        unknown = sorted(set(self._table) - set(KEYS))
        if unknown:
            raise SourceError(
                f"{self._place} has {unknown[0]!r}, which is unknown: it takes {', '.join(KEYS)}."
            )
        name = self._text("name", needed=True) or ""
        if not name.isprintable() or len(name) > MAX_NAME:
            raise SourceError(f"The name of {_lower(self._place)} is no short line of text.")
        return SourceSpec(
            uri=self._uri(),
            name=name,
            labels=self._path("labels"),
            rate_fps=self._number("rate", MAX_RATE_FPS, above_zero=True),
            threshold=self._number("threshold", 1.0, above_zero=True),
            calibration=self._path("calibration"),
        )

    def _uri(self) -> str:
        uri = self._filled(self._text("source", needed=True) or "")
        try:
            address = parse_address(uri)
        except SourceError:
            # Its own sentence shows the address, where a secret may stand that nobody can tell.
            raise SourceError(
                f"The source of {_lower(self._place)} is of no kind that is read: try it with "
                "stzsar-run --source."
            ) from None
        if address.live or "://" in uri:
            return uri
        path = self._folder / uri
        if path.is_dir() or (glob.has_magic(uri) and not path.exists()):
            raise SourceError(
                f"The source of {_lower(self._place)} is a folder or a pattern: name one file, "
                "camera or address."
            )
        return str(path)

    def _filled(self, text: str) -> str:
        """Return `text` with the environment's variables put in."""

        def value_of(match: re.Match[str]) -> str:
            name = match[1]
            if not re.fullmatch("[A-Za-z_][A-Za-z0-9_]*", name):
                raise SourceError(
                    f"The source of {_lower(self._place)} has a ${{…}} without the name of a "
                    "variable: write ${NAME}."
                )
            if name not in self._environment:
                raise SourceError(
                    f"{self._place} needs the variable {name}, which is not set: run export "
                    f"{name}=… before."
                )
            return self._environment[name]

        return re.sub(r"\$\{([^}]*)\}?", value_of, text)

    def _text(self, key: str, *, needed: bool = False) -> str | None:
        value = self._table.get(key)
        if value is None and not needed:
            return None
        if not isinstance(value, str) or not value:
            raise SourceError(f'{self._place} needs {key} = "…" in quotes.')
        return value

    def _path(self, key: str) -> Path | None:
        text = self._text(key)
        return None if text is None else self._folder / text

    def _number(self, key: str, highest: float, *, above_zero: bool = False) -> float | None:
        value = self._table.get(key)
        if value is None:
            return None
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        low_enough = is_number and math.isfinite(value) and 0 <= value <= highest
        if not low_enough or (above_zero and value == 0):
            raise SourceError(
                f"{key} of {_lower(self._place)} is a number from 0 to {highest:g}"
                f"{', and above 0' if above_zero else ''}."
            )
        return float(value)


def _lower(place: str) -> str:
    return place[0].lower() + place[1:]
