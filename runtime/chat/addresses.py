"""Decides which addresses may be asked: http and https, and a private host only if it was named.

A page may redirect to `http://localhost` or to a cloud's `http://169.254.169.254`, and any host
name may stand for either. So `resolve` judges the numbers, and the caller connects to these.
"""

import ipaddress
import re
import socket

import httpx2

_PORTS = {"http": 80, "https": 443}
_TRIED_NUMBERS = 3
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
# All other IPv6 is unassigned, local, or stands for IPv4 in a way that nobody uses any more.
_UNICAST = ipaddress.IPv6Network("2000::/3")
# Python's own lists differ between versions; these are in none, or only in the newest.
_SPECIAL = (
    ipaddress.IPv4Network("192.0.0.0/24"),  # protocol assignments
    ipaddress.IPv4Network("192.88.99.0/24"),  # relays of 6to4
    ipaddress.IPv6Network("2001::/23"),  # protocol assignments, Teredo among them
    ipaddress.IPv6Network("2001:db8::/32"),  # documentation
    ipaddress.IPv6Network("2002::/16"),  # 6to4
    ipaddress.IPv6Network("3fff::/20"),  # documentation
)


class AddressError(Exception):
    """An address that cannot or must not be asked; the message leaves the address out."""


class UnknownHostError(AddressError):
    """A host name that does not resolve."""


def parse_url(text: str) -> httpx2.URL:
    """Read an address without its fragment.

    Raises:
        AddressError: it is not http or https, has no host, or holds a user or a password.
    """
    try:
        url = httpx2.URL(text.strip()).copy_with(fragment=None)
    except (httpx2.InvalidURL, ValueError) as error:
        raise AddressError("it is not an address") from error
    if url.scheme not in _PORTS or not re.fullmatch(r"[\w.:-]+", url.host):
        raise AddressError("it is not http://host/… or https://host/…")
    if url.userinfo:
        raise AddressError("it holds a user or a password")
    if url.port is not None and not 0 < url.port < 1 << 16:
        raise AddressError("its port does not exist")
    return url


def origin_of(url: httpx2.URL) -> str:
    """Return scheme, host and port: what two addresses of one site share."""
    return f"{url.scheme}://{url.host}:{url.port or _PORTS[url.scheme]}"


def resolve(host: str, port: int, *, private: bool) -> list[str]:
    """Return up to three IP addresses of `host`.

    Raises:
        UnknownHostError: there are none.
        AddressError: one is private, and `private` is not set.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise UnknownHostError("its host name is not known") from error
    numbers = list(dict.fromkeys(str(entry[4][0]) for entry in found))
    if not private and not all(is_public(number) for number in numbers):
        raise AddressError("it leads to this machine or a private network")
    return numbers[:_TRIED_NUMBERS]


def is_public(number: str) -> bool:
    """Say whether an IPv4 or IPv6 address belongs to the public internet."""
    ip = ipaddress.ip_address(number.partition("%")[0])
    if isinstance(ip, ipaddress.IPv4Address):
        return ip.is_global and not ip.is_multicast and not _is_special(ip)
    if ip in _NAT64:
        return is_public(str(ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)))
    if ip.ipv4_mapped is not None:
        return is_public(str(ip.ipv4_mapped))
    is_isatap = int(ip) >> 32 & 0xFFFFFFFF in (0x5EFE, 0x02005EFE)  # its last part is IPv4
    return ip in _UNICAST and not is_isatap and not _is_special(ip)


def _is_special(ip: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    return any(ip in block for block in _SPECIAL)
