"""Feeds of the benchmark: a finite source in a loop, and a file that plays like a camera."""

import itertools
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from ...runtime.engines.graph import Array
from ...runtime.errors import SourceError
from ...runtime.sources.feed import FeedOptions
from ...runtime.sources.file_feed import read_file
from ...runtime.sources.frames import Due, Frame, Source
from ...runtime.sources.thread_feed import ThreadFeed
from ...runtime.sources.uri import open_source
from ...runtime.sources.video_file import FileClock, VideoSource
from ...runtime.video.capture import Capture, open_file

_ASSUMED_FPS = 25.0
# Frames of a live source that are kept for the loop.
_KEPT_BYTES = 200_000_000


class EndlessFeed(ThreadFeed):
    """A finite source in a loop, decoded each time; see `runtime.sources.feed.Feed`.

    Times keep rising, by one frame interval from the last frame to the first, so no window breaks.
    """

    def __init__(
        self,
        name: str,
        open_again: Callable[[], Source],
        options: FeedOptions,
        rate_fps: float,
        *,
        capacity: int,
    ) -> None:
        super().__init__(name, options, rate_fps, capacity=capacity)
        self._open_again = open_again

    def read(self) -> None:
        """Read until stopped."""
        self.counters.connections += 1
        read_file(self, _Endless(self._open_again))


class _Endless:
    """An endless source; see `runtime.sources.frames.Source`."""

    live = False
    frame_count: int | None = None

    def __init__(self, open_again: Callable[[], Source]) -> None:
        self._open_again, self._source = open_again, open_again()
        self.name, self.fps = self._source.name, self._source.fps
        self.size_wh = self._source.size_wh

    def frames(self, due: Due | None = None) -> Iterator[Frame]:
        offset_s = last_s = 0.0

        def asked(time_s: float) -> bool:
            nonlocal last_s
            last_s = offset_s + time_s
            return due is None or due(last_s)

        for index in itertools.count():
            for frame in self._source.frames(asked):
                yield Frame(frame.image_hwc, last_s, index)
            self._source.close()
            offset_s = last_s + 1 / (self.fps or _ASSUMED_FPS)
            self._source = self._open_again()

    def close(self) -> None:
        self._source.close()


class KeptFrames:
    """Captured frames of a live source, already decoded; see `runtime.sources.frames.Source`."""

    live = False

    def __init__(self, name: str, fps: float | None, frames: list[Frame]) -> None:
        self.name, self.fps, self._frames = name, fps, frames
        self.frame_count: int | None = len(frames)
        height, width = frames[0].image_hwc.shape[:2]
        self.size_wh = (width, height)

    def frames(self, due: Due | None = None) -> Iterator[Frame]:
        return (frame for frame in self._frames if due is None or due(frame.time_s))

    def close(self) -> None:
        """Nothing to close."""


def keep_frames(uri: str, seconds: float) -> KeptFrames:
    """Capture a live source for so many seconds; raise SourceError if it gives none."""
    source, kept, size = open_source(uri), [], 0
    try:
        for frame in source.frames():
            kept.append(frame)
            size += frame.image_hwc.nbytes
            if frame.time_s >= seconds or size > _KEPT_BYTES:
                break
    finally:
        source.close()
    if not kept:
        raise SourceError(f"{source.name} gives no frames: check it with stzsar-run.")
    return KeptFrames(source.name, source.fps, kept)


class PacedFile:
    """A file that plays in a loop like a camera; see `runtime.video.capture.Capture`.

    It waits for no reader: late frames are decoded and skipped.
    """

    codec = "none"
    frame_count: int | None = None
    lost = 0
    exhausted = False

    def __init__(self, path: Path, name: str) -> None:
        """Open the file; raise SourceError if it has no frame that can be decoded."""
        VideoSource.open(path, name).close()  # raises with the reason
        self._path, self.name = path, name
        self._capture = self._open()
        self.fps: float | None = self._capture.fps or _ASSUMED_FPS
        self.size_wh = self._capture.size_wh
        self._clock = FileClock(self.fps)
        self._offset_s = self._time_s = 0.0
        self._start_s = time.monotonic()

    def grab(self) -> bool:
        """Decode up to the next frame to show, and wait for its time."""
        now_s = time.monotonic() - self._start_s
        again = False
        while True:
            if self._capture.grab():
                self._time_s = self._offset_s + self._clock.time_of(self._capture.position_s)
                again = False
                if self._time_s >= now_s:
                    break
            elif again:
                return False
            else:
                again = True
                self._begin_again()
        time.sleep(max(0.0, self._start_s + self._time_s - time.monotonic()))
        return True

    @property
    def position_s(self) -> float:
        return self._time_s

    def retrieve(self) -> Array | None:
        """Return the grabbed frame, uint8 [H, W, 3] BGR."""
        return self._capture.retrieve()

    def release(self) -> None:
        self._capture.release()

    def _begin_again(self) -> None:
        self._capture.release()
        self._capture, self._clock = self._open(), FileClock(self.fps)
        self._offset_s = self._time_s + 1 / (self.fps or _ASSUMED_FPS)

    def _open(self) -> Capture:
        return open_file(self._path, self.name)
