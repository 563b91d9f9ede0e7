"""Who may look and who may change: tokens, the cookie they are kept as, and wrong ones slowed."""

import hashlib
import hmac
import ipaddress
import secrets
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from .options import Tokens

Role = Literal["look", "change"]

# After so many wrong tokens in a row an address waits, longer each time.
FREE_FAILURES, FIRST_WAIT_S, LONGEST_WAIT_S = 3, 1.0, 60.0
# Addresses that are remembered; and wrong tokens a minute of all of them together, so that many
# addresses try no more than one.
MAX_ADDRESSES, MAX_FAILURES_A_MINUTE = 1000, 100
COOKIE_S = 30 * 24 * 3600


@dataclass(frozen=True)
class Refused:
    """A token that was not even compared.

    Attributes:
        wait_s: when to try again.
    """

    wait_s: float


class Access:
    """The tokens of a run.

    All methods are called from the server's thread.

    Attributes:
        needs_token: whether nobody is let in without one.
        cookie: the cookie's name: browsers send cookies to every port of a host.
    """

    def __init__(
        self, tokens: Tokens, port: int, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        given: tuple[tuple[Role, str | None], ...] = (
            ("change", tokens.change),
            ("look", tokens.look),
        )
        self._tokens: dict[Role, bytes] = {
            role: token.encode() for role, token in given if token is not None
        }
        self.needs_token = bool(self._tokens)
        self.cookie = f"stzsar-{port}"
        self._clock = clock
        self._failures: OrderedDict[str, tuple[int, float]] = OrderedDict()
        self._recent: list[float] = []

    def role_of_token(self, token: str, address: str) -> Role | Refused | None:
        """Return what a token allows; None is nothing.

        Args:
            token: what somebody sent.
            address: from where.
        """
        now_s, key = self._clock(), _network(address)
        count, until_s = self._failures.get(key, (0, 0.0))
        self._recent = [at_s for at_s in self._recent if now_s - at_s < 60]
        if now_s < until_s:
            return Refused(until_s - now_s)
        if len(self._recent) >= MAX_FAILURES_A_MINUTE:
            return Refused(60 - (now_s - self._recent[0]))
        found = self._matching(token.encode(), lambda known: known)
        if found:
            self._failures.pop(key, None)
            return found
        count += 1
        wait_s = min(LONGEST_WAIT_S, FIRST_WAIT_S * 2 ** max(0, count - FREE_FAILURES))
        self._failures[key] = (count, now_s + wait_s if count >= FREE_FAILURES else 0.0)
        self._failures.move_to_end(key)
        while len(self._failures) > MAX_ADDRESSES:
            self._failures.popitem(last=False)
        self._recent.append(now_s)
        return None

    def role_of_cookie(self, header: str) -> Role | None:
        """Return what the header `Cookie` allows.

        Browsers send what other servers of this host keep, in any form: it is passed over.
        """
        cookies = (part.strip().partition("=") for part in header.split(";"))
        found = next((value for name, _, value in cookies if name == self.cookie), None)
        return self._matching(found.encode(), _kept) if found else None

    def cookie_of(self, role: Role) -> str:
        """Return the value of the cookie: it proves the token, and does not tell it."""
        return _kept(self._tokens[role]).decode()

    def _matching(self, given: bytes, form: Callable[[bytes], bytes]) -> Role | None:
        """Compare with every token, in a time that says nothing about them."""
        found: Role | None = None
        for role, token in self._tokens.items():
            if secrets.compare_digest(given, form(token)):
                found = found or role
        return found


# Of this process: who guesses a token can make no cookie of it, and so cannot try it unslowed.
_KEY = secrets.token_bytes(32)


def _kept(token: bytes) -> bytes:
    """Return what stands for a token in a cookie, until the run ends or the token is another."""
    return hmac.new(_KEY, token, hashlib.sha256).hexdigest().encode()


def _network(address: str) -> str:
    """Return an address; of IPv6 the network, since a client has all addresses in it."""
    try:
        ip = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address[:64]
    if isinstance(ip, ipaddress.IPv6Address) and not ip.is_loopback:
        return str(ipaddress.ip_network((ip, 64), strict=False))
    return str(ip)
