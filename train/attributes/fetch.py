"""Fetches pages politely: robots.txt, one request at a time to a site, waits between them.

Three httpx transports, one in the other: hishel's cache, `_PoliteTransport`, `GuardedTransport`.
"""

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import httpx2
from hishel.httpx2 import CacheTransport
from protego import Protego

from ...runtime.backoff import Backoff, retry_after_s
from ...runtime.chat.addresses import AddressError, origin_of, parse_url
from ...runtime.chat.model import Caller
from ...runtime.chat.transport import GuardedTransport, Limits, NoAnswerError
from .cache import Cache

log = logging.getLogger(__name__)

AGENT = "stzsar-attributes"
CALLER = Caller(AGENT, "--llm-url", "--llm-model", ", or take --llm none")
MAX_REDIRECTS = 5
WAITS = Backoff(attempts=4, first_s=1.0, longest_s=30.0, longest_asked_s=120.0)
_LONGEST_CRAWL_DELAY_S = 30.0
_MAX_ROBOTS_BYTES = 500 << 10  # RFC 9309, 2.5: crawlers read at least so much
_MAY_PASS = {408, 425, 429, 500, 502, 503, 504}
_GONE = {404, 410}
_MISSING = 204  # stands for them in the cache, which keeps successes only


class FetchError(Exception):
    """A page that cannot be fetched; the message says why, without the address."""


class AwayError(FetchError):
    """Nobody answers at this site, so its other pages need not be tried."""


@dataclass(frozen=True)
class Page:
    """A fetched page: its address after redirects, the header Content-Type, the bytes."""

    url: str
    content_type: str
    body: bytes


class Fetcher:
    """Fetches pages and keeps them; threads may share one."""

    def __init__(
        self,
        cache: Cache,
        *,
        user_agent: str,
        delay_s: float = 1.0,
        limits: Limits | None = None,
    ) -> None:
        """Prepare the client; a site is asked once in `delay_s` seconds."""
        self._cache = cache
        self._named: set[str] = set()
        polite = _PoliteTransport(user_agent, self._named, delay_s, limits or Limits())
        self._client = httpx2.Client(
            transport=CacheTransport(polite, cache.storage),
            follow_redirects=True,
            max_redirects=MAX_REDIRECTS,
            timeout=None,  # the transport has limits
            trust_env=False,  # no proxy, which would resolve names itself, and no ~/.netrc
        )

    def allow(self, url: str) -> None:
        """Allow the host of `url`, which the user named, to be private."""
        self._named.add(origin_of(parse_url(url)))

    def knows(self, url: str) -> bool:
        return self._cache.knows(url)

    def get(
        self, url: str, *, robots: bool = True, check: Callable[[bytes], object] | None = None
    ) -> Page:
        """Return the page at `url`.

        A public API is asked without `robots`: it has rules of its own, and robots.txt, which is
        for crawlers of pages, often forbids its path. A body for which `check` raises FetchError is
        not kept.

        Raises:
            FetchError: it is missing, forbidden, too large, too slow, or not an address.
        """
        try:
            asked = {"origin": origin_of(parse_url(url)), "robots": robots, "check": check}
            # Redirects share the key, so that the page is found by the address that was asked for.
            found = self._client.get(url, extensions={**asked, "caching": {"key": url}})
        except AddressError as error:
            raise FetchError(str(error)) from error
        except httpx2.TooManyRedirects as error:
            raise FetchError(f"it redirects more than {MAX_REDIRECTS} times") from error
        except httpx2.RemoteProtocolError as error:
            raise FetchError("it redirects to what is not an address") from error
        if found.status_code == _MISSING:
            raise FetchError("there is no such page")
        return Page(found.headers["location"], found.headers["content-type"], found.content)


@dataclass
class _Site:
    """The state of one site; its lock is held while it is asked.

    Failures are kept for the run: `robots` is the rules, or why they cannot be read.
    """

    delay_s: float
    lock: threading.Lock = field(default_factory=threading.Lock)
    free_s: float = 0.0
    robots: Any = None
    away: str = ""


