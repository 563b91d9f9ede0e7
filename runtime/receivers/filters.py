"""What a sink gets: the one filter of all sinks, and the sink that applies it."""

import dataclasses
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from ..errors import StzsarError
from ..messages import PRIORITIES, Priority
from ..results import ActionEvent, Message, Overload, Recognition
from ..schedule import Schedule
from ..sinks.queued import SinkCounters
from ..sinks.sink import Sink

# Kinds of messages; states are those of streams, of their duties and of the load.
Kind = Literal["start", "repeat", "end", "states", "results"]
EVERYTHING: tuple[Kind, ...] = ("start", "repeat", "end", "states", "results")


@dataclass(frozen=True, kw_only=True)
class Filter:
    """What a sink gets; what is left empty excludes nothing.

    A start whose peak is still too low is told as soon as it is not. What goes on and what ends is
    told where the start was.

    Attributes:
        send: these kinds of messages.
        streams: of these streams.
        labels: events of these labels, and results that decide on them.
        regions: events and results of these regions.
        min_peak: events whose best score reaches this, and results whose score does.
        min_priority: events that are as urgent as this.
        schedule: events and results within it.
    """

    send: tuple[Kind, ...] = EVERYTHING
    streams: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    regions: tuple[str, ...] = ()
    min_peak: float = 0.0
    min_priority: Priority = "low"
    schedule: Schedule | None = None

    def __post_init__(self) -> None:
        """Refuse what would let nothing through.

        Raises:
            StzsarError: nothing is to be sent, or the peak is no score.
        """
        if not self.send:
            raise StzsarError(f"A sink is to send nothing: name some of {', '.join(EVERYTHING)}.")
        if not 0 <= self.min_peak <= 1:
            raise StzsarError(f"A sink's min_peak is {self.min_peak!r}: give 0 to 1.")

    def takes_place(self, found: Recognition | ActionEvent) -> bool:
        """Say whether the stream and the region are among those that are wanted."""
        return self.takes_stream(found.source) and self.takes_region(found.region)

    def takes_stream(self, source: str) -> bool:
        """Say whether a stream is among those that are wanted."""
        return not self.streams or source in self.streams

    def takes_region(self, region: str | None) -> bool:
        """Say whether a region, or with None the whole picture, is among those that are wanted."""
        return not self.regions or region in self.regions

    def takes_label(self, label: str | None) -> bool:
        """Say whether a label is among those that are wanted."""
        return not self.labels or label in self.labels

    def takes_priority(self, priority: Priority | None) -> bool:
        """Say whether something is urgent enough."""
        return PRIORITIES.index(priority or "normal") >= PRIORITIES.index(self.min_priority)

    def takes_now(self, now: float) -> bool:
        """Say whether anything is wanted at a moment, in seconds since 1970."""
        return self.schedule is None or self.schedule.covers(now)


class Filtered(Sink):
    """Passes on what a filter lets through.

    Attributes: see `sink.Sink`; `counters` are those of the sink behind it.
    """

    def __init__(
        self, sink: Sink, wanted: Filter, *, clock: Callable[[], float] = time.time
    ) -> None:
        self.name, self.sink = sink.name, sink
        self._wanted, self._clock = wanted, clock
        # By stream and region: starts that are not told yet, and labels whose starts are.
        self._held: dict[tuple[str, str | None], ActionEvent] = {}
        self._told: dict[tuple[str, str | None], str] = {}

    @property
    def counters(self) -> SinkCounters | None:
        """What became of the messages that went through."""
        return getattr(self.sink, "counters", None)

    def put(self, message: Message) -> None:
        """Take a message, and pass it on if it is wanted."""
        if isinstance(message, Recognition):
            self._see(message)
        elif isinstance(message, ActionEvent):
            self._follow(message)
        elif "states" in self._wanted.send and (
            isinstance(message, Overload) or self._wanted.takes_stream(message.source)
        ):
            self.sink.put(message)

    def source_ended(self, source: str) -> None:
        """Tell the sink."""
        self.sink.source_ended(source)

    def close(self, timeout_s: float) -> None:
        """Close the sink."""
        self.sink.close(timeout_s)

    def _see(self, found: Recognition) -> None:
        wanted = self._wanted
        held = self._held.get((found.source, found.region))
        if held and found.decision == held.label:
            score = next((one.score for one in found.top if one.label == held.label), 0.0)
            if score >= wanted.min_peak:
                self._tell(dataclasses.replace(held, peak=score))
        if (
            "results" in wanted.send
            and wanted.takes_place(found)
            and wanted.takes_label(found.decision)
            and found.score >= wanted.min_peak
            and wanted.takes_now(self._clock())
        ):
            self.sink.put(found)

    def _follow(self, event: ActionEvent) -> None:
        place, wanted = (event.source, event.region), self._wanted
        if event.event == "start":
            self._told.pop(place, None)
            if (
                wanted.takes_place(event)
                and wanted.takes_label(event.label)
                and wanted.takes_priority(event.priority)
                and wanted.takes_now(self._clock())
            ):
                self._held[place] = event
                if event.peak >= wanted.min_peak:
                    self._tell(event)
            return
        was_told = self._told.get(place) == event.label
        if event.event == "end":
            self._held.pop(place, None)
            self._told.pop(place, None)
        elif not wanted.takes_now(self._clock()):
            return
        if was_told:
            self._send(event)

    def _tell(self, start: ActionEvent) -> None:
        place = start.source, start.region
        self._held.pop(place, None)
        self._told[place] = start.label
        self._send(start)

    def _send(self, event: ActionEvent) -> None:
        if event.event in self._wanted.send:
            self.sink.put(event)
