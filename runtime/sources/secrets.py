"""Show addresses without their secrets: whatever is not known to be harmless is left out.

No list of words for "password" is complete, so it is the other way round: only known words are
shown of a query, and of a path behind its first part.
"""

import re
import shlex
from urllib.parse import urlsplit, urlunsplit

GST_PREFIX = "gst:"
HIDDEN = "***"
# Words of the paths that cameras and servers have, and of places that people name them after.
_PATH_WORDS = frozenset(
    """
    action amp api app apps audio av avi axis back bin cam camera cameras cams cgi ch channel
    channels clip clips device door east encoder entrance faststream feed flv front garage gate h
    hall hd hevc high hls image images img index input isapi ipcam jpeg jpg kitchen label left live
    lobby low m main media mjpeg mjpg mkv mobile monitor mov mp mpeg multicast north nph nvr office
    onvif output parking picture pictures playlist port preview profile profiles proxy psia raw
    realmonitor res right room rtp rtsp sd sdp snap snapshot south stream streamer streaming streams
    street sub tcp test track ts u ucast udp unicast v video videos view viewer w web webcam webm
    west yard
    """.split()  # noqa: SIM905 (a list would have a line for each word)
)
_HARMLESS_KEYS = frozenset(
    """
    action audio cam camera ch channel codec format fps h height n nr profile quality rate res
    resolution seconds seed src stream streamtype subtype track trackid type unicast video w width
    """.split()  # noqa: SIM905 (a list would have a line for each word)
)
# Keys of which the value is hidden; an unknown key may itself be the rest of a password.
_SECRET_KEYS = frozenset(
    """
    access_token apikey api_key auth key login loginpas loginuse name pass passwd password pw pwd
    secret session sig signature token user username usr
    """.split()  # noqa: SIM905 (a list would have a line for each word)
)
_HARMLESS_VALUE = re.compile(r"[\w.-]{0,32}")
_SECRET = re.compile("(?i)user|login|pass|pwd|token|key|secret|auth|session|credential")
# Cameras take `/user=me_password=x_channel=1`: a value ends where the next key begins.
_PATH_PARAMETER = re.compile(r"(?s)([A-Za-z][A-Za-z0-9-]*)=(.*?)(?=[_&;][A-Za-z][A-Za-z0-9-]*=|$)")
_PAIRS = re.compile(r"(?:[_&;]?(?:\*\*\*|[A-Za-z][A-Za-z0-9-]*=(?:\*\*\*|[\w.-]*)))+")
# UniFi's cameras and others have no password but a path that nobody can guess.
_RANDOM = re.compile(
    "(?=[^/]*[a-z])(?=[^/]*[A-Z])(?=[^/]*[0-9])[A-Za-z0-9]{12,}|[0-9a-fA-F-]{16,}|[\\w.=-]{40,}"
)
_HOST = re.compile(r"(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+(?:%[\w.-]+)?\])?(?::[0-9]*)?")
_QUERY = re.compile(r"\?[^/]*=")
_MISTYPED = re.compile(
    r"(?is)\s*[a-z0-9+.-]*:?[/\\]*[^/\\@]*:[^@]*@"  # user:password@host
    r"|[^@/\\]*@.*@"
    r"|\s*(?:rtsp|http|rtmp|mqtt|udp|tcp|ws)s?\W*[/\\]{2}"  # rtsp;//
)


def without_secrets(uri: str) -> str:
    """Return `uri` as it may be shown.

    An address loses its user and password, and all of its path and query that may be a secret.
    A pipeline keeps only the name of its first element, because its properties can hold addresses
    and passwords in too many ways. Anything else is a path and stays, unless it looks like an
    address that was mistyped.
    """
    if is_pipeline(uri):
        return GST_PREFIX + _first_element(uri[len(GST_PREFIX) :])
    if "://" not in uri:
        return "…" if may_be_mistyped_address(uri) else uri
    hidden = re.sub(r"(?s)[^A-Za-z0-9+.-].*", "", uri) + "://…"
    try:
        parts = urlsplit(uri)
        _ = parts.port  # not a number if a `/` or `#` in the password ends the host too early
    except ValueError:
        return hidden
    host = parts.netloc.rpartition("@")[2]
    # Behind the host, an @ is the end of a password that holds a `/`, `?` or `#`.
    behind = parts.path + parts.query + parts.fragment
    if not _HOST.fullmatch(host) or "@" in behind or (not parts.netloc and "@" in uri):
        return hidden
    path = _shown_path(parts.path, is_key=parts.scheme in ("rtmp", "rtmps"))
    query = "&".join(_shown_parameter(part) for part in re.split("[&;]", parts.query))
    return urlunsplit((parts.scheme, host, path, query if parts.query else "", ""))


def is_pipeline(uri: str) -> bool:
    """Return whether `uri` is a GStreamer pipeline."""
    return uri[: len(GST_PREFIX)].lower() == GST_PREFIX


def may_be_mistyped_address(path: str) -> bool:
    """Return whether a path looks like an address: a scheme, `user:password@host` or a query."""
    return _MISTYPED.match(path) is not None or _QUERY.search(path) is not None


def _shown_path(path: str, *, is_key: bool) -> str:
    segments = _PATH_PARAMETER.sub(lambda match: _shown_pair(match[1], match[2]), path).split("/")
    shown = list(segments)
    for index, segment in enumerate(segments[1:], 1):
        before = segments[index - 1]
        follows_secret = "=" not in before and _SECRET.search(before)
        bare = segment.rpartition(".")[0] or segment  # `.m3u8` does not make a key a word
        # `/admin/PASSWORD/ch1`: from the second part on only known words are shown.
        is_known = index == 1 or _is_known(segment, before)
        if segment and (
            follows_secret or ":" in segment or _RANDOM.fullmatch(bare) or not is_known
        ):
            shown[index] = HIDDEN
    if is_key and shown[-1]:
        shown[-1] = HIDDEN
    return "/".join(shown)


def _is_known(segment: str, before: str) -> bool:
    if "=" in segment or HIDDEN in segment:
        return _PAIRS.fullmatch(segment) is not None
    if segment.isdigit():  # such as Channels/101
        return len(segment) <= 4 and _is_known(before, "") and not before.isdigit()
    words = re.findall("[A-Za-z]+|[0-9]+|[^A-Za-z0-9._{}-]", segment)
    return any(word.isalpha() for word in words) and all(
        len(word) <= 4 if word.isdigit() else word.lower() in _PATH_WORDS for word in words
    )


def _shown_parameter(part: str) -> str:
    key, equals, value = part.partition("=")
    return _shown_pair(key, value) if equals else HIDDEN


def _shown_pair(key: str, value: str) -> str:
    if key.lower() in _HARMLESS_KEYS:
        return f"{key}={value if _HARMLESS_VALUE.fullmatch(value) else HIDDEN}"
    return f"{key}={HIDDEN}" if key.lower() in _SECRET_KEYS else HIDDEN


def _first_element(pipeline: str) -> str:
    try:
        words = shlex.split(pipeline)
    except ValueError:
        words = pipeline.split()
    return words[0] if words and re.fullmatch("[a-z][a-z0-9]{0,30}", words[0]) else "…"
