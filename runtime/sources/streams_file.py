"""`streams.toml`: streams with names, labels and thresholds of their own.

    [[stream]]
    name = "hall"
    source = "rtsp://me:${HALL_PASSWORD}@hall.example/stream"
    labels = "hall.txt"            # relative to this file, like calibration and a file as source
    threshold = 0.6
    calibration = "hall.json"
    rate = 8

Only `name` and `source` are required. `${NAME}` stands for a variable of the environment, inserted
as it is: percent-encode there what an address does not take, such as `@` or `/` in a password.
"""

import glob
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

from msgspec import Meta, Struct

from ..documents import MIB, DocumentError, convert, from_toml, read_file
from ..errors import SourceError
from ..video.pictures import picture_files
from .address import parse_address
from .spec import SourceSpec

MAX_RATE_FPS = 1000.0
MAX_FILE_BYTES = MIB

_Path = Annotated[str, Meta(min_length=1, max_length=4096)]


class _Table(Struct, frozen=True, forbid_unknown_fields=True):
    """One [[stream]]."""

    name: Annotated[str, Meta(min_length=1, max_length=100)]
    source: _Path
    labels: _Path | None = None
    threshold: Annotated[float, Meta(gt=0, le=1)] | None = None
    calibration: _Path | None = None
    rate: Annotated[float, Meta(gt=0, le=MAX_RATE_FPS)] | None = None

    def __post_init__(self) -> None:
        if not self.name.isprintable():
            raise ValueError("name: it is not one line of text")
        if any("\0" in path for path in (self.source, self.labels or "", self.calibration or "")):
            raise ValueError("it holds a NUL character")


def read_streams(
    path: Path, environment: Mapping[str, str] | None = None
) -> tuple[SourceSpec, ...]:
    """Read a file of streams.

    Args:
        path: the TOML file.
        environment: where to look up `${NAME}`; the process's own if None.

    Raises:
        SourceError: the file is missing or wrong; the sentence says where.
    """
    variables = os.environ if environment is None else environment
    specs: dict[str, SourceSpec] = {}
    for number, table in enumerate(_tables(path), start=1):
        spec = _spec(table, f"stream {number} of {path}", path.parent, variables)
        if spec.name in specs:
            raise SourceError(
                f"Cannot use stream {number} of {path}: the name {spec.name!r} is taken by one "
                "before it; rename it."
            )
        specs[spec.name] = spec
    return tuple(specs.values())


def _tables(path: Path) -> list[Any]:
    try:
        document = from_toml(read_file(path, MAX_FILE_BYTES))
    except OSError as error:
        raise SourceError(f"Cannot read the streams in {path}: {error.strerror}.") from error
    except DocumentError as error:
        raise SourceError(f"Cannot read the streams in {path}: {error}.") from None
    unknown = sorted(set(document) - {"stream"})
    if unknown:
        raise SourceError(f"{path} has an unknown {unknown[0]!r:.80}: it holds [[stream]] only.")
    tables = document.get("stream")
    if not isinstance(tables, list) or not tables:
        raise SourceError(f"{path} names no stream: begin each with a line [[stream]].")
    return tables


def _spec(table: object, place: str, folder: Path, environment: Mapping[str, str]) -> SourceSpec:
    try:
        found = convert(table, _Table)
    except DocumentError as error:
        raise SourceError(
            f"Cannot use {place}: {error}; a [[stream]] takes "
            f"{', '.join(_Table.__struct_fields__)}."
        ) from None
    return SourceSpec(
        uri=_uri(_filled(found.source, place, environment), place, folder),
        name=found.name,
        labels=folder / found.labels if found.labels else None,
        rate_fps=found.rate,
        threshold=found.threshold,
        calibration=folder / found.calibration if found.calibration else None,
    )


def _uri(uri: str, place: str, folder: Path) -> str:
    try:
        address = parse_address(uri)
    except SourceError:
        # Its own sentence shows the address, which may hold a secret.
        raise SourceError(
            f"The source of {place} is not a kind that can be read: try it with stzsar-run "
            "--source."
        ) from None
    if address.live or "://" in uri:
        return uri
    path = folder / uri
    if picture_files(str(path)):
        return str(path)
    if path.is_dir() or (glob.has_magic(uri) and not path.exists()):
        raise SourceError(
            f"The source of {place} is a folder or a pattern: name one file, camera or address."
        )
    return str(path)


def _filled(text: str, place: str, environment: Mapping[str, str]) -> str:
    """Return `text` with the environment's variables inserted."""

    def value_of(match: re.Match[str]) -> str:
        name = match[1]
        if not re.fullmatch("[A-Za-z_][A-Za-z0-9_]*", name):
            raise SourceError(
                f"The source of {place} has a ${{…}} without a variable's name: write ${{NAME}}."
            )
        if name not in environment:
            raise SourceError(
                f"The source of {place} needs the variable {name}, which is not set: run export "
                f"{name}=… first."
            )
        return environment[name]

    return re.sub(r"\$\{([^}]*)\}?", value_of, text)