class _PoliteTransport(httpx2.BaseTransport):
    """Asks a site as its robots.txt and its answers want it."""

    def __init__(self, user_agent: str, named: set[str], delay_s: float, limits: Limits) -> None:
        self._headers = {
            "User-Agent": user_agent,
            "Accept": "text/html, application/json, text/plain;q=0.9, */*;q=0.1",
            "Accept-Encoding": "gzip, deflate",
        }
        self._named, self._delay_s = named, delay_s
        self._transports = {flag: GuardedTransport(limits, private=flag) for flag in (False, True)}
        self._sites: dict[str, _Site] = {}
        self._sites_lock = threading.Lock()

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        asked = request.extensions
        try:
            url = parse_url(str(request.url))
        except AddressError as error:
            raise FetchError(f"it redirects elsewhere, and {error}") from error
        is_first = origin_of(url) == asked["origin"]
        # A private host only if the user named it, and only from itself.
        private = is_first and asked["origin"] in self._named
        with self._sites_lock:
            site = self._sites.setdefault(origin_of(url), _Site(self._delay_s))
        try:
            with site.lock:
                if asked["robots"] and not self._may(site, url, private=private):
                    raise FetchError("robots.txt forbids it")
                reply = self._patiently(site, url, private=private)
        except AwayError as error:
            if is_first:
                raise
            raise FetchError(f"it redirects elsewhere: {error}") from error
        if reply.has_redirect_location:
            headers = {b"location": reply.headers["location"].encode()}
            return httpx2.Response(reply.status_code, headers=headers)
        if reply.status_code in _GONE:
            return httpx2.Response(_MISSING)
        if reply.status_code != 200:
            raise FetchError(f"it answers {reply.status_code}")
        if asked["check"]:
            asked["check"](reply.content)
        kind = reply.headers.get("content-type", "").encode()
        headers = {b"location": str(url).encode(), b"content-type": kind}
        return httpx2.Response(200, headers=headers, content=reply.content)

    def _may(self, site: _Site, url: httpx2.URL, *, private: bool) -> bool:
        if isinstance(site.robots, FetchError):
            raise type(site.robots)(str(site.robots)) from site.robots
        if site.robots is None:
            try:
                site.robots = self._read_robots(site, url, private=private)
            except FetchError as error:
                # A site that may not be asked by way of another may be asked by its own name.
                site.robots = error if private else None
                raise
            wanted_s = float(site.robots.crawl_delay(AGENT) or 0)
            site.delay_s = max(site.delay_s, min(wanted_s, _LONGEST_CRAWL_DELAY_S))
        return bool(site.robots.can_fetch(str(url), AGENT))

    def _read_robots(self, site: _Site, url: httpx2.URL, *, private: bool) -> Any:
        at, is_home = url.join("/robots.txt"), True
        for _ in range(1 + MAX_REDIRECTS):
            try:
                reply = self._patiently(
                    site, at, private=private and is_home, cut_at=_MAX_ROBOTS_BYTES
                )
                if reply.status_code >= 500:
                    raise FetchError(f"it answers {reply.status_code}")
                if not reply.has_redirect_location:
                    # A missing one forbids nothing (RFC 9309, 2.3.1.3).
                    rules = reply.content if reply.status_code == 200 else b""
                    return Protego.parse(rules.decode("utf-8-sig", "replace"))
                at = parse_url(str(at.join(reply.headers["location"])))
                is_home = origin_of(at) == origin_of(url)
            except (FetchError, AddressError, httpx2.InvalidURL) as error:
                kind = AwayError if isinstance(error, AwayError) and is_home else FetchError
                raise kind(f"its robots.txt cannot be read now: {error}") from error
        return Protego.parse("")

    def _patiently(
        self, site: _Site, url: httpx2.URL, *, private: bool, **extensions: int
    ) -> httpx2.Response:
        """Ask, and ask again with growing waits while that may help."""
        if site.away:
            raise AwayError(site.away)
        request = httpx2.Request("GET", url, headers=self._headers, extensions=extensions)
        failures, away, why = 0, False, ""
        while failures < WAITS.attempts:
            failures += 1
            time.sleep(max(0.0, site.free_s - time.monotonic()))
            try:
                reply = self._transports[private].handle_request(request)
                if reply.status_code not in _MAY_PASS:
                    return reply
                why, away, may_pass = f"it answers {reply.status_code}", False, True
                asked_s = retry_after_s(reply.headers.get("retry-after"))
            except NoAnswerError as error:
                why, away, may_pass, asked_s = str(error), error.away, error.may_pass, None
            finally:
                if not away:  # else nothing was sent
                    site.free_s = time.monotonic() + site.delay_s
            if not may_pass or (asked_s or 0) > WAITS.longest_asked_s:
                break
            if failures < WAITS.attempts:
                wait_s = WAITS.wait_s(failures, asked_s)
                log.debug("%s: %s; waiting %.1f s", url.host, why, wait_s)
                time.sleep(wait_s)
        if away:
            site.away = why
            raise AwayError(why)
        raise FetchError(why)
