"""Messages as signed HTTP requests, one each, in order.

A request is `POST` with one message as its body, in a form of `forms.py`: by default JSON, as
`results.schema.json` describes it. Its headers are

    webhook-id          the same for every attempt at one message, so that receivers can skip
                        what they have already
    webhook-timestamp   seconds since 1970 of this attempt; refuse those that are minutes off
    webhook-signature   "v1," and the base64 of HMAC-SHA256(secret, "{id}.{timestamp}.{body}")

the headers of the convention "Standard Webhooks", for which receivers find libraries. Without a
secret there is no signature. A secret `whsec_…` is base64, by the same convention; any other is
used as it is, in UTF-8.
"""

import base64
import binascii
import contextlib
import hashlib
import hmac
import re
import socket
import threading
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote, urljoin, urlsplit

from ..backoff import Backoff, retry_after_s
from ..errors import StzsarError
from ..results import ActionEvent, Message, Recognition
from ..sinks.queued import Patience, Queued, TryAgainError, UndeliverableError
from ..sinks.sink import QueuedSink
from ..sinks.stills import StillOf, no_still
from .forms import Body, Form, body_of, check_still
from .shown import shown_origin

CONNECT_S, ANSWER_S = 5.0, 10.0
MAX_REDIRECTS = 3
# A longer answer, or a slower one, is not read: its connection is closed rather than used again.
MAX_ANSWER_BYTES, READ_S = 4096, 1.0
_MAY_PASS = {408, 425, 429}  # of 400 to 499
_KEEPS_METHOD = {307, 308}


@dataclass(frozen=True)
class Posting:
    """One message on its way.

    Attributes:
        body: the message in its form.
        id: what tells a repeated attempt from another message.
    """

    body: Body
    id: str = field(default_factory=lambda: f"msg_{uuid.uuid4().hex}")


class Webhook(QueuedSink[Posting]):
    """Posts messages to an address; never waits, and never ends a run.

    Attributes: see `sink.Sink`; `counters` say what became of the messages.
    """

    def __init__(
        self,
        url: str,
        *,
        secret: str | None = None,
        results: bool = False,
        form: Form = "json",
        still: str | None = None,
        still_of: StillOf = no_still,
        backoff: Backoff | None = None,
        connect_s: float = CONNECT_S,
        answer_s: float = ANSWER_S,
    ) -> None:
        """Check the address and start the queue; nothing is sent yet.

        Args:
            url: `http://` or `https://`; `user:password@` in it becomes basic authentication.
                Certificates are verified with the system's authorities, or with those in the file
                that the environment's SSL_CERT_FILE names.
            secret: signs the requests; from a file or the environment, as all users of a machine
                can read command lines.
            results: post results too, not only events and states.
            form: how the receiver wants the messages.
            still: how it gets the picture of an event: "attached", "base64", or the base of an
                address; None sends none.
            still_of: has the pictures.
            backoff: how often and when to try again.
            connect_s: limit of the time to connect.
            answer_s: limit of the time until the status and the headers have come.

        Raises:
            StzsarError: the address or the secret is unusable, the form has no such still, or
                urllib3 is missing.
        """
        check_still(form, still)
        self._results = results
        self._form: Form = form
        self._still, self._still_of = still, still_of
        name = f"webhook {_shown(url)}"
        post = _Post(name, url, signing_key(secret), connect_s, answer_s)
        super().__init__(name, Queued(post, backoff=backoff))

    def put(self, message: Message) -> None:
        """Have a message posted."""
        is_result = isinstance(message, Recognition)
        if is_result and not self._results:
            return
        still = None
        if self._still and isinstance(message, ActionEvent):
            still = self._still_of(message)
        posting = Posting(body_of(message, self._form, still=still, how=self._still))
        self._queue.offer(posting, size_bytes=len(posting.body.data), precious=not is_result)


