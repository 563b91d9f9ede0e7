"""What becomes of events on disk: rows, stills, clips and retention, in one thread."""

import contextlib
import errno
import logging
import sqlite3
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import IO

from ..errors import StzsarError
from ..results import Verdict
from ..sinks.queued import Patience, SinkCounters, TryAgainError
from .clip import Clip, ClipError
from .folder import EventFolder
from .options import ClipPlan
from .record import Part, StoredEvent
from .retention import Retention
from .ring import FrameRing
from .stills import Peak
from .store import EventStore

log = logging.getLogger(__name__)

_FULL = (errno.ENOSPC, errno.EDQUOT)
# A still, or the first part of a clip, needs about as much.
_ROOM_BYTES = 8 * 2**20


@dataclass(frozen=True)
class Began:
    """An event has started, with the best picture so far."""

    event: StoredEvent
    peak: Peak | None
    ring: FrameRing


@dataclass(frozen=True)
class Goes:
    """An event goes on, until `event.end_s` so far; `noted` says whether its row is to say so."""

    event: StoredEvent
    noted: bool


@dataclass(frozen=True)
class Ended:
    """An event has ended, with its best picture."""

    event: StoredEvent
    peak: Peak | None


@dataclass(frozen=True)
class Judged:
    """Somebody has taken a second look at an event."""

    id: int
    verdict: Verdict


@dataclass(frozen=True)
class Pictures:
    """There are new pictures for the clips of a source; `written` is set once they are written."""

    source: str
    written: threading.Event


@dataclass(frozen=True)
class Stops:
    """No more pictures of a source come for now: its clips are as long as they will be."""

    source: str


@dataclass(frozen=True)
class Sweep:
    """It is time to apply the limits."""


Work = Began | Goes | Ended | Judged | Pictures | Stops | Sweep


