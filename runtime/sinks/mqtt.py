"""Messages to an MQTT broker.

    <prefix>/status             "online", or "offline" once the run ended or broke off; retained
    <prefix>/<stream>/result    each result, at most once
    <prefix>/<stream>/event     each event, at least once
    <prefix>/<stream>/state     what the stream is doing, at least once; retained
    <prefix>/overload           how much of the sampling rate there is; at least once, retained

Payloads are JSON as `results.schema.json` describes it, but for the status, which is the bare word.
"""

import hashlib
import logging
import re
import ssl
import sys
import threading
import time
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from ..errors import StzsarError
from ..results import ActionEvent, Message, Overload, Recognition, to_json
from ..sources.frames import Frame
from ..sources.secrets import without_secrets
from .queued import MAX_BYTES, MAX_ITEMS, Patience, Queued, SinkCounters, TryAgainError

log = logging.getLogger(__name__)

DEFAULT_PREFIX = "stzsar"
PORTS = {"mqtt": 1883, "mqtts": 8883}
MAX_STREAMS = 1000
KEEP_ALIVE_S, CONNECT_S, LONGEST_BACKOFF_S = 30, 5.0, 60
ACKNOWLEDGE_S = 20.0
_LOOPBACK = ("localhost", "127.0.0.1", "::1")


@dataclass(frozen=True)
class Address:
    """What `mqtt://user:password@host:1883/topic/prefix` says.

    Attributes:
        shown: it without user and password.
    """

    host: str
    port: int
    tls: bool
    user: str | None
    password: str | None
    prefix: str
    shown: str

    @classmethod
    def parse(cls, url: str) -> "Address":
        """Read an address.

        Raises:
            StzsarError: it is none; the sentence does not hold the password.
        """
        shown = without_secrets(url)
        try:
            parts = urlsplit(url)
            host, port = parts.hostname or "", parts.port
            host.encode("idna")
            if parts.scheme not in PORTS or not re.fullmatch(r"[^\s\x00-\x1f]+", host):
                raise ValueError
            if port == 0 or parts.query or parts.fragment:
                raise ValueError
        except ValueError as error:  # a UnicodeError is one
            raise StzsarError(
                f"{shown if '://' in url else 'That'} is no address of a broker: give "
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
            shown=shown,
        )


@dataclass(frozen=True)
class Publication:
    """One message on its way: at least once with `qos` 1, at most once with 0."""

    topic: str
    payload: bytes
    qos: int
    retain: bool


class Mqtt:
    """Publishes messages; connects again for ever, never waits, and never ends a run.

    Attributes: see `sink.Sink`; `counters` say what became of the messages.
    """

    wants_frames = False

    def __init__(
        self, url: str, *, password: str | None = None, ca_file: Path | None = None
    ) -> None:
        """Begin to connect; a broker that is away is a warning.

        Args:
            url: `mqtt://user:password@host:1883/topic/prefix`, or `mqtts://` for TLS.
            password: instead of the one in the address, where all users of a machine may read it.
            ca_file: authorities (PEM) that a broker's certificate is verified with, instead of the
                system's.

        Raises:
            StzsarError: the address or the file is of no use, or paho-mqtt is missing.
        """
        address = Address.parse(url)
        self.name = address.shown
        self._topics = StreamTopics(address.prefix)
        publisher = _Publisher(address, password, ca_file)
        self._queue = Queued[Publication](publisher, max_items=MAX_ITEMS, max_bytes=MAX_BYTES)
        publisher.start(self._queue)

    @property
    def counters(self) -> SinkCounters:
        """What became of the messages."""
        return self._queue.counters

    def put(self, message: Message) -> None:
        """Have a message published."""
        payload = to_json(message).encode("utf-8", errors="backslashreplace")
        if isinstance(message, Recognition):
            publication = Publication(self._topics.of(message.source, "result"), payload, 0, False)
        elif isinstance(message, ActionEvent):
            publication = Publication(self._topics.of(message.source, "event"), payload, 1, False)
        elif isinstance(message, Overload):
            publication = Publication(self._topics.overload, payload, 1, True)
        else:
            publication = Publication(self._topics.of(message.source, "state"), payload, 1, True)
        size_bytes = len(payload) + len(publication.topic)
        self._queue.offer(publication, size_bytes=size_bytes, precious=publication.qos > 0)

    def show(self, source: str, frame: Frame, latest: Recognition | None) -> None:
        """Do nothing: pictures are not published."""

    def source_ended(self, source: str) -> None:
        """Do nothing: a message says so where it matters."""

    def close(self, timeout_s: float) -> None:
        """Publish what waits and "offline", for `timeout_s` seconds at most, and disconnect."""
        self._queue.close(timeout_s)


