"""A small HTTP server that a run can afford: nobody who asks can tie it up or make it wait."""

import http.server
import logging
import socket
import socketserver
import threading
import time
from collections.abc import Callable
from typing import Any

from ..errors import StzsarError

log = logging.getLogger(__name__)

MAX_CONNECTIONS = 16
CONNECTION_S = 5.0
# Who asks in earnest has done so by then; others make room for the next.
IN_EARNEST_S = 0.5
_POLL_S = 0.2

# Path and `Accept` to status, content type and body.
Answer = Callable[[str, str], tuple[int, str, bytes]]


class SmallServer(http.server.ThreadingHTTPServer):
    """Answers GET from threads of its own: so many at once, none for longer than `CONNECTION_S`.

    Attributes:
        port: the one that is listened on.
    """

    daemon_threads = True
    request_queue_size = 64

    def __init__(
        self, address: tuple[str, int], family: socket.AddressFamily, answer: Answer
    ) -> None:
        """Bind; `open` is the usual way here."""
        self.address_family = family
        self.answer = answer
        self._open: dict[Any, float] = {}  # connections, oldest first, and when they came
        self._lock = threading.Lock()
        super().__init__(address, _Handler)
        self.port: int = self.server_address[1]

    @classmethod
    def open(cls, host: str, port: int, answer: Answer) -> "SmallServer":
        """Listen on `host` and `port` (0: one that is free).

        Raises:
            StzsarError: the port is taken, or the host is not this machine's.
        """
        try:
            family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
            return cls((str(address[0]), port), family, answer)
        except (OSError, OverflowError, UnicodeError) as error:
            reason = getattr(error, "strerror", None) or error
            raise StzsarError(
                f"Port {port} of {host} cannot be listened on ({reason}): name another."
            ) from error

    def start(self) -> None:
        """Begin to answer."""
        threading.Thread(target=self.serve_forever, args=(_POLL_S,), daemon=True).start()

    def close(self) -> None:
        """Stop; what is being answered may go on."""
        self.shutdown()
        self.server_close()

    def server_bind(self) -> None:
        """Bind without asking for the host's name, which takes long where there is no DNS."""
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = "", self.server_address[1]

    def process_request(self, request: Any, client_address: Any) -> None:
        """Answer in a thread of its own, if there is room or the oldest connection makes some."""
        now_s = time.monotonic()
        with self._lock:
            oldest, since_s = next(iter(self._open.items()), (request, now_s))
            is_full = len(self._open) >= MAX_CONNECTIONS
            if is_full and now_s - since_s > IN_EARNEST_S:
                del self._open[oldest]
                _cut_off(oldest)
                is_full = False
            if not is_full:
                self._open[request] = now_s
        if is_full:
            self.shutdown_request(request)
        else:
            super().process_request(request, client_address)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Answer, and cut off who sends or reads a byte at a time: no single wait is too long."""
        cut = threading.Timer(CONNECTION_S, _cut_off, [request])
        cut.daemon = True
        cut.start()
        try:
            super().process_request_thread(request, client_address)
        finally:
            cut.cancel()
            with self._lock:
                self._open.pop(request, None)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Keep silent of who went away."""
        log.debug("The connection of %s broke off.", client_address, exc_info=request is not None)


class _Handler(http.server.BaseHTTPRequestHandler):
    timeout = CONNECTION_S

    def do_GET(self) -> None:
        server: Any = self.server
        try:
            answer = server.answer(self.path.partition("?")[0], self.headers.get("Accept", ""))
        except Exception:  # a mistake of ours is to be seen by who asks, and not to end the run
            log.debug("%s failed.", self.path, exc_info=True)
            answer = (500, "text/plain", b"This failed; --debug logs why.\n")
        status, content_type, body = answer
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def version_string(self) -> str:
        return "stzsar"

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  http.server's name
        log.debug(format, *args)


def _cut_off(request: socket.socket) -> None:
    try:
        request.shutdown(socket.SHUT_RDWR)
    except OSError:
        return  # it has ended meanwhile
