"""Live sources: cameras and network streams, timed by this machine's clock.

A camera holds back one frame at most. The frames of a network stream queue in FFmpeg and in the
network where this machine is slower than real time: results then come late, by more and more.
"""

import re
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from ..errors import SourceError
from .capture import Capture
from .frames import Due, Frame

MAX_CAMERA = 99  # OpenCV takes the hundreds of a number for the back end to use
_SECRET = "(?:usr|user|login|pas|pw|psw|token|key|secret|auth|sig|session|credential)"
_SECRET_IN_QUERY = re.compile(rf"(?i)([^&=]*{_SECRET}[^&=]*)=[^&]*")
# Cameras take `/user=me_password=x_channel=1`: a value ends where the next key begins.
_SECRET_IN_PATH = re.compile(rf"(?i)([^/&=_]*{_SECRET}[^/&=]*)=.*?(?=_[a-z]+=|&|$)")


class LiveSource:
    """A camera or a stream without an end; times count from its first frame.

    Attributes: see `frames.Source`.
    """

    live = True

    def __init__(self, capture: Capture) -> None:
        self.name = capture.name
        self.fps = capture.fps
        self.size_wh = capture.size_wh
        self.frame_count: int | None = None
        self._capture = capture

    @classmethod
    def open_camera(cls, number: int) -> "LiveSource":
        """Open a camera of this machine.

        Raises:
            SourceError: there is no such camera, or it cannot be used.
        """
        capture = Capture(number, f"camera {number}")
        if not capture.is_open:
            raise SourceError(_no_camera(number))
        return cls(capture)

    def frames(self, due: Due | None = None) -> Iterator[Frame]:
        """Yield the due frames as they come; raise SourceError when they stop coming."""
        index = 0
        start_s: float | None = None
        while self._capture.grab():
            now_s = time.monotonic()
            start_s = now_s if start_s is None else start_s
            if due is None or due(now_s - start_s):
                image = self._capture.retrieve()
                if image is not None:
                    yield Frame(image, now_s - start_s, index)
            index += 1
        raise SourceError(
            f"{self.name} gives no more frames (after {index}): check its cable or network, and "
            "start again."
        )

    def close(self) -> None:
        """Release the device or connection."""
        self._capture.release()


def without_secrets(url: str) -> str:
    """Return `url` as it may be shown: without user, password, and secrets in path and query."""
    hidden = re.sub(r"(?s)[^A-Za-z0-9+.-].*", "", url) + "://…"
    try:
        parts = urlsplit(url)
        _ = parts.port  # no number where a `/` or `#` in the password ends the host too early
    except ValueError:
        return hidden
    if not parts.netloc and "@" in url:
        return hidden
    host = parts.netloc.rpartition("@")[2]
    path = _SECRET_IN_PATH.sub(r"\1=***", parts.path)
    query = _SECRET_IN_QUERY.sub(r"\1=***", parts.query)
    return urlunsplit((parts.scheme, host, path, query, ""))


def _no_camera(number: int) -> str:
    devices = sorted(
        int(device.name.removeprefix("video"))
        for device in Path("/dev").glob("video*")
        if device.name.removeprefix("video").isdecimal()
    )
    if not devices:
        return f"There is no camera {number}: no camera is connected (/dev/video* is empty)."
    if number not in devices:
        return f"There is no camera {number}: this machine has {', '.join(map(str, devices))}."
    return (
        f"Camera {number} cannot be opened: close the program that uses it, and check that you "
        f"may read /dev/video{number}."
    )
