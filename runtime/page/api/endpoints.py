"""An endpoint: its address, what it takes and gives as types, and who may ask it.

The route and the document (`openapi.py`) are made of the same description, so neither can lie.
"""

import asyncio
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

import msgspec
from msgspec.structs import fields
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from ...documents import DocumentError, convert, from_json
from ...errors import StzsarError
from ..refusal import RefusalError, without_folders

Method = Literal["GET", "POST", "PUT", "PATCH", "DELETE"]
# What somebody needs to be allowed; "open" is nothing.
Needs = Literal["open", "look", "change"]

MAX_BODY_BYTES, MAX_LABELS_BODY_BYTES = 64 << 10, 2 << 20
# A client that takes longer to send what it wants holds a connection for nothing.
BODY_S = 10.0
# Slow work that goes on at once: new labels, exports, questions to the store.
MAX_AT_WORK = 8

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Asked:
    """A request, checked.

    Attributes:
        request: the request itself.
        query: what its address asks, of the endpoint's type.
        body: what it holds, likewise.
        path: what its path names, likewise.
    """

    request: Request
    query: Any = None
    body: Any = None
    path: Any = None


@dataclass(frozen=True, kw_only=True)
class Endpoint:
    """One thing that can be asked.

    Attributes:
        method: of HTTP.
        path: of its address; `{id}` is a field of `path_type`.
        summary: what it does, for the document.
        answer: does it; raises `RefusalError`.
        needs: who may.
        query: the type of its query.
        body: the type of its body.
        path_type: the type of what its path names.
        returns: the type of its answer, or the media type of a file; None is no answer.
        errors: statuses of HTTP that it may refuse with, besides those that any may.
        slow: whether it may take long, and so gets a thread.
        max_bytes: of the body.
    """

    method: Method
    path: str
    summary: str
    answer: Callable[[Asked], Any]
    needs: Needs = "look"
    query: type[msgspec.Struct] | None = None
    body: type[msgspec.Struct] | None = None
    path_type: type[msgspec.Struct] | None = None
    returns: type[msgspec.Struct] | str | tuple[str, ...] | None = None
    errors: tuple[int, ...] = ()
    slow: bool = False
    max_bytes: int = MAX_BODY_BYTES

    def route(self, workers: "Workers") -> Route:
        """Return the route that answers."""

        async def answer(request: Request) -> Response:
            try:
                asked = await self._asked(request)
                if self.slow:
                    found = await workers.do(lambda: self.answer(asked))
                else:
                    found = self.answer(asked)
                    if asyncio.iscoroutine(found):
                        found = await found
            except RefusalError as refusal:
                return refused(refusal)
            except StzsarError as error:
                return refused(RefusalError(422, without_folders(str(error))))
            except OSError as error:  # a full disk, above all
                reason = error.strerror or type(error).__name__
                return refused(
                    RefusalError(422, f"The files of this run cannot be used: {reason}.")
                )
            if isinstance(found, Response):
                return found
            if found is None:
                return Response(status_code=204)
            return Response(msgspec.json.encode(found), media_type="application/json")

        return Route(self.path, answer, methods=[self.method])

    async def _asked(self, request: Request) -> Asked:
        try:
            path = convert_texts(request.path_params, self.path_type)
        except DocumentError as error:
            raise RefusalError(404, f"There is no such thing here ({error}).") from None
        try:
            query = convert_texts(_query_of(request, self.query), self.query)
        except DocumentError as error:
            raise RefusalError(400, f"The query cannot be used: {error}.") from None
        body = None
        if self.body:
            content = await read_body(request, self.max_bytes)
            try:
                body = from_json(content, self.body)
            except DocumentError as error:
                raise RefusalError(400, f"The body cannot be used: {error}.") from None
        return Asked(request=request, query=query, body=body, path=path)


class Workers:
    """Threads for slow answers: daemons, since the end of a run must not wait for them."""

    def __init__(self) -> None:
        self._free = asyncio.Semaphore(MAX_AT_WORK)
        self.at_work = 0  # threads that have not ended

    async def do(self, work: Callable[[], T]) -> T:
        """Return what `work` returns, from another thread."""
        async with self._free:
            loop = asyncio.get_running_loop()
            done: asyncio.Future[T] = loop.create_future()

            def land(result: T | None, error: BaseException | None) -> None:
                self.at_work -= 1
                if done.cancelled():
                    return
                if error is not None:
                    done.set_exception(error)
                else:
                    done.set_result(result)  # pyright: ignore[reportArgumentType]

            def run() -> None:
                result: T | None = None
                error: BaseException | None = None
                try:
                    result = work()
                except BaseException as failure:  # raised where it is awaited
                    error = failure
                if not loop.is_closed():
                    loop.call_soon_threadsafe(land, result, error)

            self.at_work += 1
            threading.Thread(target=run, name="page request", daemon=True).start()
            return await done


def convert_texts(values: Mapping[str, Any], kind: type[msgspec.Struct] | None) -> Any:
    """Return texts of an address as an object of `kind`: numbers and words as it has them.

    Raises:
        DocumentError: one is missing, unknown or out of range.
    """
    if kind is None:
        if values:
            raise DocumentError("it takes nothing, and has " + ", ".join(values))
        return None
    return convert(values, kind, strict=False)


def _query_of(request: Request, kind: type[msgspec.Struct] | None) -> dict[str, Any]:
    """Return the query's values by name; of fields that take several, all of them."""
    many = {
        field.encode_name
        for field in (fields(kind) if kind else ())
        if getattr(field.type, "__metadata__", None) and "tuple" in str(field.type)
    }
    found: dict[str, Any] = {}
    for name, value in request.query_params.multi_items():
        if name in many:
            found.setdefault(name, []).append(value)
        elif name in found:
            raise DocumentError(f"{name} is there twice")
        else:
            found[name] = value
    return found


async def read_body(request: Request, max_bytes: int) -> bytes:
    """Return the body of a request that says it is JSON.

    Raises:
        RefusalError: it is something else, too large, or comes too slowly.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise RefusalError(415, "Send JSON, with Content-Type: application/json.")
    length = request.headers.get("content-length", "0")
    too_large = RefusalError(413, f"It is larger than {max_bytes >> 10} KiB: send less.")
    if length.isascii() and length.isdecimal() and int(length[:12]) > max_bytes:
        raise too_large

    async def read() -> bytes:
        content = bytearray()
        async for part in request.stream():
            content += part
            if len(content) > max_bytes:
                raise too_large
        return bytes(content)

    try:
        return await asyncio.wait_for(read(), BODY_S)
    except asyncio.TimeoutError:
        raise RefusalError(408, f"It took more than {BODY_S:g} s to send: try again.") from None
    except ClientDisconnect:
        raise RefusalError(400, "It was not sent to its end: send it again.") from None


def refused(refusal: RefusalError) -> Response:
    """Return the answer to a request that is not done."""
    headers = {}
    if refusal.wait_s is not None:
        headers["Retry-After"] = str(max(1, round(refusal.wait_s)))
    if refusal.status == 401:
        headers["WWW-Authenticate"] = 'Bearer realm="stzsar"'
    return Response(
        msgspec.json.encode(refusal.failure),
        refusal.status,
        headers=headers,
        media_type="application/json",
    )
