"""Pages of the web, asked for politely: robots.txt, one at a time, not too often, not for ever."""

import datetime
import email.utils
import logging
import random
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ...runtime.errors import StzsarError
from .addresses import AddressError, WebAddress
from .cache import Cache, Page
from .exchange import ExchangeError, Limits, Reply, exchange

log = logging.getLogger(__name__)

AGENT = "stzsar-attributes"
MAX_REDIRECTS = 5
ATTEMPTS = 4
FIRST_WAIT_S, LONGEST_WAIT_S = 1.0, 120.0
_LONGEST_CRAWL_DELAY_S = 30.0
# RFC 9309, 2.5: at least so much is read.
_ROBOTS = Limits(max_bytes=500 << 10, cuts=True)
_REDIRECTS = {301, 302, 303, 307, 308}
_PASSING = {408, 425, 429, 500, 502, 503, 504}
_GONE = {404, 410}


class FetchError(Exception):
    """A page that is not to be had; the message says why, without the address."""


class AwayError(FetchError):
    """Nobody is at the address that was asked for; other pages there would fare no better."""


@dataclass
class _Site:
    """What is known of one site; its lock is held while it is asked.

    What was in vain is remembered for the run: `away` and `no_robots` say why, by whether a private
    place was allowed.
    """

    lock: threading.Lock = field(default_factory=threading.Lock)
    free_s: float = 0.0
    delay_s: float = 0.0
    robots: Any = None
    away: dict[bool, str] = field(default_factory=dict)
    no_robots: dict[bool, FetchError] = field(default_factory=dict)


class Fetcher:
    """Fetches pages and keeps them; threads may share one."""

    def __init__(
        self,
        cache: Cache,
        *,
        user_agent: str,
        named: frozenset[str] = frozenset(),
        delay_s: float = 1.0,
        limits: Limits | None = None,
    ) -> None:
        """Remember the rules; nothing is asked yet.

        Args:
            cache: where pages are kept.
            user_agent: what sites are told of who asks.
            named: origins that the user named, which may be private ones.
            delay_s: seconds between two requests to one site.
            limits: of size and time of a request.
        """
        self._cache = cache
        self._user_agent = user_agent
        self._named = named
        self._delay_s = delay_s
        self._limits = limits or Limits()
        self._sites: dict[str, _Site] = {}
        self._sites_lock = threading.Lock()

    def knows(self, url: str) -> bool:
        """Say whether `url` needs not be asked again."""
        return self._cache.page(url) is not None

    def get(
        self, url: str, *, robots: bool = True, accept: Callable[[Page], bool] | None = None
    ) -> Page:
        """Return the page at `url`.

        Args:
            url: http or https.
            robots: whether robots.txt decides. A public API has rules of its own, and robots.txt,
                which is for crawlers of pages, often forbids its path.
            accept: whether a page is what was asked for; one that is not is returned, and not kept.

        Raises:
            FetchError: it is not there, forbidden, too large, too slow, or no address.
        """
        page = self._cache.page(url)
        if page is None:
            page = self._followed(url, robots=robots)
            if accept is None or accept(page):
                self._cache.keep_page(url, page)
        if page.status in _GONE:
            raise FetchError("there is no such page")
        return page

    def _followed(self, url: str, *, robots: bool) -> Page:
        first = address = _parse(url)
        seen: set[str] = set()
        for _ in range(1 + MAX_REDIRECTS):
            if address.url in seen:
                raise FetchError("it redirects in a circle")
            seen.add(address.url)
            try:
                reply = self._allowed(address, first, robots=robots)
            except AwayError as error:
                if address.origin == first.origin:
                    raise
                raise FetchError(f"it redirects elsewhere: {error}") from error
            if reply.status not in _REDIRECTS or "location" not in reply.headers:
                return _page(address, reply)
            try:
                address = address.joined(reply.headers["location"])
            except AddressError as error:
                raise FetchError(f"it redirects elsewhere, and {error}") from error
        raise FetchError(f"it redirects more than {MAX_REDIRECTS} times")

    def _allowed(self, address: WebAddress, first: WebAddress, *, robots: bool) -> Reply:
        # A private place only if the user named it, and only from itself.
        private = address.origin == first.origin and first.origin in self._named
        site = self._site(address)
        with site.lock:
            if robots and not self._may(site, address, private=private):
                raise FetchError("robots.txt forbids it")
            return self._patiently(site, address, self._limits, private=private)

    def _site(self, address: WebAddress) -> _Site:
        with self._sites_lock:
            return self._sites.setdefault(address.origin, _Site(delay_s=self._delay_s))

    def _may(self, site: _Site, address: WebAddress, *, private: bool) -> bool:
        if known := site.no_robots.get(private):
            raise type(known)(str(known)) from known
        if site.robots is None:
            try:
                site.robots = self._read_robots(site, address, private=private)
            except FetchError as error:
                site.no_robots[private] = error
                raise
            wanted_s = float(site.robots.crawl_delay(AGENT) or 0)
            site.delay_s = max(site.delay_s, min(wanted_s, _LONGEST_CRAWL_DELAY_S))
        return bool(site.robots.can_fetch(address.url, AGENT))

    def _read_robots(self, site: _Site, address: WebAddress, *, private: bool) -> Any:
        try:
            from protego import Protego
        except ImportError as error:
            raise StzsarError(
                "Reading robots.txt needs the package Protego: run pip install "
                "'.[cpu,attributes]' in stzsar's folder."
            ) from error
        at = address.joined("/robots.txt")
        for _ in range(1 + MAX_REDIRECTS):
            try:
                here = private and at.origin == address.origin
                reply = self._patiently(site, at, _ROBOTS, private=here)
                if reply.status >= 500:
                    raise FetchError(f"it answers {reply.status}")
                if reply.status not in _REDIRECTS or "location" not in reply.headers:
                    # What is not there forbids nothing (RFC 9309, 2.3.1.3).
                    text = reply.body.decode("utf-8-sig", "replace") if reply.status == 200 else ""
                    return Protego.parse(text)
                at = at.joined(reply.headers["location"])
            except (FetchError, AddressError) as error:
                gone = isinstance(error, AwayError) and at.origin == address.origin
                kind = AwayError if gone else FetchError
                raise kind(f"its robots.txt cannot be read now: {error}") from error
        return Protego.parse("")

    def _patiently(
        self, site: _Site, address: WebAddress, limits: Limits, *, private: bool
    ) -> Reply:
        """Ask, and ask again with growing waits while that may help."""
        if private in site.away:
            raise AwayError(site.away[private])
        why, away = "", False
        for attempt in range(ATTEMPTS):
            time.sleep(max(0.0, site.free_s - time.monotonic()))
            try:
                reply = exchange(
                    "GET", address, headers=self._headers(), limits=limits, private=private
                )
                if reply.status not in _PASSING:
                    return reply
                why, away = f"it answers {reply.status}", False
                asked_s = retry_after_s(reply.headers)
            except ExchangeError as error:
                why, away, asked_s = str(error), error.away, None
                if not (error.passing or away):
                    raise FetchError(why) from error
                if not error.passing:
                    break
            finally:
                if not away:  # else nothing was sent
                    site.free_s = time.monotonic() + site.delay_s
            wait_s = wait_before(attempt, asked_s)
            if wait_s is None:
                break
            log.debug("%s: %s; waiting %.1f s", address.host, why, wait_s)
            time.sleep(wait_s)
        if away:
            site.away[private] = why
            raise AwayError(why)
        raise FetchError(why)

    def _headers(self) -> dict[str, str]:
        return {
            "User-Agent": self._user_agent,
            "Accept": "text/html, application/json, text/plain;q=0.9, */*;q=0.1",
            "Accept-Encoding": "gzip, deflate",
        }


