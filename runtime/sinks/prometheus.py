"""Serves what a run does as Prometheus metrics, and `/healthz` for whoever restarts it."""

import json
import logging
import threading
from collections.abc import Iterable
from typing import Any

from ..results import Message, Recognition, StreamState
from ..sources.frames import Frame
from .http_server import HttpServer
from .metrics import MAX_STREAMS, Metrics, SinksCounters, StreamCounters
from .own_host import is_loopback

log = logging.getLogger(__name__)


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
        self._metrics = Metrics(counters, sinks)
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
            status, body = "404 Not Found", b"There are /metrics and /healthz here.\n"
            if path == "/metrics":
                status = "200 OK"
                kind, body = self._metrics.text(environ.get("HTTP_ACCEPT", ""))
            elif path == "/healthz":
                is_live, document = self.health()
                status = "200 OK" if is_live else "503 Service Unavailable"
                body, kind = json.dumps(document, ensure_ascii=True).encode(), "application/json"
        except Exception:  # for whoever asks to see, and no reason to end the run
            log.debug("%s failed.", path, exc_info=True)
            status, body = "500 Internal Server Error", b"This failed; --debug logs why.\n"
        start_response(status, [("Content-Type", kind), ("Content-Length", str(len(body)))])
        return [] if environ["REQUEST_METHOD"] == "HEAD" else [body]
