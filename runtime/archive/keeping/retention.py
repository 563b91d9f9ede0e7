"""How long an archive keeps what it has: by days, and by size."""

import re
import time
from dataclasses import dataclass
from typing import Any

from ...errors import StzsarError
from ..store.opening import quoted
from .tables import NAMES, Tables

_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([MGT])(?:iB)?")
_BYTES = {"M": 2**20, "G": 2**30, "T": 2**40}
_DAY_S = 86_400.0
# A device without a battery for its clock boots in 1970: until it knows the time, nothing is old.
_NO_CLOCK_BEFORE = 1_600_000_000.0


@dataclass(frozen=True, kw_only=True)
class RetainOptions:
    """What stays.

    Attributes:
        days: what is older goes; None is no limit.
        size_bytes: of all tables together; the oldest goes. None is no limit.
    """

    days: float | None = None
    size_bytes: int | None = None

    def __post_init__(self) -> None:
        """Refuse what limits nothing.

        Raises:
            StzsarError: there is no limit, or one of nothing.
        """
        if self.days is None and self.size_bytes is None:
            raise StzsarError("Nothing says what to keep: give --days N, --size 50G, or both.")
        if (self.days is not None and not self.days > 0) or self.size_bytes == 0:
            raise StzsarError("--days and --size must be above 0: they say what stays.")


@dataclass(frozen=True, kw_only=True)
class Retained:
    """What a sweep removed.

    Attributes:
        stretches: of video.
        frames: their rows.
        stills: pictures.
    """

    stretches: int = 0
    frames: int = 0
    stills: int = 0


def parse_size(text: str) -> int:
    """Return `50G`, `500M` or `1.5TiB` in bytes.

    Raises:
        StzsarError: it is no size.
    """
    match = _SIZE.fullmatch(text)
    if match is None:
        raise StzsarError(f"--size takes a size such as 500M, 50G or 2T, not {text!r:.80}.")
    return round(float(match[1]) * _BYTES[match[2]])


def retain(tables: Tables, options: RetainOptions, *, now: float | None = None) -> Retained:
    """Remove whole stretches, the oldest first, until the limits hold.

    A stretch is as old as its last picture, or, of a file, as the archive's row of it. Others may
    read and write meanwhile.

    Args:
        tables: the archive.
        options: the limits.
        now: seconds since 1970.
    """
    now = time.time() if now is None else now
    rows = sorted(_aged(tables), key=lambda row: row["age"])
    gone = [
        row
        for row in rows
        if options.days is not None and _NO_CLOCK_BEFORE < row["age"] < now - options.days * _DAY_S
    ]
    if options.size_bytes is not None:
        left = [row for row in rows if row not in gone]
        gone += _too_much(tables, left, gone, options.size_bytes)
    if not gone:
        return Retained()
    return _remove(tables, gone)


def _aged(tables: Tables) -> list[dict[str, Any]]:
    """Return the stretches, each with when it was."""
    newest: dict[str, float] = {}
    for piece in tables.pieces("frames", where="clock IS NOT NULL", columns=["attempt", "clock"]):
        for attempt, clock in zip(
            piece["attempt"].to_pylist(), piece["clock"].to_pylist(), strict=True
        ):
            newest[attempt] = max(clock or 0.0, newest.get(attempt, 0.0))
    return [
        {**row, "age": newest.get(row["attempt"], row["written"])}
        for row in tables.rows("stretches")
    ]


def _too_much(
    tables: Tables, rows: list[dict[str, Any]], gone: list[dict[str, Any]], size_bytes: int
) -> list[dict[str, Any]]:
    """Return the oldest stretches without which the rest fits; sizes go by rows."""
    all_bytes = sum(tables.bytes_of(name) for name in NAMES)
    count = sum(row["rows"] for row in [*rows, *gone])
    a_row = all_bytes / max(1, count)
    left = all_bytes - a_row * sum(row["rows"] for row in gone)
    found: list[dict[str, Any]] = []
    for row in rows:
        if left <= size_bytes:
            break
        left -= a_row * row["rows"]
        found.append(row)
    return found


def _remove(tables: Tables, gone: list[dict[str, Any]]) -> Retained:
    stills = sum(_remove_stills(tables, row) for row in gone)
    where = f"attempt IN ({', '.join(quoted(row['attempt']) for row in gone)})"
    # In this order a kill leaves rows that nobody sees, which compact removes.
    tables.delete("stretches", where)
    frames = tables.delete("frames", where)
    for name in ("stretches", "frames", "stills"):
        tables.settle(name, all_versions=False)
    return Retained(stretches=len(gone), frames=frames, stills=stills)


def _remove_stills(tables: Tables, row: dict[str, Any]) -> int:
    columns = tables.columns("stills")
    if not columns:
        return 0
    owner = "video" if "video" in columns else "stream"
    return tables.delete(
        "stills",
        f"{owner} = {quoted(row[owner])} AND time_s >= {row['first_s']!r} "
        f"AND time_s <= {row['last_s']!r}",
    )
