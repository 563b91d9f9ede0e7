"""Which addresses may be asked: http and https, and no private place unless the user named it.

A page of the web may redirect to `http://localhost` or to a cloud's `http://169.254.169.254`, and
a host's name may stand for either. So names are resolved here, each number is looked at, and what
was looked at is what is connected to.
"""

import ipaddress
import re
import socket
from dataclasses import dataclass
from urllib.parse import quote, urljoin, urlsplit, urlunsplit

_PORTS = {"http": 80, "https": 443}
_TRIED_PLACES = 3
# Numbers of IPv6 that stand for one of IPv4 (RFC 6052), beside those that ipaddress knows.
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
_KEPT = "/%:@!$&'()*+,;=~-._"  # of a path; `?` of a query too


class AddressError(Exception):
    """An address that is none, or must not be asked; the message says why, without the address."""


@dataclass(frozen=True)
class WebAddress:
    """An address in parts, ready to be asked.

    Attributes:
        url: as it is asked, in ASCII, without a fragment.
        scheme: "http" or "https".
        host: name or number, in ASCII.
        port: the one that is connected to.
        target: path and query.
    """

    url: str
    scheme: str
    host: str
    port: int
    target: str

    @classmethod
    def parse(cls, url: str) -> "WebAddress":
        """Read `url`.

        Raises:
            AddressError: it is not http or https, has no host, or holds a user or a password.
        """
        try:
            parts = urlsplit(url.strip())
            host, port = parts.hostname or "", parts.port
            host = host.encode("idna").decode() if not host.isascii() else host
        except (ValueError, UnicodeError) as error:
            raise AddressError("it is no address") from error
        if parts.scheme not in _PORTS or not re.fullmatch(r"[\w.:%-]+", host):
            raise AddressError("it is not http://host/… or https://host/…")
        if "@" in parts.netloc:
            raise AddressError("it holds a user or a password")
        port = port or _PORTS[parts.scheme]
        shown = f"[{host}]" if ":" in host else host
        netloc = shown if port == _PORTS[parts.scheme] else f"{shown}:{port}"
        path = quote(parts.path or "/", safe=_KEPT)
        query = quote(parts.query, safe=_KEPT + "?")
        return cls(
            url=urlunsplit((parts.scheme, netloc, path, query, "")),
            scheme=parts.scheme,
            host=host,
            port=port,
            target=urlunsplit(("", "", path, query, "")),
        )

    @property
    def origin(self) -> str:
        """Scheme, host and port: what two addresses share if they are one site's."""
        return f"{self.scheme}://{self.host}:{self.port}"

    @property
    def netloc(self) -> str:
        """The host and, if it is not the usual one, the port: the header `Host`."""
        return urlsplit(self.url).netloc

    def joined(self, location: str) -> "WebAddress":
        """Return the address that a redirect from this one leads to."""
        try:
            return WebAddress.parse(urljoin(self.url, location))
        except ValueError as error:
            raise AddressError("it redirects to what is no address") from error


def places(address: WebAddress, *, private: bool) -> list[str]:
    """Return the numbers that stand for the address's host, at most three.

    Raises:
        AddressError: the host is not known, or a private one and `private` is not set.
    """
    try:
        found = socket.getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise AddressError("its host name is not known") from error
    numbers = list(dict.fromkeys(str(entry[4][0]) for entry in found))
    if not private and not all(is_public(number) for number in numbers):
        raise AddressError("it leads to this machine or a private network")
    return numbers[:_TRIED_PLACES]


def is_public(number: str) -> bool:
    """Say whether an address of IPv4 or IPv6 is one of the public internet."""
    ip = ipaddress.ip_address(number.partition("%")[0])
    if isinstance(ip, ipaddress.IPv6Address):
        inner = ip.ipv4_mapped or ip.sixtofour or (ip.teredo[1] if ip.teredo else None)
        if ip in _NAT64:
            inner = ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
        if inner is not None:
            return is_public(str(inner))
        if ip.is_site_local:  # deprecated (RFC 3879), and not in is_private
            return False
    return ip.is_global and not ip.is_multicast
