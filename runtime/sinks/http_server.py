"""Serves HTTP from a run with waitress: slow clients cost a socket, never a thread."""

import logging
import threading
from collections.abc import Callable, Iterable
from typing import Any

from waitress import wasyncore
from waitress.server import TcpWSGIServer

from ..errors import StzsarError
from .own_host import is_foreign, is_own_host

MAX_CONNECTIONS = 64
CONNECTION_S = 5.0
# When it is crowded: whoever asks in earnest has done so by then.
CROWDED_CONNECTION_S = 0.5

WsgiApp = Callable[[dict[str, Any], Any], Iterable[bytes]]


class HttpServer:
    """Serves a WSGI app from threads of its own until it is closed.

    Attributes:
        port: the port, also where 0 asked for a free one.
    """

    def __init__(self, host: str, port: int, app: WsgiApp) -> None:
        """Start listening.

        Raises:
            StzsarError: the port is taken, or the host is not this machine's.
        """
        # It warns of what is handled here.
        logging.getLogger("waitress").handlers = [logging.NullHandler()]
        logging.getLogger("waitress").propagate = False
        try:
            if not 0 <= port < 1 << 16:
                raise ValueError("there is no such port")
            self._server: Any = _Server(
                _only_own_host(host, app),
                host=host,
                port=port,
                threads=2,
                connection_limit=MAX_CONNECTIONS,
                cleanup_interval=1,
                max_request_body_size=16 << 10,
                log_socket_errors=False,
                ident=None,
            )
        except (OSError, OverflowError, ValueError) as error:
            reason = getattr(error, "strerror", None) or error
            raise StzsarError(
                f"Cannot listen on port {port} of {host} ({reason}): name another."
            ) from error
        self.port = int(self._server.effective_port)
        self._thread = threading.Thread(target=self._server.run, name="http server", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop listening, and cut off what is being answered; a second call does nothing."""
        if self._server.stopping.is_set():
            return
        self._server.stopping.set()
        self._server.trigger.pull_trigger()
        self._thread.join(1.0)
        # The trigger goes last: who writes to a closed one writes to whatever has its number now.
        for served in [*self._server._map.values()]:  # waitress has no other way
            if served is not self._server.trigger:
                served.close()
        self._server.task_dispatcher.shutdown(timeout=1)
        self._server.trigger.close()


class _Server(TcpWSGIServer):
    def __init__(self, *args: Any, **options: Any) -> None:
        self.stopping = threading.Event()
        super().__init__(*args, **options)

    def run(self) -> None:
        sockets = vars(self)["_map"]
        while not self.stopping.is_set():
            wasyncore.loop(timeout=1.0, use_poll=True, map=sockets, count=1)

    def maintenance(self, now: float) -> None:
        """Close connections by their age, as a byte now and then keeps them active."""
        channels: Any = self.active_channels
        crowded = len(channels) > MAX_CONNECTIONS // 2
        born_after = now - (CROWDED_CONNECTION_S if crowded else CONNECTION_S)
        for channel in tuple(channels.values()):
            if channel.creation_time < born_after:
                channel.will_close = True


def _only_own_host(host: str, app: WsgiApp) -> WsgiApp:
    """Refuse other methods than GET and HEAD, other hosts, and what other pages ask."""

    def guarded(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        if environ["REQUEST_METHOD"] not in ("GET", "HEAD"):
            start_response("405 Method Not Allowed", [("Allow", "GET, HEAD")])
        elif not is_own_host(environ.get("HTTP_HOST", ""), host):
            start_response("421 Misdirected Request", [])
        elif is_foreign(
            filter(None, [environ.get("HTTP_ORIGIN")]),
            environ.get("HTTP_SEC_FETCH_SITE", ""),
            environ.get("HTTP_HOST", ""),
        ):
            start_response("403 Forbidden", [])
        else:
            return app(environ, start_response)
        return []

    return guarded
