"""The sink that keeps events: it watches results and pictures, and has another thread write."""

import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..preprocessing.sampling import RateSampler
from ..results import ActionEvent, Duty, Message, Recognition, StreamState, Verdict
from ..sinks.queued import Queued, SinkCounters
from ..sinks.sink import Sink
from ..sinks.stills import Still
from ..sources.frames import Frame
from .folder import EventFolder
from .options import ClipPlan
from .retention import Limits, Retention
from .ring import FrameRing, Picture
from .stills import encoded
from .store import STORE_ERRORS, EventStore, unusable
from .watch import Watch
from .writing import (
    Began,
    Ended,
    EventWriting,
    Goes,
    Judged,
    Pictures,
    Stops,
    Sweep,
    Work,
    recovered,
)

log = logging.getLogger(__name__)

SWEEP_S = 60.0
# A file waits for its clips, but not for a disk that hangs.
PATIENCE_S = 2.0
# How often the writer hears that an event goes on, and how often its row is brought up to date.
TOLD_S, NOTED_S = 0.5, 10.0
# A stream may be so much behind its source that the ring needs more than the plan says.
_SLACK_S = 2.0


@dataclass(frozen=True)
class Evidence:
    """What a second look may look at.

    Attributes:
        id: the event's number in the store.
        pictures: as they were decoded, oldest first.
    """

    id: int
    pictures: tuple[Picture, ...]


class _Pictures:
    """The last pictures of a source, for all of its regions.

    Attributes:
        ring: the pictures.
        live: whether they come in real time.
        written: set while none of them waits for the thread that writes.
    """

    def __init__(self, ring: FrameRing) -> None:
        self.ring = ring
        self.live = True
        self.written = threading.Event()
        self.written.set()


