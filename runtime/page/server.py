"""The page's server: uvicorn in a thread of the run, with bounds on what it holds for strangers."""

import asyncio
import contextlib
import functools
import logging
import socket
import ssl
import threading
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h11
import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from ..errors import StzsarError
from ..terminal.commandline import leave_threads_behind
from .api.headers import HEADERS
from .live import MAX_MESSAGE_BYTES
from .options import Address

# Browsers open six connections to a host, and a viewer has one more; one address takes not all.
MAX_CONNECTIONS, MAX_OF_ADDRESS = 512, 384
MAX_HEADER_BYTES = 16 << 10
# From a connection, or from the answer before, to the end of a request's headers.
REQUEST_S = 10.0
# A client that takes less of an answer in this time does not read it.
READING_S, READING_BYTES = 10.0, 8 << 10
KEEP_ALIVE_S = 5
MAX_FRAGMENTS = 1000
# What the system holds back for one client: more would be old pictures.
SEND_BUFFER_BYTES = 256 << 10
# Of the end: what open requests get, and what the thread gets.
GRACE_S, JOIN_S = 0.3, 1.2

log = logging.getLogger(__name__)


class _Read(asyncio.Protocol):
    """What is sent has to be read: who takes too little of it for READING_S is cut off."""

    transport: asyncio.Transport
    loop: asyncio.AbstractEventLoop
    _reading: asyncio.TimerHandle | None = None

    def pause_writing(self) -> None:
        super().pause_writing()
        self._look_later()

    def resume_writing(self) -> None:
        super().resume_writing()
        self._stop_looking()

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._stop_looking()

    def _look_later(self) -> None:
        waiting = self.transport.get_write_buffer_size()
        self._reading = self.loop.call_later(READING_S, self._look, waiting)

    def _look(self, before: int) -> None:
        if before - self.transport.get_write_buffer_size() < READING_BYTES:
            self.transport.abort()
        else:
            self._look_later()

    def _stop_looking(self) -> None:
        if self._reading:
            self._reading.cancel()
            self._reading = None


class _Connection(_Read, H11Protocol):
    """A connection that is cut off if no request comes."""

    _asking: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self._expect_a_request()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        self._expect_a_request()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        self._expect_a_request()

    def send_400_response(self, msg: str) -> None:
        """Refuse what is no HTTP; no app sees it, so the headers are added here."""
        content = msg.encode()
        headers = [
            *HEADERS.items(),
            ("Content-Type", "text/plain; charset=utf-8"),
            ("Content-Length", str(len(content))),
            ("Connection", "close"),
        ]
        answer = h11.Response(status_code=400, reason=b"Bad Request", headers=headers)
        for part in (answer, h11.Data(data=content), h11.EndOfMessage()):
            self.transport.write(self.conn.send(part) or b"")
        self.transport.close()

    def handle_websocket_upgrade(self, event: Any) -> None:
        super().handle_websocket_upgrade(event)
        self._stop_looking()

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._expect_a_request()

    def _expect_a_request(self) -> None:
        """Wait no longer than REQUEST_S for one, unless one is being answered.

        Bytes that come one by one gain no time, nor do those of a body that nobody wants.
        """
        is_idle = self in self.connections and (self.cycle is None or self.cycle.response_complete)
        if is_idle and self._asking is None:
            self._asking = self.loop.call_later(REQUEST_S, self.transport.abort)
        elif not is_idle and self._asking:
            self._asking.cancel()
            self._asking = None


class _Socket(_Read, WebSocketsSansIOProtocol):
    """A WebSocket whose connection the app can cut off."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        send = self.conn.send_response

        def send_with_headers(response: Any) -> None:
            # A handshake that is refused before the app sees it.
            if response.status_code != 101:
                for name, value in HEADERS.items():
                    if name not in response.headers:
                        response.headers[name] = value
            send(response)

        self.conn.send_response = send_with_headers

    def handle_connect(self, event: Any) -> None:
        super().handle_connect(event)
        if hasattr(self, "scope"):
            extensions: dict[str, Any] = self.scope.get("extensions") or {}
            extensions["stzsar.abort"] = self.transport.abort

    def handle_cont(self, event: Any) -> None:
        super().handle_cont(event)
        if len(self.frames) > MAX_FRAGMENTS:  # of no bytes, or few
            self.transport.abort()

    def handle_ping(self) -> None:
        super().handle_ping()
        if not self.writable.is_set():  # it asks, and does not read the answers
            self.transport.abort()


class _Listening(socket.socket):
    """A socket that takes so many connections and no more; those that shake hands count, too."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._hosts: weakref.WeakKeyDictionary[socket.socket, str] = weakref.WeakKeyDictionary()

    def accept(self) -> tuple[socket.socket, Any]:
        connection, address = super().accept()
        hosts = [host for one, host in self._hosts.items() if one.fileno() >= 0]
        if len(hosts) >= MAX_CONNECTIONS or hosts.count(address[0]) >= MAX_OF_ADDRESS:
            connection.close()
            raise ConnectionAbortedError  # asyncio goes on with the next
        self._hosts[connection] = address[0]
        return connection, address


