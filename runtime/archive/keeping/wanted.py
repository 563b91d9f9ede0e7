"""Which rows of an archive: those of streams, and of a time."""

from dataclasses import dataclass

from ...errors import StzsarError
from ..store.opening import quoted
from .tables import Tables


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """Which rows; nothing given is all of them.

    Attributes:
        streams: of these streams.
        since: from this moment, in seconds since 1970; files have none, and so no row of one fits.
        until: before this moment.
    """

    streams: tuple[str, ...] = ()
    since: float | None = None
    until: float | None = None

    def __post_init__(self) -> None:
        """Refuse a time that ends before it begins.

        Raises:
            StzsarError: it does.
        """
        if self.since is not None and self.until is not None and self.until <= self.since:
            raise StzsarError("--until is not after --since: no moment lies between them.")

    @property
    def has_time(self) -> bool:
        """Whether only a time is wanted."""
        return self.since is not None or self.until is not None

    def where(self, *, timed: bool = True) -> str | None:
        """Return the condition on rows that have a stream and a clock; None is all.

        Args:
            timed: whether the rows have a clock.
        """
        parts: list[str] = []
        if self.streams:
            parts.append(f"stream IN ({', '.join(map(quoted, self.streams))})")
        if timed and self.has_time:
            parts.append("clock IS NOT NULL")
        if timed and self.since is not None:
            parts.append(f"clock >= {self.since!r}")
        if timed and self.until is not None:
            parts.append(f"clock < {self.until!r}")
        return " AND ".join(parts) or None


def check_streams(tables: Tables, streams: tuple[str, ...]) -> None:
    """Refuse streams that an archive does not know.

    Raises:
        StzsarError: it has no such stream.
    """
    known = {
        row["stream"]
        for name in ("stretches", "videos", "frames", "stills")
        for row in tables.rows(name, columns=["stream"])
    }
    for stream in streams:
        if stream not in known:
            some = ", ".join(sorted(known)[:5]) or "none"
            raise StzsarError(
                f"The archive has no stream {stream!r:.80}: it has {len(known)}, among them {some}."
            )
