"""Messages to an MQTT broker.

    <prefix>/<stream>/result      each result, at most once
    <prefix>/<stream>/event       each event, at least once
    <prefix>/<stream>/state       each change of a stream's state, at least once
    <prefix>/overload/<client>    changes of the sampling rate, at least once
    <prefix>/status/<client>      {"status": "online", "streams": {"hall": "live"}}; retained

Payloads are JSON; messages are as in `results.schema.json`. Only the status is retained. It is
also the last will, so that after a kill the broker says `offline` and no stream stays `live`. Each
run has its own: <client> is host name and process id, or NAME of `mqtt://HOST/TOPIC?client=NAME`.
"""

import hashlib
import json
import logging
import os
import re
import socket
import ssl
import sys
import threading
import time
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from ..backoff import Backoff
from ..errors import StzsarError
from ..results import ActionEvent, Message, Overload, Recognition, StreamState, to_json
from .queued import Patience, Queued, TryAgainError
from .shown import shown_origin
from .sink import QueuedSink

log = logging.getLogger(__name__)

DEFAULT_PREFIX = "stzsar"
PORTS = {"mqtt": 1883, "mqtts": 8883}
MAX_STREAMS = 1000
KEEP_ALIVE_S, CONNECT_S, ACKNOWLEDGE_S = 30, 5.0, 20.0
# Between connections: a broker that takes one and cuts it is not asked each second.
WAITS = Backoff(first_s=1.0, longest_s=60.0)
# A connection that held so long has worked: the next wait is short again.
STEADY_S = 60.0
_LOOPBACK = ("localhost", "127.0.0.1", "::1")


@dataclass(frozen=True)
class Address:
    """The parts of `mqtt://user:password@host:1883/topic/prefix?client=name`.

    Attributes:
        client: name of this run in its topics.
        shown: scheme, host and port, without user and password.
    """

    host: str
    port: int
    tls: bool
    user: str | None
    password: str | None
    prefix: str
    client: str
    shown: str

    @classmethod
    def parse(cls, url: str) -> "Address":
        """Read an address.

        Raises:
            StzsarError: it is not one; the sentence does not hold the password.
        """
        shown = shown_origin(url, tuple(PORTS))
        try:
            parts = urlsplit(url)
            host, port = parts.hostname or "", parts.port
            host.encode("idna")
            query = re.fullmatch(r"(?:client=([\w.-]{1,64}))?", parts.query)
            if parts.scheme not in PORTS or not re.fullmatch(r"[^\s\x00-\x1f]+", host):
                raise ValueError
            if port == 0 or query is None or parts.fragment:
                raise ValueError
        except ValueError as error:  # a UnicodeError is one
            raise StzsarError(
                f"{shown} is not the address of a broker: give "
                "mqtt://HOST/TOPIC or mqtts://HOST/TOPIC."
            ) from error
        prefix = unquote(parts.path).strip("/") or DEFAULT_PREFIX
        if re.search(r"[+#@\x00-\x1f\x7f\ud800-\udfff]", prefix) or len(prefix.encode()) > 1000:
            raise StzsarError(f"The topic of {shown} cannot be published to: leave + # and @ out.")
        return cls(
            host=host,
            port=port or PORTS[parts.scheme],
            tls=parts.scheme == "mqtts",
            user=None if parts.username is None else unquote(parts.username),
            password=None if parts.password is None else unquote(parts.password),
            prefix=prefix,
            client=query[1] or f"{_one_level(socket.gethostname())}-{os.getpid()}",
            shown=shown,
        )


@dataclass(frozen=True)
class Publication:
    """One message on its way: at least once with `qos` 1, at most once with 0."""

    topic: str
    payload: bytes
    qos: int = 1


