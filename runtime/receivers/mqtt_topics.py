"""The address of a broker, and the topics of a run there."""

import hashlib
import os
import re
import socket
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

from ..errors import StzsarError
from .shown import shown_origin

DEFAULT_PREFIX = "stzsar"
PORTS = {"mqtt": 1883, "mqtts": 8883}
MAX_STREAMS = 1000


@dataclass(frozen=True)
class Address:
    """The parts of `mqtt://user:password@host:1883/topic/prefix?client=name`.

    Attributes:
        client: name of this run in its topics; None if the address has none.
        shown: scheme, host and port, without user and password.
    """

    host: str
    port: int
    tls: bool
    user: str | None
    password: str | None
    prefix: str
    client: str | None
    shown: str

    @classmethod
    def parse(cls, url: str) -> "Address":
        """Read an address.

        Raises:
            StzsarError: it is not one; the sentence does not hold the password.
        """
        shown = shown_origin(url, tuple(PORTS))
        try:
            parts = urlsplit(url)
            host, port = parts.hostname or "", parts.port
            host.encode("idna")
            query = re.fullmatch(r"(?:client=([\w.-]{1,64}))?", parts.query)
            if parts.scheme not in PORTS or not re.fullmatch(r"[^\s\x00-\x1f]+", host):
                raise ValueError
            if port == 0 or query is None or parts.fragment:
                raise ValueError
        except ValueError as error:  # a UnicodeError is one
            raise StzsarError(
                f"{shown} is not the address of a broker: give "
                "mqtt://HOST/TOPIC or mqtts://HOST/TOPIC."
            ) from error
        prefix = unquote(parts.path).strip("/") or DEFAULT_PREFIX
        if re.search(r"[+#@\x00-\x1f\x7f\ud800-\udfff]", prefix) or len(prefix.encode()) > 1000:
            raise StzsarError(f"The topic of {shown} cannot be published to: leave + # and @ out.")
        return cls(
            host=host,
            port=port or PORTS[parts.scheme],
            tls=parts.scheme == "mqtts",
            user=None if parts.username is None else unquote(parts.username),
            password=None if parts.password is None else unquote(parts.password),
            prefix=prefix,
            client=query[1],
            shown=shown,
        )


class StreamTopics:
    """The topics of a run; each stream has its own, whatever its name is."""

    def __init__(self, address: Address, *, lasting: bool = False) -> None:
        """Take the run's name from the address, or give it one.

        Args:
            address: of the broker.
            lasting: the name has to be the same in each run; without this it is not.
        """
        host = one_level(socket.gethostname())
        self.client = address.client or (host if lasting else f"{host}-{os.getpid()}")
        prefix, client = address.prefix, self.client
        self._prefix = prefix
        self._parts: dict[str, str] = {}
        self.overload = f"{prefix}/overload/{client}"
        self.status = f"{prefix}/status/{client}"
        self.arm_all = f"{prefix}/armed/set"

    def of(self, stream: str, kind: str) -> str:
        """Return `<prefix>/<stream>/<kind>` with a name that is one level of a topic."""
        part = self._parts.get(stream)
        if part is None:
            part = one_level(stream)
            # A changed name must not be another stream's, nor that of a topic beside streams.
            if part != stream or part in {"status", "overload", "armed"}:
                digest = hashlib.sha256(stream.encode(errors="replace")).hexdigest()
                part += f"-{digest[:8]}"
            if len(self._parts) < MAX_STREAMS:
                self._parts[stream] = part
        return f"{self._prefix}/{part}/{kind}"


def one_level(name: str) -> str:
    """Return a name as one level of a topic."""
    return re.sub(r"[^\w.@=-]+", "_", name).strip("_.")[:100] or "stream"
