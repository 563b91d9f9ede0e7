"""Addresses as they may be shown: without user, password, and secrets in path and query."""

import re
import shlex
from urllib.parse import urlsplit, urlunsplit

GST_PREFIX = "gst:"
_SECRET = "(?:usr|user|login|pas|pw|psw|token|key|secret|auth|sig|session|credential)"
_SECRET_IN_QUERY = re.compile(rf"(?i)([^&=]*{_SECRET}[^&=]*)=[^&]*")
# Cameras take `/user=me_password=x_channel=1`: a value ends where the next key begins.
_SECRET_IN_PATH = re.compile(rf"(?i)([^/&=_]*{_SECRET}[^/&=]*)=.*?(?=_[a-z]+=|&|$)")


def without_secrets(uri: str) -> str:
    """Return `uri` as it may be shown.

    Of an address go the user, the password, and what looks like a secret in path and query. Of a
    pipeline only the name of the first element stays: its properties hold addresses, users and
    passwords in more ways than can be told apart.
    """
    if uri.startswith(GST_PREFIX):
        return GST_PREFIX + _first_element(uri.removeprefix(GST_PREFIX))
    if "://" not in uri:
        return uri
    hidden = re.sub(r"(?s)[^A-Za-z0-9+.-].*", "", uri) + "://…"
    try:
        parts = urlsplit(uri)
        _ = parts.port  # no number where a `/` or `#` in the password ends the host too early
    except ValueError:
        return hidden
    if not parts.netloc and "@" in uri:
        return hidden
    host = parts.netloc.rpartition("@")[2]
    path = _SECRET_IN_PATH.sub(r"\1=***", parts.path)
    query = _SECRET_IN_QUERY.sub(r"\1=***", parts.query)
    return urlunsplit((parts.scheme, host, path, query, ""))


def _first_element(pipeline: str) -> str:
    try:
        words = shlex.split(pipeline)
    except ValueError:
        words = pipeline.split()
    return words[0] if words and re.fullmatch("[a-z][a-z0-9]{0,30}", words[0]) else "…"