class Mqtt(QueuedSink[Publication]):
    """Publishes messages; connects again for ever, never waits, and never ends a run.

    Attributes: see `sink.Sink`; `counters` say what became of the messages.
    """

    def __init__(
        self, url: str, *, password: str | None = None, ca_file: Path | None = None
    ) -> None:
        """Begin to connect; a broker that is away is a warning.

        Args:
            url: `mqtt://user:password@host:1883/topic/prefix`, or `mqtts://` for TLS.
            password: instead of the one in the address, where all users of a machine may read it.
            ca_file: authorities (PEM) that verify a broker's certificate, instead of the system's.

        Raises:
            StzsarError: the address or the file is unusable, or paho-mqtt is missing.
        """
        address = Address.parse(url)
        self._topics = StreamTopics(address.prefix, address.client)
        self._publisher = _Publisher(address, self._topics.status, password, ca_file)
        super().__init__(address.shown, Queued(self._publisher))
        self._publisher.start(self._queue)

    def put(self, message: Message) -> None:
        """Have a message published."""
        payload = to_json(message).encode("utf-8", errors="backslashreplace")
        if isinstance(message, Overload):
            publication = Publication(self._topics.overload, payload)
        elif isinstance(message, Recognition):
            publication = Publication(self._topics.of(message.source, "result"), payload, qos=0)
        elif isinstance(message, ActionEvent):
            publication = Publication(self._topics.of(message.source, "event"), payload)
        else:
            publication = Publication(self._topics.of(message.source, "state"), payload)
            self._publisher.note(message)
        size_bytes = len(payload) + len(publication.topic)
        self._queue.offer(publication, size_bytes=size_bytes, precious=publication.qos > 0)


class StreamTopics:
    """The topics of a run; each stream has its own, whatever its name is."""

    def __init__(self, prefix: str, client: str) -> None:
        self._prefix = prefix
        self._parts: dict[str, str] = {}
        self.overload = f"{prefix}/overload/{client}"
        self.status = f"{prefix}/status/{client}"

    def of(self, stream: str, kind: str) -> str:
        """Return `<prefix>/<stream>/<kind>` with a name that is one level of a topic."""
        part = self._parts.get(stream)
        if part is None:
            part = _one_level(stream)
            # A changed name must not be another stream's, nor that of a topic beside streams.
            if part != stream or part in {"status", "overload"}:
                digest = hashlib.sha256(stream.encode(errors="replace")).hexdigest()
                part += f"-{digest[:8]}"
            if len(self._parts) < MAX_STREAMS:
                self._parts[stream] = part
        return f"{self._prefix}/{part}/{kind}"


