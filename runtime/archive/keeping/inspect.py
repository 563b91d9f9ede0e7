"""What is in an archive."""

from dataclasses import dataclass, field
from typing import Any

from ..store.opening import counting
from .tables import NAMES, Name, Tables, disk_bytes


@dataclass(frozen=True)
class StreamFacts:
    """What there is of a stream.

    Attributes:
        stretches: committed stretches.
        rows: their frames.
        hours: of video.
    """

    stretches: int = 0
    rows: int = 0
    hours: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Inspection:
    """What is in an archive.

    Attributes:
        videos: of each state.
        streams: by name.
        bundles: committed rows of each bundle.
        rows: of each table, deleted ones left out.
        table_bytes: of the newest version of each table.
        disk_bytes: of everything, old versions too; None of an object store.
        orphans: rows of frames that do not count: a killed writer left them, or the slower one of
            two that wrote the same stretch.
        indices: names of the indices of `frames`, and how many rows each does not know yet.
    """

    videos: dict[str, int] = field(default_factory=dict)
    streams: dict[str, StreamFacts] = field(default_factory=dict)
    bundles: dict[str, int] = field(default_factory=dict)
    rows: dict[Name, int] = field(default_factory=dict)
    table_bytes: dict[Name, int] = field(default_factory=dict)
    disk_bytes: int | None = None
    orphans: int = 0
    indices: dict[str, int] = field(default_factory=dict)

    @property
    def hours(self) -> float:
        """Hours of video in all."""
        return sum(facts.hours for facts in self.streams.values())


def inspect_archive(tables: Tables) -> Inspection:
    """Count what is in an archive; reads no embedding."""
    streams: dict[str, StreamFacts] = {}
    bundles: dict[str, int] = {}
    attempts: set[str] = set()
    for row in counting(tables.rows("stretches")):
        attempts.add(row["attempt"])
        before = streams.get(row["stream"], StreamFacts())
        streams[row["stream"]] = StreamFacts(
            stretches=before.stretches + 1,
            rows=before.rows + row["rows"],
            hours=before.hours + (row["last_s"] - row["first_s"]) / 3600,
        )
        bundles[row["bundle"]] = bundles.get(row["bundle"], 0) + row["rows"]
    videos: dict[str, int] = {}
    for row in tables.rows("videos", columns=["state"]):
        videos[row["state"]] = videos.get(row["state"], 0) + 1
    orphans = sum(
        attempt not in attempts
        for piece in tables.pieces("frames", columns=["attempt"])
        for attempt in piece["attempt"].to_pylist()
    )
    there: dict[Name, Any] = {name: tables.dataset(name) for name in NAMES}
    found: dict[Name, Any] = {name: one for name, one in there.items() if one is not None}
    frames = found.get("frames")
    return Inspection(
        videos=videos,
        streams=dict(sorted(streams.items())),
        bundles=bundles,
        rows={name: one.count_rows() for name, one in found.items()},
        table_bytes={name: tables.bytes_of(name) for name in found},
        disk_bytes=disk_bytes(tables.place),
        orphans=orphans,
        indices={} if frames is None else _indices(frames),
    )


def _indices(frames: Any) -> dict[str, int]:
    """Return how many rows each index does not know yet."""
    names = [index.name for index in frames.describe_indices()]
    return {name: frames.stats.index_stats(name)["num_unindexed_rows"] for name in names}
