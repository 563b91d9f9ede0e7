"""An httpx transport with limits on size and time, which connects only to judged addresses."""

import math
import ssl
import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import httpcore2
import httpx2

from .addresses import AddressError, UnknownHostError, resolve

_OF_THE_WIRE = {b"content-encoding", b"content-length", b"transfer-encoding"}


@dataclass(frozen=True)
class Limits:
    """Limits of one request: seconds to connect, seconds in all, bytes of the unpacked body."""

    connect_s: float = 10.0
    total_s: float = 30.0
    max_bytes: int = 5 << 20


class NoAnswerError(httpx2.TransportError):
    """There is no whole answer; the message says why, without address or headers.

    Attributes:
        may_pass: whether another attempt may help.
        away: whether nobody was there at all, so that nothing was sent.
        is_slow: whether the time was up.
    """

    def __init__(
        self, why: str, *, may_pass: bool = True, away: bool = False, is_slow: bool = False
    ) -> None:
        super().__init__(why)
        self.may_pass, self.away, self.is_slow = may_pass, away, is_slow


class GuardedTransport(httpx2.HTTPTransport):
    """Connects to addresses that may be asked, `private` ones too if so, within limits."""

    def __init__(self, limits: Limits, *, private: bool) -> None:
        context = ssl.create_default_context()  # reads SSL_CERT_FILE, as everybody does
        super().__init__(verify=context, trust_env=False)
        # httpx has no parameter for a network backend, httpcore does. As no connection is kept,
        # the time limit of a connection is that of its one request.
        self._pool = httpcore2.ConnectionPool(
            ssl_context=context,
            max_connections=None,
            max_keepalive_connections=0,
            network_backend=_JudgedBackend(limits, private=private),
        )
        self._limits = limits

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        """Return the answer with its body unpacked; the extension `cut_at` cuts a long body.

        Raises:
            NoAnswerError: there is none within the limits, or the address must not be asked.
        """
        try:
            response = super().handle_request(request)
            try:
                body = self._body(response, request.extensions.get("cut_at"))
            finally:
                response.close()
        except NoAnswerError:
            raise
        except AddressError as error:
            away = isinstance(error, UnknownHostError)
            raise NoAnswerError(str(error), may_pass=False, away=away) from error
        except httpx2.ConnectTimeout as error:
            why = f"no connection in {self._limits.connect_s:g} s"
            raise NoAnswerError(why, away=True) from error
        except httpx2.TimeoutException as error:
            why = f"no whole answer in {self._limits.total_s:g} s"
            raise NoAnswerError(why, is_slow=True) from error
        except (httpx2.TransportError, httpx2.DecodingError) as error:
            raise _told(error) from error
        headers = [pair for pair in response.headers.raw if pair[0].lower() not in _OF_THE_WIRE]
        return httpx2.Response(response.status_code, headers=headers, content=body)

    def _body(self, response: httpx2.Response, cut_at: int | None) -> bytes:
        body = bytearray()
        for block in response.iter_bytes():  # httpx unpacks 1 MiB at a time
            body += block
            if cut_at is not None and len(body) > cut_at:
                break
            if len(body) > self._limits.max_bytes:
                mib = self._limits.max_bytes >> 20
                raise NoAnswerError(f"it is larger than {mib} MiB", may_pass=False)
        return bytes(body[:cut_at])


def _told(error: Exception) -> NoAnswerError:
    # httpcore's errors hold those of the socket.
    cause = error.__cause__.args[0] if error.__cause__ and error.__cause__.args else None
    if isinstance(cause, ssl.SSLError):
        why = getattr(cause, "verify_message", "") or "the connection is not TLS"
        return NoAnswerError(f"its certificate or TLS is not accepted: {why}")
    if isinstance(error, httpx2.ConnectError):
        why = str(getattr(cause, "strerror", None) or "no connection").lower()
        return NoAnswerError(why, away=True)
    return NoAnswerError("the connection broke off, or the answer is not HTTP")


class _JudgedBackend(httpcore2.NetworkBackend):
    """Resolves a host, judges its addresses, and connects to the first that answers."""

    def __init__(self, limits: Limits, *, private: bool) -> None:
        self._limits, self._private = limits, private
        self._sockets = httpcore2.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore2.NetworkStream:
        deadline_s = time.monotonic() + self._limits.total_s
        timeout = min(timeout or math.inf, self._limits.connect_s)
        failure: Exception = httpcore2.ConnectError("no address")
        for number in resolve(host, port, private=self._private):
            try:
                stream = self._sockets.connect_tcp(
                    number, port, timeout, local_address, socket_options
                )
                return _StreamWithDeadline(stream, deadline_s)
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout) as error:
                failure = error
        raise failure


class _StreamWithDeadline(httpcore2.NetworkStream):
    """Limits the sum of all waits; httpx limits each, which a byte now and then satisfies."""

    def __init__(self, stream: httpcore2.NetworkStream, deadline_s: float) -> None:
        self._stream, self._deadline_s = stream, deadline_s
        self.close, self.get_extra_info = stream.close, stream.get_extra_info

    def _left_s(self, timeout: float | None) -> float:
        left_s = self._deadline_s - time.monotonic()
        if left_s <= 0:
            raise httpcore2.ReadTimeout
        return left_s if timeout is None else min(left_s, timeout)

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, self._left_s(timeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, self._left_s(timeout))

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore2.NetworkStream:
        stream = self._stream.start_tls(ssl_context, server_hostname, self._left_s(timeout))
        return _StreamWithDeadline(stream, self._deadline_s)
