"""What all pages are made of: where they are served, their files, their endpoints and the guard."""

import logging
import secrets
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Match, Route

from .access import Access
from .api.endpoints import Endpoint, Needs, Workers, refused
from .api.guard import Guard
from .api.openapi import described
from .files import StaticFiles
from .options import Address, PageOptions, Tokens, parse_address, read_tokens
from .refusal import RefusalError
from .server import PageServer

log = logging.getLogger(__name__)


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


class Site:
    """A page's address, its tokens, and the threads that answer.

    Attributes:
        server: what answers.
        access: the tokens.
        workers: threads of slow answers.
        opened: where it is.
    """

    def __init__(self, options: PageOptions) -> None:
        """Listen.

        Raises:
            StzsarError: the port is taken, the host is not this machine's, or the tokens or the
                certificate cannot be used.
        """
        assert options.serve
        address = parse_address(options.serve)
        tokens, made = tokens_for(address, options)
        self.server = PageServer(address, tls_cert=options.tls_cert, tls_key=options.tls_key)
        self._host, self._is_tls = address.host, options.tls_cert is not None
        self.access, self.workers = Access(tokens, self.server.port), Workers()
        scheme = "https" if self._is_tls else "http"
        host = socket.gethostname() if address.host in ("0.0.0.0", "::") else address.host
        shown = f"[{host}]" if ":" in host else host
        self.opened = Opened(f"{scheme}://{shown}:{self.server.port}/", tokens, made)

    def start(
        self,
        endpoints: Sequence[Endpoint],
        background: Callable[[], Any],
        *,
        sockets: Sequence[BaseRoute] = (),
        index: str = "index.html",
    ) -> None:
        """Answer requests.

        Args:
            endpoints: what can be asked, besides the page itself.
            background: a coroutine that runs beside it.
            sockets: WebSockets, which need what looking needs.
            index: the file under `static/` that is the page.
        """
        app = self._app([*endpoints, described(endpoints)], sockets, index)
        self.server.start(app, background)

    def _app(
        self, endpoints: Sequence[Endpoint], sockets: Sequence[BaseRoute], index: str
    ) -> Callable[..., Any]:
        files = StaticFiles(index)
        routes = [one.route(self.workers) for one in endpoints]
        needs: list[tuple[Route, Needs]] = [
            (route, one.needs) for route, one in zip(routes, endpoints, strict=True)
        ]
        live = {getattr(one, "path", "") for one in sockets}

        def needed(method: str, path: str) -> Needs | None:
            if path in live:
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
                *sockets,
                *routes,
            ],
            exception_handlers={404: _not_found, 405: _not_allowed, 500: _failed},
        )
        app.router.redirect_slashes = False
        return Guard(app, self.access, host=self._host, needs=needed, is_tls=self._is_tls)


def tokens_for(address: Address, options: PageOptions) -> tuple[Tokens, bool]:
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
