"""Tells web pages from streams: a page has a video on it, and is none."""

import base64
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit, urlunsplit

from ..errors import SourceError
from .file_kinds import is_web_page

if TYPE_CHECKING:
    from urllib.request import Request

# Of these every address is a page; the streams behind it have hosts of their own.
_SITES = (
    *("youtube.com", "youtu.be", "vimeo.com", "twitch.tv", "dailymotion.com", "tiktok.com"),
    *("facebook.com", "instagram.com", "x.com", "twitter.com", "bilibili.com", "rumble.com"),
)
_WAIT_S = 3.0
_READ_BYTES = 1024


class WebPageError(SourceError):
    """An address answers with a page, and will not answer with a video later."""


def web_page_error(name: str) -> WebPageError:
    """Return the error for a page at an address; `name` contains no password."""
    return WebPageError(
        f"{name} is a web page and not a stream: name the address of the video itself, which "
        "yt-dlp -g ADDRESS prints for pages of many sites."
    )


def check_site(address: str, name: str) -> None:
    """Refuse an address of a site that has pages only.

    Raises:
        WebPageError: it is one.
    """
    host = (urlsplit(address).hostname or "").lower()
    is_http = address.lower().startswith(("http:", "https:"))
    if is_http and any(host == site or host.endswith(f".{site}") for site in _SITES):
        raise web_page_error(name)


def answers_with_page(address: str) -> bool:
    """Whether an address over HTTP answers with HTML; no answer within seconds is a no."""
    if not address.lower().startswith(("http:", "https:")):
        return False
    # Memory that a run over files has no use for.
    from http.client import HTTPException
    from urllib.request import urlopen

    try:
        with urlopen(_request(address), timeout=_WAIT_S) as answer:
            kind = answer.headers.get_content_type()
            return kind == "text/html" or is_web_page(answer.read(_READ_BYTES))
    except (OSError, ValueError, HTTPException):
        return False


def _request(address: str) -> "Request":
    from urllib.request import Request

    parts = urlsplit(address)
    user, at, host = parts.netloc.rpartition("@")
    request = Request(urlunsplit(parts._replace(netloc=host)))
    if at:
        token = base64.b64encode(unquote(user).encode()).decode()
        # Not sent on to another host.
        request.add_unredirected_header("Authorization", f"Basic {token}")
    return request