def signing_key(secret: str | None) -> bytes | None:
    """Return the key in a secret.

    Raises:
        StzsarError: it is empty, or `whsec_` is not followed by base64.
    """
    if secret is None:
        return None
    secret = secret.strip()
    if not secret or secret == "whsec_":
        raise StzsarError("The webhook's secret is empty: give one, or none to send unsigned.")
    if not secret.startswith("whsec_"):
        return secret.encode("utf-8", errors="surrogateescape")
    try:
        return base64.b64decode(secret.removeprefix("whsec_"), validate=True)
    except (binascii.Error, ValueError) as error:
        raise StzsarError(
            "The webhook's secret begins with whsec_ and is not base64 after it: copy it again."
        ) from error


def signature(key: bytes, posting_id: str, timestamp_s: int, body: bytes) -> str:
    """Return the header `webhook-signature`, as the module's text describes it."""
    signed = f"{posting_id}.{timestamp_s}.".encode() + body
    return "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()


class _Post:
    """One attempt at a time; the queue repeats them."""

    def __init__(
        self, name: str, url: str, key: bytes | None, connect_s: float, answer_s: float
    ) -> None:
        try:
            import urllib3
        except ImportError as error:
            raise StzsarError(
                "A webhook needs the package urllib3: run pip install '.[sinks]' in stzsar's "
                "folder."
            ) from error
        self.name = name
        self._urllib3 = urllib3
        self._url, self._credentials = _split_credentials(url)
        self._key = key
        self._limits_s = (connect_s, answer_s)
        self._pool = urllib3.PoolManager(maxsize=1, retries=False, cert_reqs="CERT_REQUIRED")
        self._pool.pool_classes_by_scheme = _pools()

    def deliver(self, item: Posting, patience: Patience) -> None:
        url, query = self._url, item.body.query
        if query:
            url += ("&" if urlsplit(url).query else "?") + query
        for _ in range(1 + MAX_REDIRECTS):
            answer = self._send(url, item, patience)
            _put_away(answer)
            if answer.status not in _KEEPS_METHOD:
                return _judge(answer.status, answer.headers)
            url = _next_url(url, answer.headers.get("Location"))
        raise UndeliverableError("it redirects in a circle")

    def finish(self, _patience: Patience) -> None:
        self._pool.clear()

    def _send(self, url: str, posting: Posting, patience: Patience) -> Any:
        errors = self._urllib3.exceptions
        connect_s, answer_s = (max(0.05, patience.limit_s(limit)) for limit in self._limits_s)
        try:
            return self._pool.request(
                "POST",
                url,
                body=posting.body.data,
                headers=self._headers(posting),
                timeout=self._urllib3.Timeout(connect=connect_s, read=answer_s),
                redirect=False,
                preload_content=False,
            )
        # Not urllib3's own texts: they name the address, whose query may hold a token.
        except errors.NameResolutionError as error:
            raise TryAgainError("its host name is not known", away=True) from error
        except errors.NewConnectionError as error:
            reason = getattr(error.__cause__, "strerror", None) or "no connection"
            raise TryAgainError(str(reason).lower(), away=True) from error
        except errors.ConnectTimeoutError as error:
            raise TryAgainError(f"no connection in {connect_s:.2g} s", away=True) from error
        except errors.ReadTimeoutError as error:
            raise TryAgainError(f"no answer in {answer_s:.2g} s") from error
        except errors.SSLError as error:
            reason = getattr(error.args[0], "verify_message", "") or "the connection is not TLS"
            raise TryAgainError(f"its certificate or TLS is not accepted: {reason}") from error
        except (errors.ProtocolError, errors.HTTPError, OSError, ValueError) as error:
            raise TryAgainError("the connection broke off, or the answer is not HTTP") from error

    def _headers(self, posting: Posting) -> dict[str, str]:
        now_s = int(time.time())
        headers = {
            "Content-Type": posting.body.content_type,
            "User-Agent": "stzsar",
            "webhook-id": posting.id,
            "webhook-timestamp": str(now_s),
        }
        if self._key is not None:
            data = posting.body.data
            headers["webhook-signature"] = signature(self._key, posting.id, now_s, data)
        if self._credentials:
            headers |= self._urllib3.make_headers(basic_auth=self._credentials)
        return headers


