"""Kept events: what there is, their files, and what people say of them."""

from collections.abc import Callable
from functools import partial

from starlette.responses import FileResponse, Response

from ...errors import StzsarError
from ...events.export import exported
from ...events.filters import EventFilter
from ...events.folder import EventFolder
from ...events.questions import ChangeOptions, FindOptions, count, delete, find, get, keep, mark
from ...events.record import Part, StoredEvent
from ..messages.events import (
    EventChange,
    EventCounts,
    EventList,
    EventPath,
    EventQuery,
    EventRow,
    ExportQuery,
)
from ..refusal import RefusalError
from .endpoints import Asked, Endpoint

NO_EVENTS = "This run keeps no events: start stzsar-run with --events DIR."
# Rows that an export may hold at most: they are in memory together.
MOST_EXPORTED = 100_000
_KINDS: dict[str, str] = {
    "csv": "text/csv; charset=utf-8",
    "json": "application/json",
    "parquet": "application/vnd.apache.parquet",
}
_PICTURE, _VIDEO = "image/jpeg", "video/mp4"


class KeptEvents:
    """Answers questions about the events of a folder, from any thread.

    Args:
        folder: where they are; None where none are kept.
        on_change: called with the number of an event that somebody changed.
    """

    def __init__(self, folder: EventFolder | None, on_change: Callable[[int], None]) -> None:
        self._folder, self._on_change = folder, on_change

    @property
    def folder(self) -> EventFolder:
        """Where they are.

        Raises:
            RefusalError: none are kept.
        """
        if self._folder is None:
            raise RefusalError(409, NO_EVENTS)
        return self._folder

    def list(self, asked: EventQuery) -> EventList:
        """Return events, newest first."""
        found = self._found(asked, asked.limit + 1)[::-1]
        return EventList(
            events=tuple(row_of(event) for event in found[: asked.limit]),
            more=len(found) > asked.limit,
        )

    def counts(self, asked: EventQuery) -> EventCounts:
        """Return how many there are."""
        options = FindOptions(folder=self.folder.path, wanted=_filter(asked, None))
        return EventCounts(**count(options))

    def one(self, id: int) -> EventRow:  # noqa: A002
        """Return one event with its scores."""
        return row_of(self._get(id), scores=True)

    def file(self, part: Part, id: int) -> Response:  # noqa: A002
        """Return a file of an event, or the part of it that is asked for."""
        name = getattr(self._get(id), part)
        path = self.folder.file_of(name) if name else None
        if path is None:
            raise RefusalError(404, f"Event {id} has no {part}: look at the event itself.")
        try:
            if part != "clip":
                # A still is replaced while its event goes on: its length and what is sent are one.
                return Response(path.read_bytes(), media_type=_PICTURE)
            return FileResponse(path, media_type=_VIDEO, stat_result=path.stat())
        except OSError:
            raise RefusalError(404, f"The {part} of event {id} is gone.") from None

    def export(self, asked: ExportQuery) -> Response:
        """Return events as a file."""
        content = exported(self._found(asked, MOST_EXPORTED), asked.format)
        names = {"Content-Disposition": f'attachment; filename="events.{asked.format}"'}
        return Response(content, headers=names, media_type=_KINDS[asked.format])

    def change(self, id: int, asked: EventChange) -> EventRow:  # noqa: A002
        """Note what a person says of an event."""
        self._get(id)
        folder = self.folder.path
        if isinstance(asked.kept, bool):
            keep(ChangeOptions(folder=folder, ids=(id,), undo=not asked.kept))
        if asked.mark is None or isinstance(asked.mark, str):
            mark(folder, id, asked.mark)
        self._on_change(id)
        return self.one(id)

    def delete(self, id: int) -> None:  # noqa: A002
        """Remove an event with its files."""
        if self._get(id).state == "open":
            raise RefusalError(409, f"Event {id} has not ended yet: delete it afterwards.")
        delete(ChangeOptions(folder=self.folder.path, ids=(id,)))
        self._on_change(id)

    def _get(self, id: int) -> StoredEvent:  # noqa: A002
        folder = self.folder.path
        try:
            return get(folder, id)
        except StzsarError as error:
            raise RefusalError(404, f"There is no event {id} (any more).") from error

    def _found(self, asked: EventQuery, limit: int) -> "list[StoredEvent]":
        return find(FindOptions(folder=self.folder.path, wanted=_filter(asked, limit)))


