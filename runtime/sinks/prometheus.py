"""What a run does, as Prometheus metrics on a port, and `/healthz` for whoever restarts it."""

import importlib.metadata
import ipaddress
import json
import logging
import os
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, get_args

from ..errors import StzsarError
from ..results import (
    SCHEMA_VERSION,
    ActionEvent,
    Message,
    Overload,
    Recognition,
    StreamCondition,
    StreamState,
)
from ..sources.frames import Frame
from .queued import SinkCounters
from .small_server import SmallServer

log = logging.getLogger(__name__)

StreamCounters = Callable[[], Mapping[str, Mapping[str, int]]]
SinksCounters = Callable[[], Mapping[str, SinkCounters]]

# A stream beyond these is counted under OTHER, so that names from outside cannot fill the memory.
MAX_STREAMS = 1000
OTHER = "(other)"
STATES: tuple[str, ...] = get_args(StreamCondition)
AGE_BUCKETS_S = (0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0)
ROUND_BUCKETS_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)
BATCH_BUCKETS = (1, 2, 4, 8, 16, 32)


class PrometheusMetrics:
    """Serves `/metrics` and `/healthz`; nothing waits for who asks.

    Attributes: see `sink.Sink`; `port` is the one that is listened on.
    """

    wants_frames = False

    def __init__(
        self,
        port: int,
        *,
        host: str = "127.0.0.1",
        counters: StreamCounters = dict,
        sinks: SinksCounters = dict,
    ) -> None:
        """Begin to listen.

        Args:
            port: where; 0 takes one that is free.
            host: the address to listen on. Whoever can reach it can read the metrics.
            counters: for each stream what it has done, such as `{"read": 9, "sampled": 3}`; asked
                whenever the metrics are.
            sinks: for each sink what became of what it was given.

        Raises:
            StzsarError: the port is taken, the host is not this machine's, or prometheus-client is
                missing.
        """
        self._metrics = _Metrics(counters, sinks)
        self._states: dict[str, str] = {}
        self._lock = threading.Lock()
        self._server = SmallServer.open(host, port, self._answer)
        self.port = self._server.port
        self.name = f"metrics http://{_in_url(host)}:{self.port}/metrics"
        if not _is_loopback(host):
            log.warning("%s can be read by everyone in the network: it has no password.", self.name)
        self._server.start()

    def put(self, message: Message) -> None:
        """Count a message."""
        self._metrics.count(message)
        if isinstance(message, StreamState):
            with self._lock:
                if message.source in self._states or len(self._states) < MAX_STREAMS:
                    self._states[message.source] = message.state

    def observe_round(self, seconds: float, batch: int) -> None:
        """Count one round of the engine: how long it took, and the frames that it encoded."""
        self._metrics.observe_round(seconds, batch)

    def show(self, source: str, frame: Frame, latest: Recognition | None) -> None:
        """Do nothing: the feeds count frames."""

    def source_ended(self, source: str) -> None:
        """Note that it is not live any more."""
        with self._lock:
            if source in self._states:
                self._states[source] = "ended"
        self._metrics.set_state(source, "ended")

    def close(self, timeout_s: float) -> None:
        """Stop listening, which takes a fraction of a second."""
        del timeout_s
        self._server.close()

    def health(self) -> tuple[bool, dict[str, Any]]:
        """Return whether at least one stream is live, and what `/healthz` says."""
        with self._lock:
            states = dict(self._states)
        is_live = "live" in states.values()
        return is_live, {"status": "live" if is_live else "not live", "streams": states}

    def _answer(self, path: str, accept: str) -> tuple[int, str, bytes]:
        if path == "/metrics":
            return 200, *self._metrics.rendered(accept)
        if path == "/healthz":
            is_live, document = self.health()
            body = json.dumps(document, ensure_ascii=True).encode()
            return (200 if is_live else 503), "application/json", body
        return 404, "text/plain; charset=utf-8", b"There are /metrics and /healthz here.\n"


class _Metrics:
    """The metrics, in a registry of their own."""

    def __init__(self, counters: StreamCounters, sinks: SinksCounters) -> None:
        try:
            import prometheus_client as client
            from prometheus_client import exposition
        except ImportError as error:
            raise StzsarError(
                "Metrics need the package prometheus-client: run pip install '.[sinks]' in "
                "stzsar's folder."
            ) from error
        self._counters, self._sinks = counters, sinks
        self._choose_encoder = exposition.choose_encoder
        self._known: set[str] = set()
        self._registry = registry = client.CollectorRegistry()
        # Each goes into this registry; the library's own one belongs to whoever imports us.
        self._results = client.Counter(
            "stzsar_results", "Results given.", ["stream"], registry=registry
        )
        self._events = client.Counter(
            "stzsar_events", "Starts and ends of actions.", ["stream", "event"], registry=registry
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
            "One round of the engine: encoding a batch of frames and scoring their windows.",
            buckets=ROUND_BUCKETS_S,
            registry=registry,
        )
        self._batch = client.Histogram(
            "stzsar_round_frames",
            "Frames encoded in one round.",
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
            "Part of the sampling rate that live streams have; below 1 the machine is overloaded.",
            registry=registry,
        )
        self._share.set(1.0)
        build = client.Info("stzsar_build", "What runs.", registry=registry)
        build.info({"version": _version(), "schema": str(SCHEMA_VERSION)})
        registry.register(_Collected(self))

    def count(self, message: Message) -> None:
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
        else:
            self.set_state(message.source, message.state)

    def set_state(self, source: str, state: str) -> None:
        stream = self.label(source)
        # Of the streams that share a name none has a state to show.
        if stream != OTHER:
            for each in STATES:
                self._state.labels(stream, each).set(each == state)

    def observe_round(self, seconds: float, batch: int) -> None:
        self._round.observe(seconds)
        self._batch.observe(batch)

    def label(self, source: str) -> str:
        """Return a stream's name as a label: valid UTF-8, and one of so many."""
        name = source.encode(errors="replace").decode()[:200]
        if name not in self._known:
            if len(self._known) >= MAX_STREAMS:
                return OTHER
            self._known.add(name)
        return name

    def rendered(self, accept: str) -> tuple[str, bytes]:
        encode, content_type = self._choose_encoder(accept)
        return content_type, encode(self._registry)

    def collected(self) -> Any:
        """Yield what others count, as it is now."""
        from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

        frames = CounterMetricFamily(
            "stzsar_frames", "Frames, by what became of them.", labels=["stream", "fate"]
        )
        sums: dict[tuple[str, str], int] = {}
        for source, counts in self._counters().items():
            for fate, number in counts.items():
                key = (self.label(source), fate)
                sums[key] = sums.get(key, 0) + number
        for key, number in sums.items():
            frames.add_metric(key, number)
        yield frames
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


class _Collected:
    """What prometheus-client asks for metrics that are counted elsewhere."""

    def __init__(self, metrics: _Metrics) -> None:
        self._metrics = metrics

    def collect(self) -> Any:
        return self._metrics.collected()

    def describe(self) -> list[Any]:
        return []  # else `register` would ask for them before there are any


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _in_url(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _resident_bytes() -> int | None:
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
    except (OSError, ValueError, IndexError):
        return None
    return pages * os.sysconf("SC_PAGE_SIZE")


def _version() -> str:
    try:
        return importlib.metadata.version("stzsar")
    except importlib.metadata.PackageNotFoundError:
        return "unknown"
