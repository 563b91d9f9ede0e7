"""Whether an archive still holds what was committed."""

from collections import Counter
from collections.abc import Iterator
from typing import Any

from ..store.hashes import hash_rows
from .tables import Tables


def faults(tables: Tables) -> Iterator[str]:
    """Yield a sentence for each fault of an archive; none is a sound one.

    `frames` is read once, in the order it was written. A stretch's rows stay in memory until all
    are there, which is soon: each stretch is written at once.
    """
    stretches = {row["attempt"]: row for row in tables.rows("stretches")}
    yield from _faults_of_rows(tables, stretches)
    for (stretch, bundle), count in Counter(
        (row["stretch"], row["bundle"]) for row in stretches.values()
    ).items():
        if count > 1:
            yield (
                f"Stretch {stretch} of bundle {bundle} is committed {count} times: forget its "
                "stream, and index it again."
            )
    known = {row["bundle"] for row in tables.rows("bundles", columns=["bundle"])}
    for bundle in sorted({row["bundle"] for row in stretches.values()} - known):
        yield f"Bundle {bundle} has stretches, and is not in the table of bundles."


def _faults_of_rows(tables: Tables, stretches: dict[str, dict[str, Any]]) -> Iterator[str]:
    import pyarrow
    import pyarrow.compute

    waiting: dict[str, list[Any]] = {}
    counts: Counter[str] = Counter()
    orphans = 0
    for piece in tables.pieces("frames"):
        table = pyarrow.Table.from_batches([piece])
        for attempt in dict.fromkeys(piece["attempt"].to_pylist()):
            rows = table.filter(pyarrow.compute.field("attempt") == attempt)
            row = stretches.get(attempt)
            if row is None:
                orphans += rows.num_rows
                continue
            counts[attempt] += rows.num_rows
            waiting.setdefault(attempt, []).append(rows)
            if counts[attempt] == row["rows"]:
                found = hash_rows(pyarrow.concat_tables(waiting.pop(attempt)))
                if found != row["hash"]:
                    yield f"{_named(row)} has other rows than were written: index it again."
    for attempt, row in stretches.items():
        if counts[attempt] != row["rows"]:
            yield (
                f"{_named(row)} has {counts[attempt]} of {row['rows']} rows: forget its stream, "
                "and index it again."
            )
    if orphans:
        yield (
            f"{orphans} rows belong to no stretch, since their writer was killed: stzsar-archive "
            "compact removes them."
        )


def _named(row: dict[str, Any]) -> str:
    span = f"{row['first_s']:.1f} s to {row['last_s']:.1f} s"
    return f"The stretch {row['stretch']} of {row['stream']} ({span})"
