"""Forgets people: rows, stills and names leave every file of an archive."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ...errors import StzsarError
from ..store.hashes import hash_rows
from ..store.opening import quoted
from .tables import NAMES, Tables
from .wanted import Wanted, check_streams


@dataclass(frozen=True, kw_only=True)
class Forgotten:
    """What was forgotten.

    Attributes:
        frames: rows of frames.
        stretches: stretches of which nothing is left.
        shortened: stretches of which something is left.
        videos: rows of videos.
        stills: pictures.
    """

    frames: int
    stretches: int
    shortened: int
    videos: int
    stills: int


def forget(tables: Tables, wanted: Wanted) -> Forgotten:
    """Remove rows for good: also from old versions, from indices and from what killed writers left.

    Nobody else may use the archive meanwhile. A kill in between leaves rows that the same call
    removes when it is made again; the indices are gone until somebody makes new ones.

    Raises:
        StzsarError: nothing says what to forget, or there is no such stream.
    """
    if not wanted.streams and not wanted.has_time:
        raise StzsarError(
            "forget without --stream, --since or --until would forget everything: remove the "
            "archive instead."
        )
    try:
        check_streams(tables, wanted.streams)
    except StzsarError:
        # A call before may have been killed when only old versions had the name.
        _settle(tables)
        raise
    where = wanted.where() or "true"
    stretches, shortened = _forget_stretches(tables, where)
    frames = tables.delete("frames", where)
    stills = tables.delete("stills", where)
    videos = _forget_videos(tables, wanted)
    _settle(tables)
    return Forgotten(
        frames=frames, stretches=stretches, shortened=shortened, videos=videos, stills=stills
    )


def _settle(tables: Tables) -> None:
    for name in NAMES:
        tables.settle(name, all_versions=True, drop_indices=name == "frames")


def _forget_stretches(tables: Tables, where: str) -> tuple[int, int]:
    """Remove or shorten the stretches of rows that go; return how many of each.

    They are changed before their rows, which tell what to do if this has to be done again.
    """
    touched = {
        attempt
        for piece in tables.pieces("frames", where=where, columns=["attempt"])
        for attempt in piece["attempt"].to_pylist()
    }
    gone: list[str] = []
    changed: list[dict[str, Any]] = []
    for row in tables.rows("stretches"):
        if row["attempt"] not in touched:
            continue
        left = _left(tables, row["attempt"], where)
        if not left.num_rows:
            gone.append(row["attempt"])
            continue
        times = left["time_s"].to_pylist()
        spans = {"first_s": min(times), "last_s": max(times)}
        changed.append({**row, **spans, "rows": left.num_rows, "hash": hash_rows(left)})
    if gone:
        tables.delete("stretches", f"attempt IN ({', '.join(map(quoted, gone))})")
    _replace(tables, changed)
    return len(gone), len(changed)


def _left(tables: Tables, attempt: str, where: str) -> Any:
    import pyarrow

    # Not (a AND b) is null, and so no row, where a clock is null.
    stays = f"attempt = {quoted(attempt)} AND (({where}) IS NOT TRUE)"
    pieces = list(tables.pieces("frames", where=stays))
    return pyarrow.Table.from_batches(pieces, schema=tables.dataset("frames").schema)


def _replace(tables: Tables, rows: Sequence[dict[str, Any]]) -> None:
    import pyarrow

    if not rows:
        return
    dataset = tables.dataset("stretches")
    table = pyarrow.Table.from_pylist(list(rows), schema=dataset.schema)
    dataset.merge_insert("attempt").when_matched_update_all().execute(table)


def _forget_videos(tables: Tables, wanted: Wanted) -> int:
    """Remove videos of these streams, or, of a time, those of which nothing is left."""
    of_streams = wanted.where(timed=False)
    if not wanted.has_time:
        return tables.delete("videos", of_streams or "true")
    left = {row["video"] for row in tables.rows("stretches", columns=["video"])}
    # A video of which nothing ever was committed says so itself, and stays.
    gone = [
        row["video"]
        for row in tables.rows("videos", where=of_streams, columns=["video", "state"])
        if row["video"] not in left and row["state"] != "broken"
    ]
    if not gone:
        return 0
    return tables.delete("videos", f"video IN ({', '.join(map(quoted, gone))})")
