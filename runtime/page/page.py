"""The live page of a run: what it needs of the run, put together and served."""

import asyncio
import logging
import secrets
import socket
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Match, Route, WebSocketRoute

from ..results import Message, Recognition, to_json
from ..sinks.metrics import Metrics
from ..sinks.sink import Sink
from ..terminal.commandline import leave_threads_behind
from .access import Access, Role
from .api.endpoints import Endpoint, Needs, Workers, refused
from .api.guard import Guard
from .api.openapi import described
from .board import told
from .files import StaticFiles
from .live import Live
from .messages.live import Bye, Hello, Stored, StreamNews
from .options import Address, PageOptions, Tokens, parse_address, read_tokens
from .pictures import Packet
from .recordings import Recordings
from .refusal import RefusalError
from .server import PageServer
from .sight import Sight
from .viewers import Viewers

log = logging.getLogger(__name__)

TICK_S, STATS_S = 0.1, 1.0


@dataclass(frozen=True)
class Opened:
    """Where a page is served.

    Attributes:
        address: of the page.
        tokens: what is needed to see it, or nothing.
        made: whether the tokens were made for this run alone.
    """

    address: str
    tokens: Tokens
    made: bool

    @property
    def links(self) -> tuple[str, ...]:
        """What to open in a browser: the page, with a token that was made for it."""
        if not self.made:
            return (self.address,)
        return tuple(
            f"{self.address}#token={token}" for token in (self.tokens.change, self.tokens.look)
        )


