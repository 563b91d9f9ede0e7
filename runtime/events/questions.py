"""What stzsar-events does with a store: questions about it, and favourites."""

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from ..errors import StzsarError
from .filters import EventFilter
from .folder import EventFolder
from .record import Mark, StoredEvent
from .retention import Limits, Removed, Retention
from .store import STORE_ERRORS, EventStore, unusable

Grouping = Literal["label", "hour", "stream"]
GROUPINGS: dict[Grouping, str] = {
    "label": "label",
    "hour": "strftime('%H', coalesce(time, recorded), 'unixepoch', 'localtime')",
    "stream": "source",
}


@dataclass(frozen=True, kw_only=True)
class FindOptions:
    """Which events of which folder.

    Attributes:
        folder: what `stzsar-run --events` wrote, perhaps while it still does.
        wanted: the conditions.
    """

    folder: Path
    wanted: EventFilter = field(default_factory=EventFilter)


@dataclass(frozen=True, kw_only=True)
class ChangeOptions:
    """Events to change.

    Attributes:
        folder: what `stzsar-run --events` wrote, perhaps while it still does.
        ids: their numbers.
        undo: make them favourites no more.
    """

    folder: Path
    ids: Sequence[int]
    undo: bool = False


def find(options: FindOptions) -> list[StoredEvent]:
    """Return the events, oldest first.

    Raises:
        StzsarError: there is no store, or it cannot be used.
    """
    with _opened(options.folder) as store:
        return store.find(options.wanted)


def get(folder: Path, id: int) -> StoredEvent:  # noqa: A002
    """Return the event with a number.

    Raises:
        StzsarError: there is no such store or event.
    """
    with _opened(folder) as store:
        return _existing(store, ChangeOptions(folder=folder, ids=(id,)))[0]


def count(options: FindOptions) -> dict[Grouping, dict[str, int]]:
    """Return how many events there are for each label, each hour of the day and each stream.

    Raises:
        StzsarError: there is no store, or it cannot be used.
    """
    with _opened(options.folder) as store:
        return {
            name: store.count_by(expression, options.wanted)
            for name, expression in GROUPINGS.items()
        }


def keep(options: ChangeOptions) -> None:
    """Make events favourites, which no retention removes, or undo that.

    Raises:
        StzsarError: there is no such store or event.
    """
    with _opened(options.folder) as store:
        _existing(store, options)
        store.keep(options.ids, kept=not options.undo)


def mark(folder: Path, id: int, mark: Mark | None) -> None:  # noqa: A002
    """Note what a person said of an event; None takes it back.

    Raises:
        StzsarError: there is no such store or event.
    """
    with _opened(folder) as store:
        _existing(store, ChangeOptions(folder=folder, ids=(id,)))
        store.set_mark(id, mark)


def delete(options: ChangeOptions) -> Removed:
    """Remove events with their clips and stills, favourites too.

    Raises:
        StzsarError: there is no such store or event, or one has not ended.
    """
    with _opened(options.folder) as store:
        for event in _existing(store, options):
            if event.state == "open":
                raise StzsarError(f"Event {event.id} has not ended yet: delete it afterwards.")
        removed = Removed()
        Retention(store, EventFolder(options.folder), Limits()).delete(options.ids, removed)
        return removed


@contextlib.contextmanager
def _opened(folder: Path) -> Iterator[EventStore]:
    database = EventFolder(folder).database
    with EventStore(database) as store:
        try:
            yield store
        except STORE_ERRORS as error:
            raise unusable(database, error) from error


def _existing(store: EventStore, options: ChangeOptions) -> list[StoredEvent]:
    found = {id_: store.get(id_) for id_ in options.ids}
    missing = [str(id_) for id_, event in found.items() if event is None]
    if missing:
        raise StzsarError(
            f"{options.folder} has no event {', '.join(missing)}: stzsar-events list shows which "
            "there are."
        )
    return [event for event in found.values() if event]
