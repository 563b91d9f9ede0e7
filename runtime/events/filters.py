"""Which events somebody asks for."""

from dataclasses import dataclass

from ..messages import VerdictAnswer
from .record import EventState


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
        ):
            if value is not None:
                clauses.append(clause)
                values.append(value)
        if self.kept:
            clauses.append("kept")
        return (f"WHERE {' AND '.join(clauses)}" if clauses else ""), values
