"""Messages to an MQTT broker.

    <prefix>/<stream>/result      each result, at most once
    <prefix>/<stream>/event       each event, at least once
    <prefix>/<stream>/state       each change of a stream's state, at least once
    <prefix>/overload/<client>    changes of the sampling rate, at least once
    <prefix>/<stream>/duty        each change of whether a stream makes events, at least once
    <prefix>/<stream>/still       the picture of the latest event, a JPEG; retained, if asked for
    <prefix>/status/<client>      {"status": "online", "streams": {"hall": "live"}, …}; retained

Payloads are JSON; messages are as in `results.schema.json`. The status is also the last will, so
that after a kill the broker says `offline` and no stream stays `live`. Each run has its own:
<client> is host name and process id, or NAME of `mqtt://HOST/TOPIC?client=NAME`. With discovery
the host name alone, since Home Assistant is to find the same devices after the next start.

A run listens, too:

    <prefix>/<stream>/armed/set   "armed" or "off": whether the stream makes events
    <prefix>/armed/set            the same for all streams
"""

import logging
import math
import ssl
import sys
import threading
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from ..backoff import Backoff
from ..duty import Duties
from ..errors import StzsarError
from ..results import ActionEvent, Duty, Message, Overload, Recognition, to_json
from ..sinks.queued import SILENCE_S, Patience, Queued, TryAgainError
from ..sinks.sink import QueuedSink
from ..sinks.stills import StillOf
from .home_assistant import Discovery, Place
from .mqtt_status import OFFLINE, Status
from .mqtt_topics import MAX_STREAMS, Address, StreamTopics

log = logging.getLogger(__name__)

KEEP_ALIVE_S, CONNECT_S, ACKNOWLEDGE_S = 30, 5.0, 20.0
# Between connections: a broker that takes one and cuts it is not asked each second.
WAITS = Backoff(first_s=1.0, longest_s=60.0)
# A connection that held so long has worked: the next wait is short again.
STEADY_S = 60.0
# How often labels are looked at, which may have changed.
LABELS_S = 5.0
_COMMANDS = {b"armed": True, b"off": False}
_MAX_COMMAND_BYTES = 16
_REFUSED_USERS = (134, 135)  # MQTT 5's reasons: a bad name or password, not authorized
_LOOPBACK = ("localhost", "127.0.0.1", "::1")


@dataclass(frozen=True)
class Publication:
    """One message on its way: at least once with `qos` 1, at most once with 0."""

    topic: str
    payload: bytes
    qos: int = 1
    retain: bool = False


