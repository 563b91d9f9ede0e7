"""Addresses as they may be shown: what is not known to be harmless is left out.

Lists of words for "password" are never whole, so it is the other way round: of a query only a few
parameters are shown, such as `channel`. Where a path may hold a key, that part is left out.
"""

import re
import shlex
from urllib.parse import urlsplit, urlunsplit

GST_PREFIX = "gst:"
HIDDEN = "***"
_HARMLESS = frozenset(
    [
        *("action", "audio", "cam", "camera", "ch", "channel", "codec", "format", "fps", "h"),
        *("height", "n", "nr", "profile", "quality", "rate", "res", "resolution", "seconds"),
        *("seed", "src", "stream", "streamtype", "subtype", "track", "type", "unicast", "video"),
        *("w", "width"),
    ]
)
_HARMLESS_VALUE = re.compile(r"[\w.-]{0,32}")
_SECRET = re.compile("(?i)user|login|pass|pwd|token|key|secret|auth|session|credential")
# Cameras take `/user=me_password=x_channel=1`: a value ends where the next key begins.
_PATH_PARAMETER = re.compile(r"(?s)([A-Za-z][A-Za-z0-9-]*)=(.*?)(?=[_&;][A-Za-z][A-Za-z0-9-]*=|$)")
# UniFi's cameras and others have no password but a path that nobody can guess.
_RANDOM = re.compile(
    "(?=[^/]*[a-z])(?=[^/]*[A-Z])(?=[^/]*[0-9])[A-Za-z0-9]{12,}|[0-9a-fA-F-]{16,}|[\\w.=-]{40,}"
)
_QUERY = re.compile(r"\?[^/]*=")
_MISTYPED = re.compile(r"(?is)\s*[a-z0-9+.-]*:?[/\\]*[^/\\@]*:[^@]*@")


def without_secrets(uri: str) -> str:
    """Return `uri` as it may be shown.

    Of an address go the user, the password, and all of path and query that may be a secret. Of a
    pipeline only the name of the first element stays: its properties hold addresses, users and
    passwords in more ways than can be told apart. Anything else is a path, and stays.
    """
    if is_pipeline(uri):
        return GST_PREFIX + _first_element(uri[len(GST_PREFIX) :])
    if "://" not in uri:
        return uri
    hidden = re.sub(r"(?s)[^A-Za-z0-9+.-].*", "", uri) + "://…"
    try:
        parts = urlsplit(uri)
        _ = parts.port  # no number where a `/` or `#` in the password ends the host too early
    except ValueError:
        return hidden
    # Behind the host an @ is the end of a password that holds a `/`, or of one within the path.
    if (not parts.netloc and "@" in uri) or "@" in parts.path + parts.fragment:
        return hidden
    host = parts.netloc.rpartition("@")[2]
    path = _shown_path(parts.path, is_key=parts.scheme in ("rtmp", "rtmps"))
    query = "&".join(_shown_parameter(part) for part in re.split("[&;]", parts.query))
    return urlunsplit((parts.scheme, host, path, query if parts.query else "", ""))


def is_pipeline(uri: str) -> bool:
    """Say whether `uri` is a pipeline of GStreamer's."""
    return uri[: len(GST_PREFIX)].lower() == GST_PREFIX


def may_be_mistyped_address(path: str) -> bool:
    """Say whether what stands for a file looks like `user:password@host`, or has a query."""
    return _MISTYPED.match(path) is not None or _QUERY.search(path) is not None


def _shown_path(path: str, *, is_key: bool) -> str:
    shown = _PATH_PARAMETER.sub(lambda match: _shown_pair(match[1], match[2]), path)
    segments = shown.split("/")
    for index, segment in enumerate(segments):
        follows_secret = index > 0 and "=" not in segments[index - 1] and _SECRET.search(
            segments[index - 1]
        )  # fmt: skip
        bare = segment.rpartition(".")[0] or segment  # `.m3u8` makes a key no word
        if segment and (follows_secret or ":" in segment or _RANDOM.fullmatch(bare)):
            segments[index] = HIDDEN
    if is_key and segments[-1]:
        segments[-1] = HIDDEN
    return "/".join(segments)


def _shown_parameter(part: str) -> str:
    key, equals, value = part.partition("=")
    return _shown_pair(key, value) if equals and re.fullmatch(r"[\w.-]{1,40}", key) else HIDDEN


def _shown_pair(key: str, value: str) -> str:
    is_harmless = key.lower() in _HARMLESS and _HARMLESS_VALUE.fullmatch(value)
    return f"{key}={value if is_harmless else HIDDEN}"


def _first_element(pipeline: str) -> str:
    try:
        words = shlex.split(pipeline)
    except ValueError:
        words = pipeline.split()
    return words[0] if words and re.fullmatch("[a-z][a-z0-9]{0,30}", words[0]) else "…"
