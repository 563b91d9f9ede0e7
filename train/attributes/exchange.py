"""One HTTP request with limits on size and time, connected to an address that was looked at.

urllib3 is used one connection at a time and not through its pools: these resolve names once more,
and limit each wait but not their sum, so that a server that sends a byte now and then holds on.
"""

import contextlib
import socket
import ssl
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from http.client import HTTPException
from typing import Any

from ...runtime.errors import StzsarError
from .addresses import AddressError, WebAddress, places

_BLOCK = 1 << 16


@dataclass(frozen=True)
class Limits:
    """What a request may take: seconds to connect, seconds in all, and bytes, unpacked.

    Attributes:
        cuts: whether a body that is too large is cut there, and not refused.
    """

    connect_s: float = 10.0
    total_s: float = 30.0
    max_bytes: int = 5 << 20
    cuts: bool = False


@dataclass(frozen=True)
class Reply:
    """What came back: status, headers with names in small letters, and the unpacked body."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class ExchangeError(Exception):
    """No reply; the message says why, without address or headers.

    Attributes:
        passing: whether another attempt may help.
        away: whether nobody was there at all.
    """

    def __init__(self, message: str, *, passing: bool = True, away: bool = False) -> None:
        super().__init__(message)
        self.passing, self.away = passing, away


def exchange(
    method: str,
    address: WebAddress,
    *,
    headers: Mapping[str, str],
    body: bytes | None = None,
    limits: Limits | None = None,
    private: bool = False,
) -> Reply:
    """Send one request and read the reply; redirects are not followed.

    Args:
        method: "GET" or "POST".
        address: where to.
        headers: besides `Host` and what describes the body.
        body: of a POST.
        limits: of size and time.
        private: whether the host may be this machine, or one of a private network.

    Raises:
        ExchangeError: there was no reply within the limits.
        StzsarError: urllib3 is not installed.
    """
    limits = limits or Limits()
    try:
        numbers = places(address, private=private)
    except AddressError as error:
        # Without a cause the host is known, and must not be asked.
        away = error.__cause__ is not None
        raise ExchangeError(str(error), passing=False, away=away) from error
    for number in numbers[:-1]:
        try:
            return _ask(number, method, address, headers, body, limits)
        except ExchangeError as error:
            # What was asked already may have been done, and paid for.
            if not error.away:
                raise
    return _ask(numbers[-1], method, address, headers, body, limits)


def _ask(
    number: str,
    method: str,
    address: WebAddress,
    asked: Mapping[str, str],
    body: bytes | None,
    limits: Limits,
) -> Reply:
    import urllib3.exceptions as errors
    from urllib3.util.ssl_match_hostname import CertificateError

    connection = _connection(number, address, limits)
    with _Deadline(connection, limits.total_s) as deadline:
        try:
            connection.connect()
            deadline.hold()
            connection.timeout = limits.total_s
            if connection.sock is not None:
                connection.sock.settimeout(limits.total_s)
            connection.request(
                method,
                address.target,
                body=body,
                headers={"Host": address.netloc, **asked},
                preload_content=False,
            )
            reply = connection.getresponse()
            content = _read(reply, limits)
            if deadline.late:  # a closed connection can look like the end of the page
                raise TimeoutError
            headers = {name.lower(): value for name, value in reply.headers.items()}
            return Reply(reply.status, headers, content)
        except errors.NewConnectionError as error:
            why = getattr(error.__cause__, "strerror", None) or "no connection"
            raise ExchangeError(str(why).lower(), away=True) from error
        except errors.ConnectTimeoutError as error:
            raise ExchangeError(f"no connection in {limits.connect_s:g} s", away=True) from error
        except ssl.SSLError as error:
            why = getattr(error, "verify_message", "") or "the connection is not TLS"
            raise ExchangeError(f"its certificate or TLS is not accepted: {why}") from error
        except CertificateError as error:
            raise ExchangeError("its certificate is that of another host") from error
        except (errors.HTTPError, HTTPException, OSError, ValueError, AttributeError) as error:
            # AttributeError: the deadline closed the connection while urllib3 was using it.
            if deadline.late or isinstance(error, errors.ReadTimeoutError | TimeoutError):
                raise ExchangeError(f"no whole answer in {limits.total_s:g} s") from error
            raise ExchangeError("the connection broke off, or the answer is not HTTP") from error


def _connection(number: str, address: WebAddress, limits: Limits) -> Any:
    try:
        from urllib3.connection import HTTPConnection, HTTPSConnection
    except ImportError as error:
        raise StzsarError(
            "Fetching text needs the package urllib3: run pip install '.[cpu,attributes]' in "
            "stzsar's folder."
        ) from error
    if address.scheme == "http":
        return HTTPConnection(number, address.port, timeout=limits.connect_s)
    return HTTPSConnection(
        number,
        address.port,
        timeout=limits.connect_s,
        server_hostname=address.host,
        assert_hostname=address.host,
        ssl_context=ssl.create_default_context(),
    )


def _read(reply: Any, limits: Limits) -> bytes:
    blocks, size = [], 0
    for block in reply.stream(_BLOCK, decode_content=True):
        size += len(block)
        if size > limits.max_bytes and limits.cuts:
            return b"".join([*blocks, block])[: limits.max_bytes]
        if size > limits.max_bytes:
            raise ExchangeError(f"it is larger than {limits.max_bytes >> 20} MiB", passing=False)
        blocks.append(block)
    return b"".join(blocks)


class _Deadline:
    """Closes a connection when the time is over, and knows that this was why it broke.

    Attributes:
        late: whether the time is over.
    """

    def __init__(self, connection: Any, seconds: float) -> None:
        self.late = False
        self._connection = connection
        self._socket: Any = None
        self._timer = threading.Timer(seconds, self._end)
        self._timer.daemon = True

    def hold(self) -> None:
        """Take the socket, which the connection forgets when the body begins."""
        self._socket = self._connection.sock

    def _end(self) -> None:
        self.late = True
        held = self._socket or self._connection.sock
        if held is not None:
            with contextlib.suppress(OSError):
                # Not SSLSocket's own, which forgets its state under the thread that reads.
                socket.socket.shutdown(held, socket.SHUT_RDWR)

    def __enter__(self) -> "_Deadline":
        self._timer.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._timer.cancel()
        self._connection.close()
