"""The store of events: one SQLite file that one run writes and anybody reads meanwhile."""

import contextlib
import dataclasses
import sqlite3
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any
from urllib.parse import quote

from ..documents import MIB, convert, shown_clause
from ..errors import StzsarError
from ..results import Verdict
from . import schema
from .filters import EventFilter
from .record import MAX_ID, PARTS, Mark, Part, StoredEvent, packed, unpacked

FILE_NAME = "events.sqlite"
# How long a writer waits for another: `stzsar-events keep` beside a run.
BUSY_S = 5.0
MAX_VALUE_BYTES = MIB
# SQLite's messages quote names of a spoilt file, and Python decodes them.
STORE_ERRORS = (sqlite3.Error, UnicodeError)
_COLUMNS = tuple(field.name for field in dataclasses.fields(StoredEvent))


class EventStore:
    """The rows of events; `folder.EventFolder` has their files.

    Not for several threads at once. A row is on disk when a method returns.
    """

    def __init__(self, path: Path, *, create: bool = False) -> None:
        """Open a store.

        Args:
            path: the file.
            create: make it where it is missing, and look at all of it before a run relies on it.

        Raises:
            StzsarError: it is missing, of a newer version, damaged, or no store of events.
        """
        self._path = path
        if not create and not path.is_file():
            raise StzsarError(
                f"{path.parent} holds no events: name the folder that stzsar-run --events wrote."
            )
        try:
            mode = "rwc" if create else "rw"
            self._database = sqlite3.connect(
                f"file:{quote(str(path.absolute()))}?mode={mode}",
                uri=True,
                timeout=BUSY_S,
                isolation_level=None,
                check_same_thread=False,
            )
            if sys.version_info >= (3, 11):
                self._database.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, MAX_VALUE_BYTES)
            self._prepare(create=create)
        except STORE_ERRORS as error:
            raise unusable(path, error) from error

    def __enter__(self) -> "EventStore":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        self._database.close()

    def next_id(self) -> int:
        """Return a number that no event of this store ever had."""
        row = self._database.execute("SELECT seq FROM sqlite_sequence WHERE name = 'event'")
        last = (row.fetchone() or (0,))[0]
        if not isinstance(last, int) or not 0 <= last < MAX_ID:
            raise unusable(self._path, "it has no more numbers for events")
        return last + 1

    def begin(self, event: StoredEvent) -> None:
        """Add an event that has started; adding it again changes nothing, if it is still there."""
        values = {**dataclasses.asdict(event), "scores": packed(event.scores)}
        marks = ", ".join(f":{name}" for name in _COLUMNS)
        self._database.execute(
            f"INSERT INTO event ({', '.join(_COLUMNS)}) VALUES ({marks}) "
            "ON CONFLICT (id) DO NOTHING",
            values,
        )

    def follow(self, event: StoredEvent) -> bool:
        """Note how far an event has come, or that it has ended; False if it was deleted."""
        changed = self._database.execute(
            "UPDATE event SET end_s = ?, peak = ?, scores = ?, state = ? WHERE id = ?",
            (event.end_s, event.peak, packed(event.scores), event.state, event.id),
        )
        return changed.rowcount > 0

    def close_open(self) -> list[StoredEvent]:
        """Close the events of a run that was killed; return them as they are now."""
        with self._whole():
            left = self.find(EventFilter(state="open"))
            self._database.execute("UPDATE event SET state = 'cut' WHERE state = 'open'")
        return [dataclasses.replace(event, state="cut") for event in left]

    def set_file(self, id: int, part: Part, name: str | None, size_bytes: int = 0) -> bool:  # noqa: A002
        """Note that an event has a file of a kind, None that it has none; False if it is gone."""
        changed = self._database.execute(
            f"UPDATE event SET {part} = ?, {part}_bytes = ? WHERE id = ?", (name, size_bytes, id)
        )
        return changed.rowcount > 0

    def set_left_out(self, id: int, pictures: int) -> None:  # noqa: A002
        """Note how many pictures an event's clip lacks."""
        self._database.execute("UPDATE event SET left_out = ? WHERE id = ?", (pictures, id))

    def set_verdict(self, id: int, verdict: Verdict) -> None:  # noqa: A002
        """Note what a second look at an event said."""
        self._database.execute(
            "UPDATE event SET verdict = ?, verified_by = ?, verified_score = ?, said = ? "
            "WHERE id = ?",
            (verdict.answer, verdict.by, verdict.score, verdict.said, id),
        )

    def set_mark(self, id: int, mark: Mark | None) -> None:  # noqa: A002
        """Note what a person said of an event; None takes it back."""
        self._database.execute("UPDATE event SET mark = ? WHERE id = ?", (mark, id))

    def keep(self, ids: Sequence[int], *, kept: bool) -> None:
        """Make events favourites, or favourites no more."""
        with self._whole():
            self._database.executemany(
                "UPDATE event SET kept = ? WHERE id = ?", [(kept, id_) for id_ in ids]
            )

    def delete(self, ids: Sequence[int]) -> list[str]:
        """Remove rows, and give their space back to the disk; return the files that they named.

        A run may name another file until the row is gone, and none after: nobody misses one.
        """
        names: list[str] = []
        with self._whole():
            for id_ in ids:
                row = self._database.execute(
                    f"SELECT {', '.join(PARTS)} FROM event WHERE id = ?", (id_,)
                ).fetchone()
                names += [name for name in row or () if name]
                self._database.execute("DELETE FROM event WHERE id = ?", (id_,))
        self._database.execute("PRAGMA incremental_vacuum").fetchall()
        return names

    def get(self, id: int) -> StoredEvent | None:  # noqa: A002
        """Return the event with a number."""
        if id > MAX_ID:
            return None
        rows = self._database.execute(f"{_SELECT} WHERE id = ?", (id,))
        return next(map(self._event, rows), None)

    def find(self, wanted: EventFilter | None = None) -> list[StoredEvent]:
        """Return events, oldest first; with a limit, the newest of them."""
        where, values = (wanted or EventFilter()).sql()
        limit = wanted.limit if wanted else None
        order = "ORDER BY id" if limit is None else f"ORDER BY id DESC LIMIT {limit:d}"
        rows = self._database.execute(f"{_SELECT} {where} {order}", values)
        found = [self._event(row) for row in rows]
        return found if limit is None else found[::-1]

    def count_by(self, expression: str, wanted: EventFilter) -> dict[str, int]:
        """Return how many events there are for each value of an SQL expression."""
        where, values = wanted.sql()
        counts = dict(
            self._database.execute(
                f"SELECT {expression}, count(*) FROM event {where} GROUP BY 1 ORDER BY 1", values
            ).fetchall()
        )
        if not all(isinstance(value, str) for value in counts):
            raise unusable(self._path, "it is damaged")
        return counts

    def removable(
        self, part: Part | None, *, since: float | None = None, before: float | None = None
    ) -> list[tuple[int, int]]:
        """Return number and bytes of what may be removed, the first that was stored first.

        Numbers keep that order, whatever the clock did meanwhile.

        Args:
            part: a kind of file; None is whole rows.
            since: only of events from this time on, in seconds since 1970.
            before: only of events before this time.
        """
        where, values = EventFilter(since=since, until=before).sql()
        conditions = ["state != 'open'", "NOT kept", *([f"{part} IS NOT NULL"] if part else [])]
        where = f"{where} AND" if where else "WHERE"
        return self._database.execute(
            f"SELECT id, {f'{part}_bytes' if part else 0} FROM event "
            f"{where} {' AND '.join(conditions)} ORDER BY id",
            values,
        ).fetchall()

    def bytes_of(self, part: Part | None) -> int:
        """Return the size of all files of a kind; None is that of the rows."""
        if part:
            total = self._database.execute(f"SELECT sum({part}_bytes) FROM event").fetchone()[0]
            return int(total or 0)
        pages, free, size = (
            int(self._database.execute(f"PRAGMA {name}").fetchone()[0])
            for name in ("page_count", "freelist_count", "page_size")
        )
        return (pages - free) * size

    def files(self) -> dict[str, tuple[int, Part]]:
        """Return every file that a row names, with the row's number and the kind."""
        return {
            row[1 + index]: (row[0], part)
            for row in self._database.execute(f"SELECT id, {', '.join(PARTS)} FROM event")
            for index, part in enumerate(PARTS)
            if row[1 + index] is not None
        }

    def _prepare(self, *, create: bool) -> None:
        schema.bring_up_to_date(self._database, str(self._path), create=create)
        # Events are few, so each may wait for the disk: a power cut loses none.
        self._database.execute("PRAGMA synchronous = FULL")
        if create:
            for row in self._database.execute(_SELECT):
                self._event(row)

    def _event(self, row: Sequence[Any]) -> StoredEvent:
        values = dict(zip(_COLUMNS, row, strict=True))
        try:
            scores = unpacked(convert(values.pop("scores"), bytes))
            kept = convert(values.pop("kept"), int)
            found = convert(values, StoredEvent)
        except ValueError as error:  # a DocumentError is one
            where = f"event {values['id']!r:.20}"
            raise unusable(self._path, f"{where} is damaged, {error}") from error
        return dataclasses.replace(found, scores=scores, kept=bool(kept))

    @contextlib.contextmanager
    def _whole(self) -> Iterator[None]:
        self._database.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._database.execute("ROLLBACK")
            raise
        self._database.execute("COMMIT")


_SELECT = f"SELECT {', '.join(_COLUMNS)} FROM event"


def unusable(path: Path, why: object) -> StzsarError:
    """Return what says that a store cannot be used."""
    return StzsarError(
        f"The event store {path} cannot be used: {shown_clause(why)}. Name another folder."
    )