class EventWriting:
    """Writes events; only the queue's thread calls it.

    Attributes:
        name: what messages call it.
        counters: events and files that were written, pictures and clips that were not.
        clips: the clips that are being written, by their sources.
        on_change: called with the number of an event that is new or has changed.
    """

    name = "events"

    def __init__(
        self,
        store: EventStore,
        folder: EventFolder,
        lock: IO[bytes],
        retention: Retention,
        plan: ClipPlan,
    ) -> None:
        self.counters = SinkCounters()
        self.clips: dict[str, list[Clip]] = {}
        self.on_change: Callable[[int], None] = lambda _id: None
        self._store, self._folder, self._lock = store, folder, lock
        self._retention, self._plan = retention, plan
        self._full_is_said = False
        self._ended: set[int] = set()
        self._newest = 0  # the number of the event that began last
        # A run that ends writes the rows that wait first, and what takes longer in `finish`.
        self._rows_first = False
        self._late_stills: dict[int, tuple[StoredEvent, Peak]] = {}

    def deliver(self, item: Work, patience: Patience) -> None:
        """Do one piece of work.

        Raises:
            TryAgainError: the store cannot be written now.
        """
        self._rows_first = patience.closing
        try:
            self._do(item, patience)
        except sqlite3.OperationalError as error:
            # A full disk, or a `stzsar-events` that writes for longer than it should.
            self._make_room()
            raise TryAgainError(f"the store cannot be written: {error}", away=True) from error

    def finish(self, patience: Patience) -> None:
        """Complete stills and clips, as far as there is time, and release the folder."""
        self._rows_first = False
        try:
            for event, peak in self._late_stills.values():
                if not patience.over:
                    self._write_stills(event, peak)
            for source in list(self.clips):
                self._advance(source, patience, stops=True)
        finally:
            self._store.close()
            self._lock.close()

    def _do(self, item: Work, patience: Patience) -> None:
        match item:
            case Began(event, peak, ring):
                if event.id > self._newest:
                    self._store.begin(event)
                    # What is tried again must not bring back a row that was deleted meanwhile.
                    self._newest = event.id
                    self.counters.delivered += 1
                    self.on_change(event.id)
                self._write_stills(event, peak)
                self._begin_clip(event, ring)
                self._advance(event.source, patience)
            case Goes(event, noted):
                if noted and not self._store.follow(event):
                    self._forget(event)
                self._extend(event)
            case Ended(event, peak):
                if self._store.follow(event):
                    self.on_change(event.id)
                    if self._extend(event):
                        self._ended.add(event.id)
                    self._write_stills(event, peak)
                else:
                    self._forget(event)
                self._advance(event.source, patience)
            case Judged(id_, verdict):
                self._store.set_verdict(id_, verdict)
                self.on_change(id_)
            case Pictures(source, written):
                try:
                    self._advance(source, patience)
                finally:
                    written.set()
            case Stops(source):
                self._advance(source, patience, stops=True)
            case Sweep():
                removed = self._retention.sweep()
                self._say_full(removed.for_room)

    def _write_stills(self, event: StoredEvent, peak: Peak | None) -> None:
        if peak is None:
            return
        if self._rows_first:
            self._late_stills[event.id] = event, peak
            return
        self._write_still(event, "still", peak.jpeg)
        self._write_still(event, "annotated", peak.annotated())

    def _write_still(self, event: StoredEvent, part: Part, data: bytes) -> None:
        try:
            name, size = self._with_room(lambda: self._folder.write(event, part, data))
        except OSError as error:
            return self._failed(f"the still of event {event.id}: {error.strerror}")
        self._name_file(event, part, name, size)
        return None

    def _name_file(self, event: StoredEvent, part: Part, name: str, size: int) -> bool:
        """Add a whole file to its event; remove it if the event was deleted meanwhile."""
        if self._store.set_file(event.id, part, name, size):
            self.counters.delivered += 1
            self.on_change(event.id)
            return True
        self._folder.remove(name)
        return False

    def _forget(self, event: StoredEvent) -> None:
        """Drop the clip of an event that was deleted."""
        for clip in tuple(self.clips.get(event.source, ())):
            if clip.event.id == event.id:
                self._drop(clip)
                clip.discard()

    def _begin_clip(self, event: StoredEvent, ring: FrameRing) -> None:
        from_s = event.start_s - self._plan.before_s
        try:
            path = self._folder.begin_clip(event)
        except OSError as error:
            return self._failed(f"the clip of event {event.id} cannot begin: {error.strerror}")
        clip = Clip(event, path, ring, from_s=from_s, fps=self._plan.rate_fps)
        clip.extend(event.end_s + self._plan.after_s)
        self.clips.setdefault(event.source, []).append(clip)
        return None

    def _extend(self, event: StoredEvent) -> bool:
        """Let the clip of an event go on; return whether there is one."""
        for clip in self.clips.get(event.source, ()):
            if clip.event.id == event.id:
                clip.event = event
                clip.extend(event.end_s + self._plan.after_s)
                return True
        return False

    def _advance(self, source: str, patience: Patience, *, stops: bool = False) -> None:
        """Write the new pictures of a source, and complete the clips that have all of theirs."""
        if self._rows_first:
            return
        is_last = stops and patience.closing
        for clip in tuple(self.clips.get(source, ())):
            try:
                while clip.advance():
                    if patience.over:
                        break
                    if patience.closing and not is_last:
                        return
                has_ended = clip.event.id in self._ended
                if stops or (has_ended and clip.is_complete):
                    self._complete(clip)
            except StzsarError as error:
                self._drop(clip)
                clip.discard()
                self._failed(str(error).rstrip("."))
                if isinstance(error, ClipError):
                    self._make_room()

    def _complete(self, clip: Clip) -> None:
        self._drop(clip)
        if not clip.finish():
            return None
        try:
            name, size = self._with_room(lambda: self._folder.land_clip(clip.event, clip.path))
        except OSError as error:
            clip.discard()
            return self._failed(f"the clip of event {clip.event.id}: {error.strerror}")
        if self._name_file(clip.event, "clip", name, size) and clip.left_out:
            self._store.set_left_out(clip.event.id, clip.left_out)
            self.counters.dropped += clip.left_out
        return None

    def _drop(self, clip: Clip) -> None:
        clips = self.clips[clip.event.source]
        clips.remove(clip)
        self._ended.discard(clip.event.id)
        if not clips:
            del self.clips[clip.event.source]

    def _with_room(self, write: Callable[[], tuple[str, int]]) -> tuple[str, int]:
        try:
            return write()
        except OSError as error:
            if error.errno not in _FULL or not self._make_room():
                raise
        return write()

    def _make_room(self) -> int:
        with contextlib.suppress(sqlite3.OperationalError, OSError):
            removed = self._retention.make_room(_ROOM_BYTES)
            self._say_full(removed)
            return removed
        return 0

    def _say_full(self, removed: int) -> None:
        if removed and not self._full_is_said:
            self._full_is_said = True
            log.warning(
                "The disk of %s is nearly full: the oldest clips and stills are removed to make "
                "room, favourites stay.",
                self._folder.path,
            )

    def _failed(self, what: str) -> None:
        self.counters.failed += 1
        log.warning("%s: %s; the run goes on.", self.name, what)


def recovered(store: EventStore, folder: EventFolder) -> tuple[list[StoredEvent], int]:
    """Close what a killed run left open, and remove what it left half; return both."""
    return store.close_open(), folder.reconcile(store)
