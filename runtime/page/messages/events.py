"""Kept events, as the page's server sends them and is asked for them."""

from typing import Annotated, Literal

from msgspec import UNSET, Meta, UnsetType

from ...documents import FiniteFloat
from .run import MAX_WATCHED, Mark, Name, Said


class EventRow(Said, frozen=True, kw_only=True):
    """An event of the store, see docs/kept-events.md.

    Attributes:
        id: its number.
        source: the file, stream or camera.
        region: the part of the picture where it is.
        label: the action.
        time: its start; null of a file.
        recorded: when it was stored.
        start_s: its start, in seconds since the source's first frame.
        end_s: its end, likewise.
        duration_s: how long it lasted.
        peak: its best score.
        state: whether it has ended.
        kept: whether it is a favourite.
        mark: what a person said.
        priority: how urgent it is; null is normal.
        clip: whether there is a clip.
        still: whether there is a picture.
        annotated: whether there is one with the result on it.
        left_out: pictures that the clip lacks.
        verdict: what a second look said.
        verified_by: who looked.
        said: what they said.
        scores: seconds since the start and the score then; only of a single event.
    """

    id: int
    source: str
    region: str | None
    label: str
    time: float | None
    recorded: float
    start_s: float
    end_s: float
    duration_s: float
    peak: float
    state: Literal["open", "ended", "cut"]
    kept: bool
    mark: Mark | None
    priority: str | None
    clip: bool
    still: bool
    annotated: bool
    left_out: int
    verdict: Literal["yes", "no", "unverified"] | None
    verified_by: str | None
    said: str | None
    scores: tuple[tuple[float, float], ...] = ()


class EventList(Said, frozen=True, kw_only=True):
    """Events, newest first.

    Attributes:
        events: they.
        more: whether there are older ones.
    """

    events: tuple[EventRow, ...]
    more: bool


class EventCounts(Said, frozen=True, kw_only=True):
    """How many events there are."""

    label: dict[str, int]
    hour: dict[str, int]
    stream: dict[str, int]


class EventChange(Said, frozen=True, kw_only=True):
    """What a person says of an event.

    Attributes:
        mark: whether it was what it was taken for; null takes a mark back.
        kept: make it a favourite, or none.
    """

    mark: Mark | UnsetType | None = UNSET
    kept: bool | UnsetType = UNSET


class EventQuery(Said, frozen=True, kw_only=True):
    """Which events: those that fulfil every condition.

    Attributes:
        stream: from these streams.
        label: with these labels.
        region: in these regions.
        since: at this time or later.
        until: before this time.
        min_peak: with at least this score.
        kept: favourites.
        mark: marked so.
        verdict: with this answer of a second look.
        text: with these words in label, stream, region or answer.
        before: with a smaller number.
        limit: at most so many.
    """

    stream: Annotated[tuple[Name, ...], Meta(max_length=MAX_WATCHED)] = ()
    label: Annotated[tuple[Name, ...], Meta(max_length=MAX_WATCHED)] = ()
    region: Annotated[tuple[Name, ...], Meta(max_length=MAX_WATCHED)] = ()
    since: FiniteFloat | None = None
    until: FiniteFloat | None = None
    min_peak: FiniteFloat | None = None
    kept: bool = False
    mark: Mark | None = None
    verdict: Literal["yes", "no", "unverified"] | None = None
    text: Annotated[str, Meta(max_length=200)] = ""
    before: Annotated[int, Meta(ge=1, le=2**53)] | None = None
    limit: Annotated[int, Meta(ge=1, le=500)] = 50


class ExportQuery(EventQuery, frozen=True, kw_only=True):
    """Which events, in which form.

    Attributes:
        format: the form.
    """

    format: Literal["csv", "json", "parquet"] = "csv"


class EventPath(Said, frozen=True, kw_only=True):
    """Which event."""

    id: Annotated[int, Meta(ge=1, le=2**53)]