class _Loop(asyncio.SelectorEventLoop):
    """An event loop that waits no longer for a TLS handshake than for a request."""

    async def create_server(self, *arguments: Any, **options: Any) -> asyncio.Server:
        if options.get("ssl"):
            options["ssl_handshake_timeout"] = REQUEST_S
        return await super().create_server(*arguments, **options)


class PageServer:
    """Serves an app from a thread of its own until it is closed.

    Attributes:
        port: the port, also where 0 asked for a free one.
        loop: the thread's event loop.
    """

    def __init__(
        self,
        address: Address,
        *,
        tls_cert: Path | None = None,
        tls_key: Path | None = None,
    ) -> None:
        """Listen; nobody is answered before `start`.

        Raises:
            StzsarError: the port is taken, the host is not this machine's, or the certificate
                cannot be used.
        """
        self._tls = _tls_of(tls_cert, tls_key)
        self._socket = _listening(address)
        self.port = int(self._socket.getsockname()[1])
        self.loop: asyncio.AbstractEventLoop = _Loop()
        self._server: uvicorn.Server | None = None
        self._thread: threading.Thread | None = None

    def start(self, app: Callable[..., Any], background: Callable[[], Any]) -> None:
        """Answer.

        Args:
            app: an ASGI app.
            background: a coroutine that runs beside it, and is cancelled at the end.
        """
        config = uvicorn.Config(
            app,
            http=_Connection,
            ws=_Socket,
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            date_header=False,
            proxy_headers=False,
            ws_max_size=MAX_MESSAGE_BYTES,
            ws_per_message_deflate=False,
            ws_ping_interval=20.0,
            ws_ping_timeout=20.0,
            timeout_keep_alive=KEEP_ALIVE_S,
            timeout_graceful_shutdown=1,
            h11_max_incomplete_event_size=MAX_HEADER_BYTES,
        )
        # It logs what strangers send, and each traceback that this leads to.
        for name in ("uvicorn", "uvicorn.error", "uvicorn.asgi"):
            logging.getLogger(name).setLevel(logging.CRITICAL)
        config.load()
        config.ssl = self._tls
        self._server = server = uvicorn.Server(config)
        self._thread = threading.Thread(
            target=functools.partial(self._run, server, background), name="page", daemon=True
        )
        self._thread.start()

    def do(self, work: Callable[..., object], *args: object) -> None:
        """Have the server's thread do something soon; called from any other thread."""
        with contextlib.suppress(RuntimeError):  # it has ended
            self.loop.call_soon_threadsafe(work, *args)

    def close(self, timeout_s: float = JOIN_S) -> None:
        """Stop listening, let open answers end for a moment, and cut off the rest."""
        if self._server is None or self._thread is None:
            self._socket.close()
            return
        self._server.should_exit = True
        self._thread.join(timeout_s)
        if self._thread.is_alive():
            leave_threads_behind()

    def _run(self, server: uvicorn.Server, background: Callable[[], Any]) -> None:
        asyncio.set_event_loop(self.loop)
        try:
            self.loop.run_until_complete(self._serve(server, background))
        except Exception:  # the run goes on without its page
            log.warning("The page has ended because of a bug in stzsar.", exc_info=True)
        finally:
            self._socket.close()
            self.loop.close()

    async def _serve(self, server: uvicorn.Server, background: Callable[[], Any]) -> None:
        beside = asyncio.ensure_future(background())
        serving = asyncio.ensure_future(server.serve(sockets=[self._socket]))
        try:
            while not serving.done() and not server.should_exit:
                await asyncio.sleep(0.05)
            await asyncio.wait([serving], timeout=GRACE_S)
            server.force_exit = True
            for connection in list(server.server_state.connections):
                connection.transport.abort()
            await asyncio.wait([serving], timeout=GRACE_S)
        finally:
            beside.cancel()
            for task in asyncio.all_tasks():
                if task is not asyncio.current_task():
                    task.cancel()
            await asyncio.wait([beside], timeout=GRACE_S)


def _listening(address: Address) -> socket.socket:
    try:
        found = socket.getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM)
        family, kind, protocol, _, where = found[0]
        listening = _Listening(family, kind, protocol)
        try:
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_BYTES)
            listening.bind(where)
            listening.listen(128)
            listening.setblocking(False)
        except BaseException:
            listening.close()
            raise
    except (OSError, OverflowError, UnicodeError) as error:
        reason = getattr(error, "strerror", None) or error
        raise StzsarError(
            f"Cannot serve the page on port {address.port} of {address.host} ({reason}): name "
            "another with --serve HOST:PORT."
        ) from error
    return listening


def _tls_of(cert: Path | None, key: Path | None) -> ssl.SSLContext | None:
    if cert is None or key is None:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        # A key with a pass phrase would ask for it at a terminal that may not be there.
        context.load_cert_chain(cert, key, password=lambda: b"")
    except OSError as error:  # ssl.SSLError is one
        reason = getattr(error, "reason", None) or error.strerror or error
        raise StzsarError(
            f"The certificate {cert} with the key {key} cannot be used ({reason}): give PEM files "
            "that belong together, the key without a pass phrase."
        ) from error
    return context
