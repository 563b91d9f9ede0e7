"""Small files written together, orphans and old versions removed."""

from dataclasses import dataclass

from ..store.opening import quoted
from .tables import NAMES, Tables, disk_bytes

# Attempts in one condition.
_AT_ONCE = 500


@dataclass(frozen=True, kw_only=True)
class Compacted:
    """What a compaction did.

    Attributes:
        orphans: rows that it removed.
        before_bytes: on disk before; None of an object store.
        after_bytes: on disk afterwards.
    """

    orphans: int
    before_bytes: int | None
    after_bytes: int | None


def compact(tables: Tables, *, alone: bool = False) -> Compacted:
    """Make an archive small.

    Args:
        tables: the archive.
        alone: whether nobody else uses it. Only then are orphans removed, since they may be the
            rows of a writer that has not committed yet, and versions of the last hour.
    """
    before = disk_bytes(tables.place)
    orphans = remove_orphans(tables) if alone else 0
    for name in NAMES:
        tables.settle(name, all_versions=alone)
    return Compacted(orphans=orphans, before_bytes=before, after_bytes=disk_bytes(tables.place))


def remove_orphans(tables: Tables) -> int:
    """Remove rows that no stretch names; return how many."""
    committed = {row["attempt"] for row in tables.rows("stretches", columns=["attempt"])}
    found = {
        attempt
        for piece in tables.pieces("frames", columns=["attempt"])
        for attempt in piece["attempt"].to_pylist()
    }
    lost = sorted(found - committed)
    return sum(
        tables.delete("frames", f"attempt IN ({', '.join(map(quoted, lost[at : at + _AT_ONCE]))})")
        for at in range(0, len(lost), _AT_ONCE)
    )
