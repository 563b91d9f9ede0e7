"""Whether a request was meant for this machine: a page's own name may be made to lead here."""

import functools
import ipaddress
import socket
from collections.abc import Iterable
from urllib.parse import urlsplit

_LOCAL_SUFFIXES = (".local", ".localhost", ".internal", ".lan", ".home.arpa", ".svc")


def is_own_host(header: str, listening: str) -> bool:
    """Say whether the header `Host` names this machine, and not a name of the public internet.

    Args:
        header: `host` or `host:port`; empty where a client sends none, which browsers never do.
        listening: the host that is listened on; where others can reach it, local names count too.
    """
    host = header.rpartition(":")[0] if header.rpartition(":")[2].isdecimal() else header
    host = host.strip().rstrip(".").lower()
    if host in ("", "localhost", listening.lower()):
        return True
    try:
        ip = ipaddress.ip_address(host.removeprefix("[").removesuffix("]"))
    except ValueError:
        if is_loopback(listening):
            return False
        return "." not in host or host.endswith(_LOCAL_SUFFIXES) or host == _own_name()
    return ip.is_loopback or not is_loopback(listening)


def is_foreign(origins: Iterable[str], site: str, host: str) -> bool:
    """Say whether another page made a browser ask.

    Args:
        origins: the headers `Origin`; programs send none.
        site: the header `Sec-Fetch-Site`; empty where there is none.
        host: the header `Host`.
    """
    return site in ("cross-site", "same-site") or any(
        _netloc(origin) != host.lower() for origin in origins
    )


def _netloc(origin: str) -> str:
    try:
        return urlsplit(origin).netloc.lower()
    except ValueError:
        return ""


@functools.cache
def _own_name() -> str:
    """Return this machine's name; it is asked for once, as the answer may take seconds."""
    return socket.getfqdn().lower()


def is_loopback(host: str) -> bool:
    """Say whether only this machine reaches `host`."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
