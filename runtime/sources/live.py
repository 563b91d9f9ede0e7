"""A live source without a feed: frames are read in the caller's thread, timed by the clock."""

import time
from collections.abc import Iterator

from ..errors import SourceError
from ..video.capture import Capture
from .frames import Due, Frame


class LiveSource:
    """A camera or a stream without an end; times count from its first frame.

    Attributes: see `frames.Source`.
    """

    live = True

    def __init__(self, capture: Capture, name: str) -> None:
        self.name = name
        self.fps = capture.fps
        self.size_wh = capture.size_wh
        self.frame_count: int | None = None
        self._capture = capture

    def frames(self, due: Due | None = None) -> Iterator[Frame]:
        """Yield due frames as they come; raise SourceError when they stop coming."""
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
        if self._capture.exhausted:
            return
        raise SourceError(
            f"{self.name} gives no more frames (after {index}): check its cable or network, and "
            "start again."
        )

    def close(self) -> None:
        """Release the device or connection."""
        self._capture.release()
