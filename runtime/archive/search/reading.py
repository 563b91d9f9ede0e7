"""What a search sees of an archive: the committed stretches of one bundle, and their frames."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ..store.columns import EMBEDDING
from ..store.opening import counting, quoted
from .nearest import nearest
from .scoring import Rows

_PLAIN = ("frame", "time_s", "clock", "rate_fps", "flags")
_PLACE = ("video", "frame", "attempt")
# Frames of one video that are in memory at once.
PIECE = 4096

Array = npt.NDArray[Any]


@dataclass(frozen=True, kw_only=True)
class Part:
    """What is committed of one video."""

    video: str
    stream: str
    path: str | None
    attempts: frozenset[str]
    rows: int
    first_s: float
    last_s: float

    @property
    def seconds(self) -> float:
        """How long it is."""
        return max(0.0, self.last_s - self.first_s)


@dataclass(frozen=True, kw_only=True)
class Condition:
    """Which frames may be found.

    Attributes:
        streams: their streams are among these; none is all.
        since: they were captured at this time or later, in seconds since 1970.
        until: they were captured before this time.
    """

    streams: tuple[str, ...] = ()
    since: float | None = None
    until: float | None = None

    def allows(self, clock: float | None) -> bool:
        """Whether a time fits; that of a file is not known and fits only if none is asked for."""
        if self.since is None and self.until is None:
            return True
        if clock is None:
            return False
        return (self.since is None or clock >= self.since) and (
            self.until is None or clock < self.until
        )

    def sql(self, bundle: str | None) -> str | None:
        """Return it as a condition, with the bundle where there are several."""
        clauses = [f"bundle = {quoted(bundle)}"] if bundle else []
        if self.streams:
            clauses.append(f"stream IN ({', '.join(map(quoted, self.streams))})")
        if self.since is not None:
            clauses.append(f"clock >= {self.since!r}")
        if self.until is not None:
            clauses.append(f"clock < {self.until!r}")
        return " AND ".join(clauses) or None


class Snapshot:
    """The committed frames of one bundle, as they are now.

    Attributes:
        parts: what may be found, by video.
        streams: all streams of the bundle.
    """

    def __init__(
        self,
        tables: Any,
        bundle: str,
        columns: dict[str, str],
        shapes: dict[str, tuple[int, ...]],
        condition: Condition,
    ) -> None:
        """Read which stretches are committed.

        Args:
            tables: gives a table by its name: `frames`, `stretches`, `videos`.
            bundle: the id of the bundle.
            columns: the column of each feature and state, by the name that manifests have for it.
            shapes: of a row of each column that is no plain vector, such as patches [p, D].
            condition: what may be found.
        """
        self._frames = tables("frames")
        self._columns, self._shapes = columns, shapes
        self.condition = condition
        stretches = tables("stretches").search()
        kept = ["stretch", "video", "stream", "attempt", "rows", "first_s", "last_s", "bundle"]
        every = counting(stretches.select(kept).limit(None).to_arrow().to_pylist())
        ours = [row for row in every if row["bundle"] == bundle]
        self._bundle = bundle if len({row["bundle"] for row in every}) > 1 else None
        self.others = sum(row["rows"] for row in every) - sum(row["rows"] for row in ours)
        self.streams = tuple(sorted({row["stream"] for row in ours}))
        paths = tables("videos").search().select(["video", "path"]).limit(None).to_arrow()
        path_of = {row["video"]: row["path"] for row in paths.to_pylist()}
        by_video: dict[str, list[dict[str, Any]]] = defaultdict(list)
        for row in ours:
            if not condition.streams or row["stream"] in condition.streams:
                by_video[row["video"]].append(row)
        self.parts = {
            video: _part(video, path_of.get(video), rows) for video, rows in by_video.items()
        }

    @property
    def rows(self) -> int:
        """How many frames may be found."""
        return sum(part.rows for part in self.parts.values())

    @property
    def hours(self) -> float:
        """How long they are."""
        return sum(part.seconds for part in self.parts.values()) / 3600

    def candidates(self, queries: Array, count: int) -> list[tuple[str, int]]:
        """Return the video and number of the frames nearest to any of Q vectors, best first."""
        where = self.condition.sql(self._bundle)
        found: dict[tuple[str, int], float] = {}
        for query in queries:
            table = nearest(self._frames, query, count, columns=_PLACE, where=where)
            for row in table.to_pylist():
                part = self.parts.get(row["video"])
                if part and row["attempt"] in part.attempts:
                    place = (row["video"], row["frame"])
                    found[place] = min(row["_distance"], found.get(place, 9.0))
        return sorted(found, key=lambda place: found[place])

    def read(self, video: str, first: int, last: int) -> Rows | None:
        """Return frames `first` to `last` of a video, those that are there; None if none is."""
        return self._rows(video, f"frame >= {first} AND frame <= {last}")

    def at(self, video: str, time: float, span_s: float, *, column: str = "time_s") -> Rows | None:
        """Return the frames of the `span_s` seconds up to a time; `column` may be `clock`."""
        return self._rows(video, f"{column} <= {time!r} AND {column} > {time - span_s!r}")

    def pieces(self, video: str, overlap: int) -> Iterator[Rows]:
        """Yield all frames of a video in pieces that begin `overlap` frames before the last end."""
        condition = self._where(video)
        numbers = self._frames.search().where(condition).select(["frame", "attempt"]).limit(None)
        table = numbers.to_arrow().to_pylist()
        attempts = self.parts[video].attempts
        places = sorted(row["frame"] for row in table if row["attempt"] in attempts)
        for start in range(0, len(places), PIECE):
            first = places[max(0, start - overlap)]
            rows = self.read(video, first, places[min(start + PIECE, len(places)) - 1])
            if rows:
                yield rows

    def _where(self, video: str) -> str:
        own = f" AND bundle = {quoted(self._bundle)}" if self._bundle else ""
        return f"video = {quoted(video)}{own}"

    def _rows(self, video: str, which: str) -> Rows | None:
        part = self.parts[video]
        wanted = [*_PLAIN, "attempt", *self._columns.values()]
        asked = self._frames.search().where(f"{self._where(video)} AND {which}")
        table = asked.select(wanted).limit(None).to_arrow()
        attempts = table["attempt"].to_pylist()
        kept = np.asarray([at for at, one in enumerate(attempts) if one in part.attempts], np.intp)
        if not len(kept):
            return None
        numbers = table["frame"].to_numpy()[kept]
        order = kept[np.argsort(numbers, kind="stable")]
        plain = {
            name: table[name].to_numpy(zero_copy_only=False)[order].astype(kind)
            for name, kind in zip(
                _PLAIN, (np.int64, np.float64, np.float64, np.float64, np.uint8), strict=True
            )
        }
        return Rows(
            frames=plain["frame"],
            times_s=plain["time_s"],
            clocks=plain["clock"],
            rates_fps=plain["rate_fps"],
            flags=plain["flags"],
            values={name: self._values(table, name)[order] for name in self._columns},
            whole=part.path is not None and len(order) == part.rows,
        )

    def _values(self, table: Any, name: str) -> Array:
        column = table[self._columns[name]].combine_chunks()
        flat = column.flatten().to_numpy(zero_copy_only=False)
        shape = self._shapes.get(name, (-1,))
        return flat.reshape(len(column), *shape).astype(np.float32)

    @property
    def embedding_name(self) -> str:
        """What manifests call the embedding that candidates are found by."""
        return next(name for name, column in self._columns.items() if column == EMBEDDING)


def _part(video: str, path: str | None, rows: Sequence[dict[str, Any]]) -> Part:
    return Part(
        video=video,
        stream=rows[0]["stream"],
        path=path,
        attempts=frozenset(row["attempt"] for row in rows),
        rows=sum(row["rows"] for row in rows),
        first_s=min(row["first_s"] for row in rows),
        last_s=max(row["last_s"] for row in rows),
    )
