"""What a run does, counted as Prometheus has it; who serves it is elsewhere."""

import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import get_args

import prometheus_client as client
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import choose_encoder

from ... import __version__
from ..results import (
    SCHEMA_VERSION,
    ActionEvent,
    Duty,
    Message,
    Overload,
    Recognition,
    StreamCondition,
)
from .queued import SinkCounters

StreamCounters = Callable[[], Mapping[str, Mapping[str, int]]]
SinksCounters = Callable[[], Mapping[str, SinkCounters]]

# Streams beyond these are counted under OTHER, so that names from outside cannot fill the memory.
MAX_STREAMS = 1000
OTHER = "(other)"
STATES: tuple[str, ...] = get_args(StreamCondition)
AGE_BUCKETS_S = (0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0)
ROUND_BUCKETS_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)
BATCH_BUCKETS = (1, 2, 4, 8, 16, 32)
# A metric each, as encoded frames are sampled ones and these were read: a sum would mean nothing.
STREAM_COUNTERS = {
    "read": ("stzsar_frames_read", "Frames read from the source."),
    "sampled": ("stzsar_frames_sampled", "Frames due at the sampling rate, of those read."),
    "dropped": ("stzsar_frames_dropped", "Sampled frames that a newer one replaced, unseen."),
    "encoded": ("stzsar_frames_encoded", "Sampled frames that the network encoded."),
    "connections": ("stzsar_connections", "Times that the source was opened."),
}


class Metrics:
    """The metrics, in a registry of their own: the library's belongs to whoever imports us."""

    def __init__(self, counters: StreamCounters, sinks: SinksCounters) -> None:
        self._counters, self._sinks = counters, sinks
        self._known: set[str] = set()
        registry = client.CollectorRegistry()
        self._results = client.Counter("stzsar_results", "Results.", ["stream"], registry=registry)
        self._events = client.Counter(
            "stzsar_events", "Starts and ends of actions.", ["stream", "event"], registry=registry
        )
        self._duty = client.Gauge(
            "stzsar_stream_on_duty",
            "0 for a stream that makes no events: it is switched off, or outside its schedule.",
            ["stream"],
            registry=registry,
        )
        self._age = client.Histogram(
            "stzsar_result_age_seconds",
            "From the capture of a window's last frame to the decision; live streams only.",
            ["stream"],
            buckets=AGE_BUCKETS_S,
            registry=registry,
        )
        self._round = client.Histogram(
            "stzsar_round_seconds",
            "Time to encode a batch of frames and to score their windows.",
            buckets=ROUND_BUCKETS_S,
            registry=registry,
        )
        self._batch = client.Histogram(
            "stzsar_round_frames",
            "Frames encoded in one batch.",
            buckets=BATCH_BUCKETS,
            registry=registry,
        )
        self._state = client.Gauge(
            "stzsar_stream_state",
            "1 for the state that a stream is in, 0 for the others.",
            ["stream", "state"],
            registry=registry,
        )
        self._share = client.Gauge(
            "stzsar_sampling_share",
            "Part of their sampling rate that live streams get; below 1 the machine is overloaded.",
            registry=registry,
        )
        self._share.set(1.0)
        build = client.Info("stzsar_build", "Version of stzsar.", registry=registry)
        build.info({"version": __version__, "schema": str(SCHEMA_VERSION)})
        registry.register(self)
        self._registry = registry

    def text(self, accepts: str) -> tuple[str, bytes]:
        """Return the type and the content of the metrics, as somebody accepts them."""
        try:
            encode, kind = choose_encoder(accepts)
        except Exception:  # it fails at odd versions
            encode, kind = choose_encoder("")
        return kind, encode(self._registry)

    def count(self, message: Message) -> None:
        """Count a message."""
        if isinstance(message, Overload):
            self._share.set(message.share)
            return
        stream = self.label(message.source)
        if isinstance(message, Recognition):
            self._results.labels(stream).inc()
            if message.age_ms is not None:
                self._age.labels(stream).observe(message.age_ms / 1000)
        elif isinstance(message, ActionEvent):
            self._events.labels(stream, message.event).inc()
        elif isinstance(message, Duty):
            self._duty.labels(stream).set(message.on)
        else:
            self.set_state(message.source, message.state)

    def set_state(self, source: str, state: str) -> None:
        """Note what a stream is doing."""
        stream = self.label(source)
        # The streams that share this name have no common state.
        if stream != OTHER:
            for each in STATES:
                self._state.labels(stream, each).set(each == state)

    def observe_round(self, seconds: float, batch: int) -> None:
        """Count a batch: its seconds, and the frames that it encoded."""
        self._round.observe(seconds)
        self._batch.observe(batch)

    def label(self, source: str) -> str:
        """Return a stream's name as valid UTF-8, or OTHER where there are too many."""
        name = source.encode(errors="replace").decode()[:200]
        if name not in self._known:
            if len(self._known) >= MAX_STREAMS:
                return OTHER
            self._known.add(name)
        return name

    def collect(self) -> Iterator[Metric]:
        """Yield what others count; called by the registry for each request."""
        counters = list(self._counters().items())
        for key, (name, text) in STREAM_COUNTERS.items():
            family = CounterMetricFamily(name, text, labels=["stream"])
            sums: dict[str, int] = {}
            for source, counts in counters:
                stream = self.label(source)
                sums[stream] = sums.get(stream, 0) + counts.get(key, 0)
            for stream, number in sums.items():
                family.add_metric([stream], number)
            yield family
        messages = CounterMetricFamily(
            "stzsar_sink_messages", "Messages, by what became of them.", labels=["sink", "fate"]
        )
        for sink, counts in self._sinks().items():
            for fate in ("delivered", "dropped", "failed"):
                messages.add_metric([sink, fate], getattr(counts, fate))
        yield messages
        resident_bytes = _resident_bytes()
        if resident_bytes is not None:
            yield GaugeMetricFamily(
                "stzsar_resident_memory_bytes", "Memory in use.", value=resident_bytes
            )

    def describe(self) -> list[Metric]:
        """Name nothing: `register` would else call `collect` before there are any."""
        return []


def _resident_bytes() -> int | None:
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
    except (OSError, ValueError, IndexError):
        return None
    return pages * os.sysconf("SC_PAGE_SIZE")
