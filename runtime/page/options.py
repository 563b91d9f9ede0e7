"""Where the page is served, and who may see and change things there."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ..documents import read_file
from ..errors import StzsarError
from ..sinks.own_host import is_loopback

DEFAULT_HOST, DEFAULT_PORT = "127.0.0.1", 8632
DEFAULT_LISTEN = f"{DEFAULT_HOST}:{DEFAULT_PORT}"
TOKEN, VIEWER_TOKEN = "STZSAR_PAGE_TOKEN", "STZSAR_PAGE_VIEWER_TOKEN"
SHORTEST_TOKEN, LONGEST_TOKEN = 16, 256
_MAX_TOKEN_FILE_BYTES = 4096


@dataclass(frozen=True, kw_only=True)
class PageOptions:
    """The live page of a run.

    Attributes:
        serve: `host:port` or a port to serve it on; None serves none. Other addresses than this
            machine's own need a token.
        serve_token: file with the token of those who may change things in its first line, and the
            token of those who may only look in a second one. Without it the environment's
            STZSAR_PAGE_TOKEN and STZSAR_PAGE_VIEWER_TOKEN count; without these, tokens are made
            and shown once where they are needed.
        tls_cert: file of the certificate, with those between it and its authority; PEM.
        tls_key: file of the certificate's key; PEM.
    """

    serve: str | None = None
    serve_token: Path | None = None
    tls_cert: Path | None = None
    tls_key: Path | None = None

    def __post_init__(self) -> None:
        """Refuse options that would have no effect.

        Raises:
            StzsarError: an option belongs to another that is not given, or names no address.
        """
        for name, value in (
            ("--serve-token", self.serve_token),
            ("--tls-cert", self.tls_cert),
            ("--tls-key", self.tls_key),
        ):
            if value and not self.serve:
                raise StzsarError(f"{name} requires --serve: give that too, or leave it out.")
        if bool(self.tls_cert) != bool(self.tls_key):
            raise StzsarError("--tls-cert and --tls-key belong together: give both.")
        if self.serve is not None:
            _ = parse_address(self.serve)


@dataclass(frozen=True)
class Address:
    """Where the page is served.

    Attributes:
        host: a name or an IP address of this machine.
        port: 0 takes a free one.
    """

    host: str
    port: int

    @property
    def is_private(self) -> bool:
        """Whether only this machine reaches it."""
        return is_loopback(self.host)


def parse_address(text: str) -> Address:
    """Return the address that `8632`, `0.0.0.0:8632`, `[::]:8632` or a host alone names.

    Raises:
        StzsarError: it is none of these.
    """
    host, colon, port = text.rpartition(":")
    if not colon:
        host, port = ("", text) if text.isascii() and text.isdecimal() else (text, "")
    elif text.endswith("]"):  # [::1]
        host, port = text, ""
    host = host.removeprefix("[").removesuffix("]") or DEFAULT_HOST
    port = port or str(DEFAULT_PORT)
    is_port = port.isascii() and port.isdecimal() and len(port) <= 5 and int(port) < 1 << 16
    if not is_port or not text or "/" in host or not host.isprintable() or " " in host:
        raise StzsarError(
            f"--serve takes HOST:PORT, such as {DEFAULT_LISTEN}, and not {text!r:.80}: write the "
            "source before it, or name an address."
        )
    return Address(host, int(port))


@dataclass(frozen=True)
class Tokens:
    """What people show to be let in; None lets nobody in as such.

    Attributes:
        change: of those who may change things.
        look: of those who may only look.
    """

    change: str | None = None
    look: str | None = None


def read_tokens(file: Path | None, environment: Mapping[str, str] = os.environ) -> Tokens:
    """Return the tokens that a file or the environment gives.

    Raises:
        StzsarError: the file cannot be read, or a token is too short to be safe.
    """
    if file is None:
        tokens = Tokens(environment.get(TOKEN) or None, environment.get(VIEWER_TOKEN) or None)
        places = (TOKEN, VIEWER_TOKEN)
    else:
        try:
            lines = read_file(file, _MAX_TOKEN_FILE_BYTES).decode().splitlines()
        except OSError as error:
            raise StzsarError(f"Cannot read the token in {file}: {error.strerror}.") from error
        except UnicodeDecodeError:
            raise StzsarError(f"The token in {file} is no text: write one a line.") from None
        words = [line.strip() for line in lines if line.strip()]
        if not 1 <= len(words) <= 2:
            raise StzsarError(
                f"{file} holds {len(words)} tokens: write that of those who may change things into "
                "the first line, and perhaps that of those who may look into the second."
            )
        tokens, places = Tokens(*words), (f"the first line of {file}", f"the second line of {file}")
    for token, place in zip((tokens.change, tokens.look), places, strict=True):
        if token is not None and not (
            SHORTEST_TOKEN <= len(token) <= LONGEST_TOKEN
            and token.isascii()
            and token.isprintable()
        ):
            raise StzsarError(
                f"The token in {place} has {len(token)} characters: give {SHORTEST_TOKEN} to "
                f"{LONGEST_TOKEN} letters and digits, as python -c 'import secrets; "
                "print(secrets.token_urlsafe())' prints."
            )
    if tokens.look and not tokens.change:
        raise StzsarError(f"{VIEWER_TOKEN} is for those who may only look: give {TOKEN} too.")
    if tokens.look == tokens.change and tokens.look:
        raise StzsarError("Those who may look have the token of those who may change: give two.")
    return tokens