class EventKeeper(Sink):
    """Stores events with stills and clips.

    `put` watches what is recognised, in the run's thread. `take` keeps the last seconds of each
    stream as JPEGs, in the threads of the feeds. Rows and files are written by a thread of the
    keeper's own, so a slow disk holds up no stream; a file waits for it.

    Attributes: see `sinks.sink.Sink`.
    """

    name = "events"

    def __init__(
        self,
        path: Path,
        *,
        addresses: Mapping[str, str],
        bundle: str,
        plan: ClipPlan | None = None,
        limits: Limits | None = None,
        idle: bool = False,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Open the store, close what a killed run left open, and apply the limits.

        Args:
            path: the folder; made where it is missing.
            addresses: where each source comes from, without secrets, by its name.
            bundle: sha256 of the bundle's manifest.
            plan: how clips are made.
            limits: what is kept.
            idle: hold no pictures of a stream that makes no events.
            clock: tells the time in seconds since 1970.

        Raises:
            StzsarError: another run writes into the folder, or it cannot be used.
        """
        self._folder = folder = EventFolder(path)
        self._plan = plan or ClipPlan()
        self._clock = clock
        lock = folder.lock()
        try:
            store = EventStore(folder.database, create=True)
            _say_recovered(store, folder)
            retention = Retention(store, folder, limits or Limits(), clock=clock)
            retention.sweep()
            self._next_id = store.next_id()
        except STORE_ERRORS as error:
            lock.close()
            raise unusable(folder.database, error) from error
        except BaseException:
            lock.close()
            raise
        share = self._plan.memory_bytes // max(1, len(addresses))
        seconds = self._plan.before_s + self._plan.late_s + _SLACK_S
        self._pictures = {source: _Pictures(FrameRing(seconds, share)) for source in addresses}
        self._watches: dict[tuple[str, str | None], Watch] = {}
        self._addresses, self._bundle = addresses, bundle
        self._samplers = {source: RateSampler(self._plan.rate_fps) for source in addresses}
        self._swept_s = time.monotonic()
        self._memory_is_said = False
        self._idle = idle
        self._resting: frozenset[str] = frozenset()
        self._writing = EventWriting(store, folder, lock, retention, self._plan)
        self._queue: Queued[Work] = Queued(self._writing)

    @property
    def folder(self) -> EventFolder:
        """Where events are kept."""
        return self._folder

    @property
    def plan(self) -> ClipPlan:
        """How clips are made."""
        return self._plan

    def tell_of_changes(self, told: Callable[[int], None]) -> None:
        """Have the writing thread call `told` with the number of each event that changes."""
        self._writing.on_change = told

    def moment(self, source: str, seconds: float) -> tuple[Picture, ...]:
        """Return the pictures of the last seconds of a source, oldest first; any thread may ask."""
        pictures = self._pictures.get(source)
        return pictures.ring.last(seconds) if pictures else ()

    @property
    def counters(self) -> SinkCounters:
        """Events and files that were written, pictures that clips lack, and what failed."""
        mine = self._writing.counters
        return SinkCounters(
            delivered=mine.delivered,
            dropped=mine.dropped,
            failed=mine.failed + self._queue.counters.failed,
        )

    def put(self, message: Message) -> None:
        """Follow what is recognised, and note starts and ends."""
        match message:
            case Recognition():
                self._see(message)
            case ActionEvent(event="start"):
                self._begin(message)
            case ActionEvent(event="end"):
                self._end(message)
            case Duty() if self._idle:
                others = self._resting - {message.source}
                self._resting = others if message.on else others | {message.source}
            case StreamState(state="lost" | "stalled" | "ended"):
                self._queue.offer(Stops(message.source), precious=True)
            case _:
                pass
        if time.monotonic() - self._swept_s > SWEEP_S:
            self._swept_s = time.monotonic()
            self._queue.offer(Sweep())

    def evidence(self, started: ActionEvent, back_s: Sequence[float]) -> Evidence | None:
        """Return pictures of an event whose start was just put; None without any.

        Args:
            started: the event.
            back_s: how long before the end of the last window that shows it each of them is to be,
                in seconds.
        """
        id_, until_s = self._watch(started).open_id, started.time_s + started.duration_s
        ring = self._pictures[started.source].ring
        found = tuple(filter(None, (ring.nearest(until_s - back) for back in back_s)))
        return Evidence(id_, found) if id_ is not None and found else None

    def judged(self, id: int, verdict: Verdict) -> None:  # noqa: A002
        """Note what a second look at an event said."""
        self._queue.offer(Judged(id, verdict), precious=True)

    def source_ended(self, source: str) -> None:
        """Complete the clips of a source."""
        self._queue.offer(Stops(source), precious=True)

    def close(self, timeout_s: float) -> None:
        """Complete what is being written, as far as `timeout_s` seconds allow."""
        self._queue.close(timeout_s)

    def still_of(self, event: ActionEvent) -> Still | None:
        """Return the best picture so far of an event that `put` has had; in the same thread."""
        watch = self._watches.get((event.source, event.region))
        if watch is None or watch.peak is None or watch.event is None:
            return None
        return Still(watch.peak.jpeg, self._folder.name_of(watch.event, "still"))

    def wants(self, source: str, time_s: float) -> bool:
        """Say whether a picture is one of those that clips show."""
        if source in self._resting and source not in self._writing.clips:
            return False
        sampler = self._samplers.get(source)
        return sampler is not None and sampler.due(time_s)

    def take(self, source: str, frame: Frame, *, live: bool) -> None:
        """Keep a picture for a while, and let the clips of its source go on."""
        pictures = self._pictures[source]
        pictures.live = live
        pictures.ring.add(frame.time_s, encoded(frame.image_hwc))
        if source in self._writing.clips:
            self._nudge(source)

    def _nudge(self, source: str) -> None:
        """Have the clips of a source written on; wait for that if it is a file."""
        pictures = self._pictures[source]
        if pictures.live and not pictures.written.is_set():
            return  # it has not done what it was asked for last
        pictures.written.clear()
        self._queue.offer(Pictures(source, pictures.written), precious=True)
        if not pictures.live:
            pictures.written.wait(PATIENCE_S)

    def _watch(self, of: Recognition | ActionEvent) -> Watch:
        key = of.source, of.region
        if key not in self._watches:
            self._watches[key] = Watch(
                self._pictures[of.source].ring,
                address=self._addresses[of.source],
                bundle=self._bundle,
                recent_s=self._plan.late_s,
            )
        return self._watches[key]

    def _see(self, found: Recognition) -> None:
        watch = self._watch(found)
        event = watch.see(found)
        if event and event.end_s - watch.told_s >= TOLD_S:
            is_noted = event.end_s - watch.noted_s >= NOTED_S
            watch.told_s = event.end_s
            if is_noted:
                watch.noted_s = event.end_s
            self._queue.offer(Goes(event, is_noted))

    def _begin(self, started: ActionEvent) -> None:
        watch, pictures = self._watch(started), self._pictures[started.source]
        id_, self._next_id = self._next_id, self._next_id + 1
        event = watch.begin(started, id_, recorded=self._clock())
        watch.told_s = watch.noted_s = event.end_s
        self._queue.offer(Began(event, watch.peak, pictures.ring), precious=True)
        if not pictures.live:
            self._nudge(started.source)
        self._warn_of_memory(pictures.ring, started)

    def _end(self, ended: ActionEvent) -> None:
        watch = self._watch(ended)
        if event := watch.end(ended):
            self._queue.offer(Ended(event, watch.peak), precious=True)

    def _warn_of_memory(self, ring: FrameRing, started: ActionEvent) -> None:
        if ring.forgotten_early and not self._memory_is_said:
            self._memory_is_said = True
            log.warning(
                "The memory for clips is too small, so that of %s begins late: raise "
                "--clip-memory, or lower --clip-rate or --before.",
                started.source,
            )


def _say_recovered(store: EventStore, folder: EventFolder) -> None:
    left_open, removed = recovered(store, folder)
    if left_open:
        count = f"{len(left_open)} events were" if len(left_open) > 1 else "one event was"
        log.warning(
            "The last run with %s was killed while %s open: closed where last seen.",
            folder.path,
            count,
        )
    if removed:
        log.info("%s: %d files that no event has were removed.", folder.path, removed)