def _shown(url: str) -> str:
    return shown_origin(url, ("http", "https"))


def _split_credentials(url: str) -> tuple[str, str | None]:
    """Return the address without `user:password@`, and these for basic authentication."""
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
        if not usable or not re.fullmatch(r"[\x21-\x7e]+", url):
            raise ValueError
    except ValueError as error:
        raise StzsarError(
            f"{_shown(url)} is not an address for a webhook: give http:// or https:// and a host."
        ) from error
    credentials, at, host = parts.netloc.rpartition("@")
    if not at:
        return url, None
    user, _, password = credentials.partition(":")
    # UTF-8 that looks like Latin-1: urllib3 refuses characters that Latin-1 lacks.
    pair = f"{unquote(user)}:{unquote(password)}".encode().decode("latin-1")
    return parts._replace(netloc=host).geturl(), pair


def _pools() -> dict[str, Any]:
    """Return urllib3's pools with connections that limit the time of an answer as a whole.

    Its own limits are those of each wait, which a byte now and then satisfies.
    """
    from urllib3 import HTTPConnectionPool, HTTPSConnectionPool

    def timely(pool: Any) -> Any:
        class Connection(pool.ConnectionCls):
            def getresponse(self) -> Any:
                with _cut_off(self.sock, self.timeout) as is_late:
                    try:
                        return super().getresponse()
                    except Exception:
                        if is_late.is_set():
                            raise TimeoutError from None
                        raise

        return type(pool.__name__, (pool,), {"ConnectionCls": Connection})

    return {"http": timely(HTTPConnectionPool), "https": timely(HTTPSConnectionPool)}


@contextlib.contextmanager
def _cut_off(connected: socket.socket, after_s: float) -> Iterator[threading.Event]:
    """End what is read in the block after a while; yield an event that says so."""
    is_late = threading.Event()

    def cut() -> None:
        is_late.set()
        with contextlib.suppress(OSError):  # the other side was faster
            connected.shutdown(socket.SHUT_RDWR)

    timer = threading.Timer(after_s, cut)
    timer.daemon = True
    timer.start()
    try:
        yield is_late
    finally:
        timer.cancel()


def _put_away(answer: Any) -> None:
    """Keep the connection for the next request if the answer is short, else close it."""
    length = answer.headers.get("Content-Length", "")
    with contextlib.suppress(Exception):  # the status has come, and nothing else counts
        if answer.status == 204 or (length.isdecimal() and int(length) <= MAX_ANSWER_BYTES):
            with _cut_off(answer.connection.sock, READ_S):
                answer.read(decode_content=False)
            answer.release_conn()
            return
    answer.close()


def _judge(status: int, headers: Any) -> None:
    """Return if the message has arrived by its status, else raise."""
    if 200 <= status < 300:
        return
    if status >= 500 or status in _MAY_PASS:
        raise TryAgainError(
            f"it answers {status}", after_s=retry_after_s(headers.get("Retry-After"))
        )
    if 300 <= status < 400:
        raise UndeliverableError(
            f"it answers {status}, a redirection: give the address that it leads to"
        )
    raise UndeliverableError(f"it answers {status}")


def _next_url(url: str, location: str | None) -> str:
    """Return the target of a redirection within the same server."""
    try:
        target = urljoin(url, location or "")
        here, there = urlsplit(url), urlsplit(target)
        is_same = (here.scheme, here.hostname, here.port) == (
            *(there.scheme, there.hostname, there.port),
        )
    except ValueError:
        is_same, target = False, ""
    if not location or not is_same:
        raise UndeliverableError("it redirects to another server, which is not followed")
    return target