class StreamTopics:
    """The topics of streams: each has one of its own, whatever its name is."""

    def __init__(self, prefix: str) -> None:
        self._prefix = prefix
        self._parts: dict[str, str] = {}
        self.overload = f"{prefix}/overload"

    def of(self, stream: str, kind: str) -> str:
        """Return `<prefix>/<stream>/<kind>` with a name that is one level of a topic."""
        part = self._parts.get(stream)
        if part is None:
            part = self._new_part(stream)
            if len(self._parts) < MAX_STREAMS:
                self._parts[stream] = part
        return f"{self._prefix}/{part}/{kind}"

    def _new_part(self, stream: str) -> str:
        part = re.sub(r"[^\w.@=-]+", "_", stream).strip("_.")[:100] or "stream"
        # Its siblings are no streams, and a name that is no part of a topic takes nobody else's.
        if part != stream or part in {"status", "overload"}:
            part += "-" + hashlib.sha256(stream.encode(errors="replace")).hexdigest()[:8]
        return part


class _Publisher:
    """paho's client, one message at a time; it connects in a thread of its own."""

    def __init__(self, address: Address, password: str | None, ca_file: Path | None) -> None:
        try:
            import paho.mqtt.client as paho
            from paho.mqtt.enums import CallbackAPIVersion
        except ImportError as error:
            raise StzsarError(
                "MQTT needs the package paho-mqtt 2: run pip install '.[sinks]' in stzsar's folder."
            ) from error
        self.name = address.shown
        self._address = address
        self._status = f"{address.prefix}/status"
        self._connected = threading.Event()
        self._trouble = "not connected yet"
        self._retained: dict[str, Publication] = {}
        self._queue: Queued[Publication] | None = None
        client = paho.Client(CallbackAPIVersion.VERSION2, f"stzsar-{uuid.uuid4().hex[:12]}")
        client.connect_timeout = CONNECT_S
        client.reconnect_delay_set(1, LONGEST_BACKOFF_S)
        client.max_queued_messages_set(2 * MAX_STREAMS)
        client.will_set(self._status, "offline", qos=1, retain=True)
        password = address.password if password is None else password
        if address.user is not None or password is not None:
            client.username_pw_set(address.user or "", password)
        if address.tls:
            _use_tls(client, ca_file)
        elif password is not None and address.host not in _LOOPBACK:
            log.warning("%s gets its password in clear: mqtts:// encrypts it.", self.name)
        client.on_connect, client.on_disconnect = self._on_connect, self._on_disconnect
        client.on_connect_fail = self._on_connect_fail
        self._client = client

    def start(self, queue: Queued[Publication]) -> None:
        """Begin to connect, and tell `queue` how that goes."""
        self._queue = queue
        self._client.connect_async(self._address.host, self._address.port, KEEP_ALIVE_S)
        self._client.loop_start()

    def deliver(self, item: Publication, patience: Patience) -> None:
        if not self._connected.wait(patience.limit_s(0.5)):
            # paho sees to the next attempt; here is nothing to be waited for but that.
            raise TryAgainError(self._trouble, after_s=0.0, away=True)
        if item.retain:
            self._retained[item.topic] = item
        info = self._client.publish(item.topic, item.payload, item.qos, item.retain)
        self._wait_for(info, item.qos, patience)

    def finish(self, patience: Patience) -> None:
        if self._connected.is_set():
            info = self._client.publish(self._status, "offline", qos=1, retain=True)
            self._wait_for(info, 1, patience)
        self._client.disconnect()
        self._client.loop_stop()

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

    def _on_connect(self, client: Any, _data: Any, _flags: Any, reason: Any, _more: Any) -> None:
        if reason.is_failure:
            self._report(f"the broker refuses the connection: {reason}")
            return
        # A broker that was restarted may have forgotten what it was to keep.
        client.publish(self._status, "online", qos=1, retain=True)
        for item in list(self._retained.values()):
            client.publish(item.topic, item.payload, item.qos, retain=True)
        self._connected.set()
        self._report(None)

    def _on_disconnect(self, _client: Any, _data: Any, _flags: Any, reason: Any, _m: Any) -> None:
        was_connected = self._connected.is_set()
        self._connected.clear()
        if was_connected and reason.is_failure:
            self._report(f"the connection broke off ({reason})")

    def _on_connect_fail(self, _client: Any, _data: Any) -> None:
        error = sys.exc_info()[
            1
        ]  # paho calls this while it handles the error, and does not hand it on
        reason = getattr(error, "verify_message", "") or getattr(error, "strerror", "") or error
        self._report(f"the broker cannot be reached ({str(reason or 'no answer').lower()})")


def _use_tls(client: Any, ca_file: Path | None) -> None:
    try:
        client.tls_set_context(ssl.create_default_context(cafile=str(ca_file) if ca_file else None))
    except (OSError, ssl.SSLError) as error:
        reason = error.strerror or "it holds no certificate in PEM"
        raise StzsarError(f"The authorities in {ca_file} cannot be used: {reason}.") from error