class LivePage(Sink):
    """Serves the page; a sink whose `close` tells viewers and ends the server.

    Attributes:
        opened: where it is.
        recordings: what people record.
        on_close: called at the end.
    """

    recordings: Recordings
    name = "page"
    wants_frames = False

    def __init__(self, options: PageOptions, sight: Sight, metrics: Metrics) -> None:
        """Listen; `start` begins to answer.

        Raises:
            StzsarError: the port is taken, the host is not this machine's, or the tokens or the
                certificate cannot be used.
        """
        assert options.serve
        address = parse_address(options.serve)
        tokens, made = _tokens_for(address, options)
        self._sight, self._metrics = sight, metrics
        self._server = PageServer(address, tls_cert=options.tls_cert, tls_key=options.tls_key)
        self._host, self._is_tls = address.host, options.tls_cert is not None
        self._access = Access(tokens, self._server.port)
        self._workers, self._stats_s = Workers(), 0.0
        self._viewers = Viewers(self._use_watches)
        self._live = Live(self._viewers, self._hello, self._bye)
        sight.pictures.on_packet = self._on_packet
        self.on_close: list[Callable[[], None]] = []
        self._changed_events: deque[int] = deque()
        scheme = "https" if self._is_tls else "http"
        host = socket.gethostname() if address.host in ("0.0.0.0", "::") else address.host
        shown = f"[{host}]" if ":" in host else host
        self.opened = Opened(f"{scheme}://{shown}:{self._server.port}/", tokens, made)

    def start(self, endpoints: Sequence[Endpoint]) -> None:
        """Answer requests.

        Args:
            endpoints: what can be asked, besides the page itself and its WebSocket.
        """
        self._server.start(self._app([*endpoints, described(endpoints)]), self._tell)

    def put(self, message: Message) -> None:
        """Note a message."""
        self._sight.board.put(message)
        self._metrics.count(message)

    def source_ended(self, source: str) -> None:
        """Note that a source has ended."""
        self._sight.board.source_ended(source)
        self._metrics.set_state(source, "ended")

    def observe_round(self, seconds: float, batch: int) -> None:
        """Count a batch: its seconds, and the frames that it encoded."""
        self._metrics.observe_round(seconds, batch)

    def close(self, timeout_s: float) -> None:
        """Tell all viewers that the run has ended, and end the server."""
        self._server.do(self._live.end)
        for end in self.on_close:
            end()
        self._sight.pictures.close(0.1)
        self._server.close(max(0.5, timeout_s))
        self.recordings.close(timeout_s)
        if self._workers.at_work:  # a thread inside the engine would abort the process at its end
            leave_threads_behind()

    def tell_of_event(self, number: int) -> None:
        """Tell all viewers soon that an event has changed; called from any thread."""
        self._changed_events.append(number)

    def tell(self, *news: msgspec.Struct) -> None:
        """Tell all viewers something; called from any thread."""
        content = msgspec.json.encode(news)
        self._server.do(self._viewers.tell, content)

    @property
    def access(self) -> Access:
        """The tokens."""
        return self._access

    def _app(self, endpoints: Sequence[Endpoint]) -> Callable[..., Any]:
        workers, files = self._workers, StaticFiles()
        routes = [one.route(workers) for one in endpoints]
        needs: list[tuple[Route, Needs]] = [
            (route, one.needs) for route, one in zip(routes, endpoints, strict=True)
        ]

        def needed(method: str, path: str) -> Needs | None:
            if path == "/api/live":
                return "look"
            scope = {"type": "http", "method": method, "path": path}
            for route, what in needs:
                if route.matches(scope)[0] is Match.FULL:
                    return what
            return None

        app = Starlette(
            routes=[
                Route("/", files.index),
                Route("/static/{name:path}", files.file),
                WebSocketRoute("/api/live", self._live.serve),
                *routes,
            ],
            exception_handlers={404: _not_found, 405: _not_allowed, 500: _failed},
        )
        app.router.redirect_slashes = False
        return Guard(app, self._access, host=self._host, needs=needed, is_tls=self._is_tls)

    def _hello(self, role: Role) -> bytes:
        sight = self._sight
        hello = Hello(
            time=round(time.time(), 3),
            role=role,
            run=sight.run(),
            streams=tuple(sight.scene.stream(one, history=True) for one in sight.scene.sources),
        )
        return msgspec.json.encode([hello])

    def _bye(self) -> bytes:
        return msgspec.json.encode([Bye(reason="The run has ended.")])

    def _on_packet(self, packet: Packet) -> None:
        self._server.do(self._viewers.show, (packet,))

    def _use_watches(self) -> None:
        self._sight.pictures.watch(self._viewers.wanted)
        self._sight.explain(self._viewers.explained)

    async def _tell(self) -> None:
        """Tell viewers what is new, some times a second; nothing while there are none."""
        while True:
            await asyncio.sleep(TICK_S)
            try:
                self._tell_once()
            except Exception:  # the next news may be better
                log.debug("News could not be told.", exc_info=True)

    def _tell_once(self) -> None:
        messages, results = self._sight.board.news()
        changed = self._sight.scene.changed()
        events = {self._changed_events.popleft() for _ in range(len(self._changed_events))}
        if not len(self._viewers):
            return
        self._live.drop(self._viewers.too_slow())
        news: list[Any] = [_told(one) for one in messages]
        news += [StreamNews(stream=self._sight.scene.stream(one)) for one in changed]
        news += [Stored(id=number) for number in sorted(events)]
        news += [told(found, values) for found, values in results.values()]
        if time.monotonic() - self._stats_s >= STATS_S:
            self._stats_s = time.monotonic()
            news.append(self._sight.scene.stats(len(self._viewers)))
        if news:
            self._viewers.tell(msgspec.json.encode(news))
        for lane, (found, explanation) in self._sight.board.whys().items():
            if why := self._sight.scene.why(lane, found, explanation):
                self._viewers.explain(lane, msgspec.json.encode([why]))


def _told(message: Message) -> Any:
    assert not isinstance(message, Recognition)
    return msgspec.Raw(to_json(message).encode())


def _tokens_for(address: Address, options: PageOptions) -> tuple[Tokens, bool]:
    """Return the tokens, and whether they were made here."""
    tokens = read_tokens(options.serve_token)
    if tokens.change or address.is_private:
        return tokens, False
    return Tokens(secrets.token_urlsafe(24), secrets.token_urlsafe(24)), True


async def _not_found(_request: Request, _error: Exception) -> Response:
    return refused(
        RefusalError(404, "There is nothing here: /api/openapi.json says what is where.")
    )


async def _not_allowed(_request: Request, error: Exception) -> Response:
    response = refused(RefusalError(405, "This address takes another method."))
    response.headers["Allow"] = getattr(error, "headers", {}).get("Allow", "")
    return response


async def _failed(_request: Request, error: Exception) -> Response:
    log.warning("A request to the page failed because of a bug in stzsar.", exc_info=error)
    return refused(RefusalError(500, "This failed because of a bug in stzsar: its log says more."))