class _Publisher:
    """paho's client, one message at a time; it connects in a thread of its own."""

    def __init__(
        self, address: Address, status_topic: str, password: str | None, ca_file: Path | None
    ) -> None:
        try:
            import paho.mqtt.client as paho
            from paho.mqtt.enums import CallbackAPIVersion
        except ImportError as error:
            raise StzsarError(
                "MQTT needs the package paho-mqtt 2: run pip install '.[sinks]' in stzsar's folder."
            ) from error
        self.name = address.shown
        self._address, self._status_topic = address, status_topic
        self._connected = threading.Event()
        self._connected_s = 0.0
        self._failures = 0
        self._trouble = "not connected yet"
        self._states: dict[str, str] = {}
        self._has_news = False
        self._status_id: int | None = None
        self._queue: Queued[Publication] | None = None
        client: Any = paho.Client(CallbackAPIVersion.VERSION2, f"stzsar-{uuid.uuid4().hex[:12]}")
        client.connect_timeout = CONNECT_S
        client.reconnect_delay_set(WAITS.first_s, WAITS.longest_s)
        client.max_queued_messages_set(2 * MAX_STREAMS)
        client.will_set(status_topic, _status("offline", {}), qos=1, retain=True)
        password = address.password if password is None else password
        if address.user is not None or password is not None:
            client.username_pw_set(address.user or "", password)
        if address.tls:
            _use_tls(client, ca_file)
        elif password is not None and address.host not in _LOOPBACK:
            log.warning("%s gets its password in clear: mqtts:// encrypts it.", self.name)
        client.on_connect, client.on_disconnect = self._on_connect, self._on_disconnect
        client.on_connect_fail, client.on_publish = self._on_connect_fail, self._on_publish
        self._client = client

    def start(self, queue: Queued[Publication]) -> None:
        """Begin to connect, and report to `queue` how that goes."""
        self._queue = queue
        self._client.connect_async(self._address.host, self._address.port, KEEP_ALIVE_S)
        self._client.loop_start()

    def note(self, state: StreamState) -> None:
        """Take a stream's state into the status."""
        if state.source in self._states or len(self._states) < MAX_STREAMS:
            self._states = {**self._states, state.source: state.state}
            self._has_news = True

    def deliver(self, item: Publication, patience: Patience) -> None:
        if not self._connected.wait(patience.limit_s(0.5)):
            # paho sees to the next attempt; nothing else is worth a wait.
            raise TryAgainError(self._trouble, after_s=0.0, away=True)
        if self._has_news:
            self._publish_status("online")
        info = self._client.publish(item.topic, item.payload, item.qos)
        self._wait_for(info, item.qos, patience)

    def finish(self, patience: Patience) -> None:
        if self._connected.is_set():
            self._wait_for(self._publish_status("offline"), 1, patience)
        self._client.disconnect()
        self._client.loop_stop()

    def _publish_status(self, status: str) -> Any:
        self._has_news = False
        payload = _status(status, self._states if status == "online" else {})
        return self._client.publish(self._status_topic, payload, qos=1, retain=True)

    def _wait_for(self, info: Any, qos: int, patience: Patience) -> None:
        begin_s = time.monotonic()
        while True:
            try:
                info.wait_for_publish(patience.limit_s(0.5))
                if info.is_published():
                    return
            except (ValueError, RuntimeError) as error:
                # "At most once" went with its connection; of the others paho's queue is full.
                raise TryAgainError("the connection broke off", away=True) from error
            if patience.over or (qos == 0 and not self._connected.is_set()):
                raise TryAgainError("the connection broke off", away=True)
            # With `qos` 1 paho sends it again itself over the next connection.
            if time.monotonic() - begin_s > ACKNOWLEDGE_S:
                self._report(f"no acknowledgement in {ACKNOWLEDGE_S:g} s")

    def _report(self, trouble: str | None) -> None:
        self._trouble = trouble or self._trouble
        if self._queue:
            self._queue.report(trouble)

    # paho calls what follows from its own thread.

    def _on_connect(self, _client: Any, _data: Any, _flags: Any, reason: Any, _more: Any) -> None:
        if reason.is_failure:
            self._report(f"the broker refuses the connection: {reason}")
            return
        # A broker that was restarted may have forgotten what it was to retain.
        self._status_id = self._publish_status("online").mid
        self._connected_s = time.monotonic()
        self._connected.set()

    def _on_publish(self, _client: Any, _data: Any, mid: int, _reason: Any, _more: Any) -> None:
        if mid == self._status_id:  # acknowledged: this broker takes more than connections
            self._report(None)

    def _on_disconnect(self, client: Any, _data: Any, _flags: Any, reason: Any, _m: Any) -> None:
        was_connected = self._connected.is_set()
        self._connected.clear()
        # paho waits no longer than at first where a connection came about, however short.
        is_steady = was_connected and time.monotonic() - self._connected_s > STEADY_S
        self._failures = 0 if is_steady else self._failures + 1
        wait_s = WAITS.wait_s(self._failures) if self._failures else WAITS.first_s
        client.reconnect_delay_set(wait_s, WAITS.longest_s)
        if was_connected and reason.is_failure:
            self._report(f"the connection broke off ({reason})")

    def _on_connect_fail(self, _client: Any, _data: Any) -> None:
        error = sys.exc_info()[1]  # paho handles it while it calls this, and does not pass it on
        reason = getattr(error, "verify_message", "") or getattr(error, "strerror", "") or error
        self._report(f"the broker cannot be reached ({str(reason or 'no answer').lower()})")


def _one_level(name: str) -> str:
    return re.sub(r"[^\w.@=-]+", "_", name).strip("_.")[:100] or "stream"


def _status(status: str, streams: dict[str, str]) -> str:
    return json.dumps({"status": status, "streams": streams})


def _use_tls(client: Any, ca_file: Path | None) -> None:
    try:
        client.tls_set_context(ssl.create_default_context(cafile=str(ca_file) if ca_file else None))
    except (OSError, ssl.SSLError) as error:
        reason = error.strerror or "it holds no certificate in PEM"
        raise StzsarError(f"The authorities in {ca_file} cannot be used: {reason}.") from error