class Mqtt(QueuedSink[Publication]):
    """Publishes messages; connects again for ever, never waits, and never ends a run.

    Attributes: see `sink.Sink`; `counters` say what became of the messages.
    """

    def __init__(
        self,
        url: str,
        *,
        password: str | None = None,
        ca_file: Path | None = None,
        duties: Duties | None = None,
        discovery: str | None = None,
        places: Callable[[], tuple[Place, ...]] = tuple,
        still_of: StillOf | None = None,
    ) -> None:
        """Begin to connect; a broker that is away is a warning.

        Args:
            url: `mqtt://user:password@host:1883/topic/prefix`, or `mqtts://` for TLS.
            password: instead of the one in the address, where all users of a machine may read it.
            ca_file: authorities (PEM) that verify a broker's certificate, instead of the system's.
            duties: the streams that commands switch on and off.
            discovery: first level of the topics with which Home Assistant finds the streams; None
                announces nothing.
            places: returns the live streams and regions with their labels now.
            still_of: has the pictures of events, to be published; None publishes none.

        Raises:
            StzsarError: the address or the file is unusable, or paho-mqtt is missing.
        """
        address = Address.parse(url)
        self._topics = StreamTopics(address, lasting=discovery is not None)
        self._status = Status(duties, with_rates=discovery is not None)
        self._still_of, self._places = still_of, places
        self._discovery: Discovery | None = None
        self._known: tuple[Place, ...] = ()
        self._looked_s = time.monotonic()
        commands: dict[str, str | None] = {}
        if duties and duties.streams:
            commands = {self._topics.of(name, "armed/set"): name for name in duties.streams}
            commands |= {self._topics.arm_all: None}
        self._publisher = _Publisher(address, self._topics.status, password, ca_file)
        self._publisher.documents[self._topics.status] = self._status.document
        if discovery is not None:
            self._discovery = Discovery(
                discovery, self._topics, armable=bool(commands), stills=still_of is not None
            )
            self._announce()
        super().__init__(address.shown, Queued(self._publisher))
        self._publisher.start(self._queue, commands, duties)

    def put(self, message: Message) -> None:
        """Have a message published."""
        if self._status.note(message):
            self._publisher.has_news = True
        if isinstance(message, ActionEvent) and self._still_of:
            self._put_still(message)
        if self._discovery and time.monotonic() - self._looked_s > LABELS_S:
            self._looked_s = time.monotonic()
            for topic, document in self._announce().items():
                self._queue.offer(Publication(topic, document.encode(), retain=True), precious=True)
        payload = to_json(message).encode("utf-8", errors="backslashreplace")
        if isinstance(message, Overload):
            publication = Publication(self._topics.overload, payload)
        elif isinstance(message, Recognition):
            publication = Publication(self._topics.of(message.source, "result"), payload, qos=0)
        elif isinstance(message, ActionEvent):
            publication = Publication(self._topics.of(message.source, "event"), payload)
        else:
            kind = "duty" if isinstance(message, Duty) else "state"
            publication = Publication(self._topics.of(message.source, kind), payload)
        size_bytes = len(payload) + len(publication.topic)
        self._queue.offer(publication, size_bytes=size_bytes, precious=publication.qos > 0)

    def _put_still(self, event: ActionEvent) -> None:
        still = self._still_of(event) if self._still_of else None
        if still:
            topic = self._topics.of(event.source, "still")
            picture = Publication(topic, still.jpeg, retain=True)
            self._queue.offer(picture, size_bytes=len(still.jpeg))

    def _announce(self) -> dict[str, str]:
        """Return the documents of Home Assistant's devices, if there are others than before."""
        places = self._places()
        if self._discovery is None or places == self._known:
            return {}
        self._known = places
        found = self._discovery.documents(places)
        # Another dict, as paho's thread may be going through this one.
        self._publisher.documents = self._publisher.documents | {
            topic: partial(str, document) for topic, document in found.items()
        }
        return found


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
        # What is retained, by topic; the status is the first.
        self.documents: dict[str, Callable[[], str]] = {}
        self.has_news = False
        self._commands: dict[str, str | None] = {}
        self._duties: Duties | None = None
        self._odd_is_said_s = -math.inf
        self._status_id: int | None = None
        self._queue: Queued[Publication] | None = None
        client: Any = paho.Client(CallbackAPIVersion.VERSION2, f"stzsar-{uuid.uuid4().hex[:12]}")
        client.connect_timeout = CONNECT_S
        client.reconnect_delay_set(WAITS.first_s, WAITS.longest_s)
        client.max_queued_messages_set(2 * MAX_STREAMS)
        client.will_set(status_topic, OFFLINE, qos=1, retain=True)
        password = address.password if password is None else password
        if address.user is not None or password is not None:
            client.username_pw_set(address.user or "", password)
        if address.tls:
            _use_tls(client, ca_file)
        elif password is not None and address.host not in _LOOPBACK:
            log.warning("%s gets its password in clear: mqtts:// encrypts it.", self.name)
        client.on_connect, client.on_disconnect = self._on_connect, self._on_disconnect
        client.on_connect_fail, client.on_publish = self._on_connect_fail, self._on_publish
        client.on_subscribe, client.on_message = self._on_subscribe, self._on_message
        self._client = client

    def start(
        self,
        queue: Queued[Publication],
        commands: dict[str, str | None],
        duties: Duties | None,
    ) -> None:
        """Begin to connect, report to `queue` how that goes, and listen to commands.

        Args:
            queue: what waits for this.
            commands: the stream that a topic switches on and off; None is all of them.
            duties: knows the streams.
        """
        self._queue, self._commands, self._duties = queue, commands, duties
        self._client.connect_async(self._address.host, self._address.port, KEEP_ALIVE_S)
        self._client.loop_start()

    def deliver(self, item: Publication, patience: Patience) -> None:
        if not self._connected.wait(patience.limit_s(0.5)):
            # paho sees to the next attempt; nothing else is worth a wait.
            raise TryAgainError(self._trouble, after_s=0.0, away=True)
        if self.has_news:
            self._publish_status()
        info = self._client.publish(item.topic, item.payload, item.qos, retain=item.retain)
        self._wait_for(info, item.qos, patience)

    def finish(self, patience: Patience) -> None:
        if self._connected.is_set():
            info = self._client.publish(self._status_topic, OFFLINE, qos=1, retain=True)
            self._wait_for(info, 1, patience)
        self._client.disconnect()
        self._client.loop_stop()

    def _publish_status(self) -> Any:
        self.has_news = False
        payload = self.documents[self._status_topic]()
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
            hint = " (check the user and the password)" if reason.value in _REFUSED_USERS else ""
            self._report(f"the broker refuses the connection: {reason}{hint}")
            return
        # A broker that was restarted may have forgotten what it was to retain.
        for topic, document in tuple(self.documents.items()):
            if topic != self._status_topic:
                self._client.publish(topic, document(), qos=1, retain=True)
        self._status_id = self._publish_status().mid
        if self._commands:
            self._client.subscribe([(topic, 1) for topic in self._commands])
        self._connected_s = time.monotonic()
        self._connected.set()

    def _on_publish(self, _client: Any, _data: Any, mid: int, _reason: Any, _more: Any) -> None:
        if mid == self._status_id:  # acknowledged: this broker takes more than connections
            self._report(None)

    def _on_subscribe(self, _client: Any, _data: Any, _mid: Any, reasons: Any, _more: Any) -> None:
        if any(reason.is_failure for reason in reasons):
            log.warning("%s lets nobody switch streams: it refuses the topics.", self.name)

    def _on_message(self, _client: Any, _data: Any, message: Any) -> None:
        payload = message.payload if len(message.payload) <= _MAX_COMMAND_BYTES else b""
        armed = _COMMANDS.get(bytes(payload).strip().lower())
        # One that was retained is older than what is kept here.
        if self._duties and not message.retain and message.topic in self._commands:
            if armed is not None:
                self._duties.arm(self._commands[message.topic], armed=armed)
            elif time.monotonic() - self._odd_is_said_s >= SILENCE_S:
                self._odd_is_said_s = time.monotonic()
                log.warning(
                    "%s: a command at %s is neither armed nor off.", self.name, message.topic
                )

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


def _use_tls(client: Any, ca_file: Path | None) -> None:
    try:
        client.tls_set_context(ssl.create_default_context(cafile=str(ca_file) if ca_file else None))
    except (OSError, ssl.SSLError) as error:
        reason = error.strerror or "it holds no certificate in PEM"
        raise StzsarError(f"The authorities in {ca_file} cannot be used: {reason}.") from error