def wait_before(attempt: int, asked_s: float | None) -> float | None:
    """Return the seconds to wait before the next attempt, or None if there shall be none.

    Waits double, with jitter; a server that asks for a wait gets it, unless it is too long.
    """
    if attempt + 1 == ATTEMPTS or (asked_s is not None and asked_s > LONGEST_WAIT_S):
        return None
    return asked_s if asked_s is not None else FIRST_WAIT_S * 2**attempt * random.uniform(0.5, 1)


def retry_after_s(headers: Mapping[str, str]) -> float | None:
    """Return the seconds that the header Retry-After asks for, as a number or as a date."""
    value = headers.get("retry-after", "").strip()
    if value.isascii() and value.isdigit() and len(value) < 10:
        return float(value)
    try:
        when = email.utils.parsedate_to_datetime(value)
        return max(0.0, when.timestamp() - time.time())
    except (TypeError, ValueError, OverflowError):
        return None


def today() -> str:
    """Return the date in UTC, ISO."""
    return datetime.datetime.now(datetime.timezone.utc).date().isoformat()


def _parse(url: str) -> WebAddress:
    try:
        return WebAddress.parse(url)
    except AddressError as error:
        raise FetchError(str(error)) from error


def _page(address: WebAddress, reply: Reply) -> Page:
    if reply.status != 200 and reply.status not in _GONE:
        raise FetchError(f"it answers {reply.status}")
    body = reply.body if reply.status == 200 else b""
    content_type = reply.headers.get("content-type", "")
    return Page(address.url, reply.status, content_type, today(), body)
