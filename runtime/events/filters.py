"""Which events somebody asks for."""

import re
from dataclasses import dataclass

from ..messages import Priority, VerdictAnswer
from .record import EventState, Mark

_SEARCHED = tuple(f"{name} LIKE ? ESCAPE '\\'" for name in ("label", "source", "region", "said"))


@dataclass(frozen=True, kw_only=True)
class EventFilter:
    """Events that fulfil every condition; None is none.

    Attributes:
        streams: their sources are among these.
        labels: their labels are among these.
        regions: their regions are among these.
        since: they happened at this time or later, in seconds since 1970.
        until: they happened before this time.
        min_peak: their best score is at least this.
        kept: they are favourites.
        state: their state.
        verdict: what a second look said.
        mark: what a person said.
        priority: how urgent they are; those of labels without a rule are "normal".
        text: these words are in their label, source, region or in what was said of them.
        before_id: their numbers are smaller.
        limit: the newest so many of them.
    """

    streams: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    regions: tuple[str, ...] = ()
    since: float | None = None
    until: float | None = None
    min_peak: float | None = None
    kept: bool = False
    state: EventState | None = None
    verdict: VerdictAnswer | None = None
    mark: Mark | None = None
    priority: Priority | None = None
    text: str = ""
    before_id: int | None = None
    limit: int | None = None

    def sql(self) -> tuple[str, list[str | float]]:
        """Return a WHERE clause and its values."""
        clauses: list[str] = []
        values: list[str | float] = []
        for column, among in (
            ("source", self.streams),
            ("label", self.labels),
            ("region", self.regions),
        ):
            if among:
                clauses.append(f"{column} IN ({', '.join('?' * len(among))})")
                values += among
        for clause, value in (
            ("coalesce(time, recorded) >= ?", self.since),
            ("coalesce(time, recorded) < ?", self.until),
            ("peak >= ?", self.min_peak),
            ("state = ?", self.state),
            ("verdict = ?", self.verdict),
            ("mark = ?", self.mark),
            ("coalesce(priority, 'normal') = ?", self.priority),
            ("id < ?", self.before_id),
        ):
            if value is not None:
                clauses.append(clause)
                values.append(value)
        for word in self.text.split():
            like = re.sub(r"([\\%_])", r"\\\1", word)
            clauses.append(f"({' OR '.join(_SEARCHED)})")
            values += [f"%{like}%"] * len(_SEARCHED)
        if self.kept:
            clauses.append("kept")
        return (f"WHERE {' AND '.join(clauses)}" if clauses else ""), values
