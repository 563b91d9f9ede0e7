"""What stands before everything: the host, the origin and the role of whoever asks."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import Response

from ...sinks.own_host import is_foreign, is_own_host
from ..access import Access, Refused, Role
from ..options import LONGEST_TOKEN
from ..refusal import RefusalError
from .endpoints import Needs, refused
from .headers import HEADERS

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[Any]]
Send = Callable[[Any], Awaitable[None]]
App = Callable[[Any, Receive, Send], Awaitable[None]]

_SAFE = ("GET", "HEAD")


class Guard:
    """Lets those requests through that may pass; the role is in `scope["role"]` then.

    Args:
        app: what answers.
        access: the tokens.
        host: what is listened on.
        needs: returns what a method and a path need; None where nothing is.
        is_tls: whether browsers come by https.
    """

    def __init__(
        self,
        app: App,
        access: Access,
        *,
        host: str,
        needs: Callable[[str, str], Needs | None],
        is_tls: bool,
    ) -> None:
        self._app, self._access = app, access
        self._host, self._needs = host, needs
        self._headers: Mapping[str, str] = {
            **HEADERS,
            **({"Strict-Transport-Security": "max-age=31536000"} if is_tls else {}),
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or let the app do it."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return

        async def send_with_headers(message: Any) -> None:
            if message["type"] in ("http.response.start", "websocket.http.response.start"):
                headers = MutableHeaders(scope=message)
                for name, value in self._headers.items():
                    headers[name] = value
                headers.setdefault("Cache-Control", "no-store")
            await send(message)

        try:
            scope["role"] = self._role(scope)
        except RefusalError as refusal:
            await answer(scope, receive, send_with_headers, refused(refusal))
            return
        await self._app(scope, receive, send_with_headers)

    def _role(self, scope: Scope) -> Role | None:
        """Return what somebody may do who asks for something that this allows.

        Raises:
            RefusalError: it is not allowed.
        """
        headers = Headers(scope=scope)
        hosts = headers.getlist("host")
        if len(hosts) > 1 or not is_own_host(headers.get("host", ""), self._host):
            raise RefusalError(421, "This is another host: use the address that stzsar-run shows.")
        is_socket = scope["type"] == "websocket"
        method = "GET" if is_socket else scope["method"]
        needs = self._needs(method, scope["path"])
        _check_origin(headers, is_safe=method in _SAFE and not is_socket, path=scope["path"])
        role = self._role_shown(headers, _address(scope))
        if needs in ("look", "change") and role is None:
            raise RefusalError(401, "This needs a token: log in, or send it as a bearer.")
        if needs == "change" and role != "change":
            raise RefusalError(403, "Your token only lets you look: use the other one.")
        return role

    def _role_shown(self, headers: Headers, address: str) -> Role | None:
        if not self._access.needs_token:
            return "change"
        scheme, _, token = headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer":
            return checked(self._access, token.strip(), address)
        return self._access.role_of_cookie(headers.get("cookie", ""))


def checked(access: Access, token: str, address: str) -> Role:
    """Return what a token allows.

    Raises:
        RefusalError: nothing, or too many wrong ones came before.
    """
    found = access.role_of_token(token[: 4 * LONGEST_TOKEN], address)
    if isinstance(found, Refused):
        raise RefusalError(
            429,
            f"Too many wrong tokens came from there: wait {max(1, round(found.wait_s))} s.",
            wait_s=found.wait_s,
        )
    if found is None:
        raise RefusalError(401, "This token is not valid: copy the whole of it.")
    return found


def _check_origin(headers: Headers, *, is_safe: bool, path: str) -> None:
    """Refuse what another page made a browser ask.

    Raises:
        RefusalError: it comes from another page.
    """
    origins, site = headers.getlist("origin"), headers.get("sec-fetch-site", "")
    foreign = is_foreign(origins, site, headers.get("host", ""))
    # The page itself may be opened by a link elsewhere; it has nothing in it.
    if foreign and not (is_safe and path == "/"):
        raise RefusalError(403, "Another page asks for this: open the page of stzsar itself.")


def _address(scope: Scope) -> str:
    client = scope.get("client")
    return str(client[0]) if client else ""


async def answer(scope: Scope, receive: Receive, send: Send, response: Response) -> None:
    """Answer a request, or a WebSocket's handshake, which is not accepted then."""
    if scope["type"] == "http":
        await response(scope, receive, send)
        return
    await send(
        {
            "type": "websocket.http.response.start",
            "status": response.status_code,
            "headers": response.raw_headers,
        }
    )
    await send({"type": "websocket.http.response.body", "body": response.body})
