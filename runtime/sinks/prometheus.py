"""Serves what a run does as Prometheus metrics, and `/healthz` for whoever restarts it."""

import json
import logging
import os
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, get_args

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
    StreamState,
)
from ..sources.frames import Frame
from .http_server import HttpServer
from .own_host import is_loopback
from .queued import SinkCounters

log = logging.getLogger(__name__)

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


class PrometheusMetrics:
    """Serves `/metrics` and `/healthz`; the run never waits for a client.

    Attributes: see `sink.Sink`; `port` is where it listens.
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
        """Start listening.

        Args:
            port: where; 0 takes a free one.
            host: the address to listen on. Whoever can reach it can read the metrics.
            counters: returns for each stream the counters of `STREAM_COUNTERS`; called for each
                request.
            sinks: returns for each sink what became of its messages.

        Raises:
            StzsarError: the port is taken, or the host is not this machine's.
        """
        self._metrics = _Metrics(counters, sinks)
        self._states: dict[str, str] = {}
        self._lock = threading.Lock()
        self._server = HttpServer(host, port, self._respond)
        self.port = self._server.port
        shown = f"[{host}]" if ":" in host else host
        self.name = f"metrics http://{shown}:{self.port}/metrics"
        if not is_loopback(host):
            log.warning("Everyone in the network can read %s: it has no password.", self.name)

    def put(self, message: Message) -> None:
        """Count a message."""
        self._metrics.count(message)
        if isinstance(message, StreamState):
            with self._lock:
                if message.source in self._states or len(self._states) < MAX_STREAMS:
                    self._states[message.source] = message.state

    def observe_round(self, seconds: float, batch: int) -> None:
        """Count a batch: its seconds, and the frames that it encoded."""
        self._metrics.observe_round(seconds, batch)

    def show(self, source: str, frame: Frame, latest: Recognition | None) -> None:
        """Do nothing: feeds count their frames."""

    def source_ended(self, source: str) -> None:
        """Note that the source is not live any more."""
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

    def _respond(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        path, kind = environ["PATH_INFO"], "text/plain; charset=utf-8"
        try:
            if path == "/metrics":
                return self._metrics.respond(environ, start_response)
            status, body = "404 Not Found", b"There are /metrics and /healthz here.\n"
            if path == "/healthz":
                is_live, document = self.health()
                status = "200 OK" if is_live else "503 Service Unavailable"
                body, kind = json.dumps(document, ensure_ascii=True).encode(), "application/json"
        except Exception:  # for whoever asks to see, and no reason to end the run
            log.debug("%s failed.", path, exc_info=True)
            status, body = "500 Internal Server Error", b"This failed; --debug logs why.\n"
        start_response(status, [("Content-Type", kind), ("Content-Length", str(len(body)))])
        return [] if environ["REQUEST_METHOD"] == "HEAD" else [body]


class _Metrics:
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
        self._app = client.make_wsgi_app(registry)

    def respond(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        """Answer as the library does, which knows only GET and fails at odd versions."""
        try:
            choose_encoder(environ.get("HTTP_ACCEPT", ""))
        except Exception:
            environ.pop("HTTP_ACCEPT")
        body = self._app({**environ, "REQUEST_METHOD": "GET", "QUERY_STRING": ""}, start_response)
        return [] if environ["REQUEST_METHOD"] == "HEAD" else body

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
        elif isinstance(message, Duty):
            self._duty.labels(stream).set(message.on)
        else:
            self.set_state(message.source, message.state)

    def set_state(self, source: str, state: str) -> None:
        stream = self.label(source)
        # The streams that share this name have no common state.
        if stream != OTHER:
            for each in STATES:
                self._state.labels(stream, each).set(each == state)

    def observe_round(self, seconds: float, batch: int) -> None:
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