def event_endpoints(events: KeptEvents) -> list[Endpoint]:
    """Return the endpoints of kept events."""

    def file(part: Part, asked: Asked) -> Response:
        return events.file(part, asked.path.id)

    files = [
        Endpoint(
            method="GET",
            path=f"/api/events/{{id}}/{name}",
            summary=f"Give the {what} of an event.",
            answer=partial(file, part),
            path_type=EventPath,
            returns=_VIDEO if part == "clip" else _PICTURE,
            errors=(404, 409),
            slow=True,
        )
        for name, part, what in _FILES
    ]
    return [
        Endpoint(
            method="GET",
            path="/api/events",
            summary="Give events, newest first.",
            answer=lambda asked: events.list(asked.query),
            query=EventQuery,
            returns=EventList,
            errors=(409, 422),
            slow=True,
        ),
        Endpoint(
            method="GET",
            path="/api/events/counts",
            summary="Count events by label, by hour of the day and by stream.",
            answer=lambda asked: events.counts(asked.query),
            query=EventQuery,
            returns=EventCounts,
            errors=(409, 422),
            slow=True,
        ),
        Endpoint(
            method="GET",
            path="/api/events/export",
            summary="Give events as a file.",
            answer=lambda asked: events.export(asked.query),
            query=ExportQuery,
            returns=tuple(kind.partition(";")[0] for kind in _KINDS.values()),
            errors=(409, 422),
            slow=True,
        ),
        Endpoint(
            method="GET",
            path="/api/events/{id}",
            summary="Give an event, with its scores over time.",
            answer=lambda asked: events.one(asked.path.id),
            path_type=EventPath,
            returns=EventRow,
            errors=(404, 409),
            slow=True,
        ),
        Endpoint(
            method="PATCH",
            path="/api/events/{id}",
            summary="Say that an event is right or wrong, or make it a favourite.",
            answer=lambda asked: events.change(asked.path.id, asked.body),
            needs="change",
            path_type=EventPath,
            body=EventChange,
            returns=EventRow,
            errors=(404, 409, 422),
            slow=True,
        ),
        Endpoint(
            method="DELETE",
            path="/api/events/{id}",
            summary="Delete an event with its files.",
            answer=lambda asked: events.delete(asked.path.id),
            needs="change",
            path_type=EventPath,
            errors=(404, 409, 422),
            slow=True,
        ),
        *files,
    ]


_FILES: tuple[tuple[str, Part, str], ...] = (
    ("still", "still", "picture"),
    ("annotated", "annotated", "picture with the result on it"),
    ("clip", "clip", "clip, or a range of it"),
)


def row_of(event: StoredEvent, *, scores: bool = False) -> EventRow:
    """Return an event of the store as people get it: without addresses and names of files."""
    return EventRow(
        id=event.id,
        source=event.source,
        region=event.region,
        label=event.label,
        time=event.time,
        recorded=event.recorded,
        start_s=round(event.start_s, 3),
        end_s=round(event.end_s, 3),
        duration_s=round(event.duration_s, 3),
        peak=round(event.peak, 4),
        state=event.state,
        kept=event.kept,
        mark=event.mark,
        priority=event.priority,
        clip=event.clip is not None,
        still=event.still is not None,
        annotated=event.annotated is not None,
        left_out=event.left_out,
        verdict=event.verdict,
        verified_by=event.verified_by,
        said=event.said,
        scores=event.scores if scores else (),
    )


def _filter(asked: EventQuery, limit: int | None) -> EventFilter:
    return EventFilter(
        streams=asked.stream,
        labels=asked.label,
        regions=asked.region,
        since=asked.since,
        until=asked.until,
        min_peak=asked.min_peak,
        kept=asked.kept,
        mark=asked.mark,
        verdict=asked.verdict,
        text=asked.text,
        before_id=asked.before,
        limit=limit,
    )
