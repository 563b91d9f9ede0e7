"""Takes out of a text what says whose machine it is: a report is attached to public issues."""

import getpass
import re
import socket
from functools import cache
from pathlib import Path

_PATTERNS = (
    (r"\b[a-z][a-z0-9+.-]*://[^\s'\",;)]+", "<address>"),
    (r"\b[\w.+-]+@[\w-]+(?:\.[\w-]+)*", "<address>"),
    (r"(?:[A-Za-z]:)?\\(?:[^\\\s]+\\)+[^\\\s]*", "<path>"),
    # From two parts on, so that "1/s" and "ok/not ok" stay.
    (r"(?<![\w/])~?/(?:[^\s/'\",:;()]+/)+[^\s/'\",:;()]*|(?<![\w/])/[^\s/'\",:;()]{2,}", "<path>"),
    (r"\b(?:[0-9a-fA-F]{2}[:-]){5}[0-9a-fA-F]{2}\b", "<address>"),
    (r"\b(?:GPU-)?[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\b", "<serial>"),
    (r"(?i)\b(serial(?: ?(?:no|number))?\.?)[ :=]+[\w-]+", r"\1 <serial>"),
    # A version of four parts goes too; the set-up has the versions.
    (r"\b(?:\d{1,3}\.){3}\d{1,3}(?::\d+)?\b", "<address>"),
    (r"(?<![\w:])(?:[0-9a-fA-F]{1,4}:){3,7}:?[0-9a-fA-F]{0,4}(?![\w:])", "<address>"),
    (r"(?<![\w:])(?:[0-9a-fA-F]{1,4}:)+:(?:[0-9a-fA-F]{1,4}:?)*|(?<![\w:])::1\b", "<address>"),
)  # fmt: skip


@cache
def _own_words() -> tuple[str, ...]:
    """Return the names of this machine and of who uses it, the longest first."""
    host = socket.gethostname()
    words = {host, host.split(".")[0], Path.home().name}
    try:
        words.add(getpass.getuser())
    except (OSError, KeyError):  # a container's user may have no name
        words.discard("")
    # Words as short as "pi" or as common as "root" stand for nobody, and are in other words.
    return tuple(sorted((w for w in words if len(w) > 2 and w != "root"), key=len, reverse=True))


def impersonal(text: str) -> str:
    """Return a text without paths, addresses, serial numbers, and the names of host and user."""
    for pattern, instead in _PATTERNS:
        text = re.sub(pattern, instead, text)
    for word in _own_words():
        text = re.sub(rf"(?<!\w){re.escape(word)}(?!\w)", "<name>", text, flags=re.IGNORECASE)
    return text
