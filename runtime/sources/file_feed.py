"""The feed of a file: every frame, in order, decoded while earlier frames are encoded."""

import dataclasses
from collections.abc import Callable
from time import monotonic

from .feed import Captured, FeedOptions
from .frames import Source
from .thread_feed import ThreadFeed


class FileFeed(ThreadFeed):
    """Reads a finite video and drops nothing: the reader waits for a slow run.

    A file that is still being written ends where it ends at that moment. A named pipe is read
    until its writer closes it.

    Attributes: see `feed.Feed`.
    """

    def __init__(
        self, name: str, open_file: Callable[[], Source], options: FeedOptions, rate_fps: float
    ) -> None:
        """Prepare to read; `open_file` runs in the thread, because a pipe can block it."""
        super().__init__(name, options, rate_fps)
        self._open_file = open_file

    def read(self) -> None:
        """Read to the end.

        Raises:
            SourceError: the file cannot be opened, or is cut short or damaged.
        """
        source = self._open_file()
        self.counters.connections += 1
        read_file(self, source)


def read_file(feed: ThreadFeed, source: Source) -> None:
    """Put the frames of a file into the feed's mailbox, then close the file.

    Raises:
        SourceError: it is cut short or damaged; the mailbox has what could be decoded.
    """
    feed.source_fps, feed.frame_count = source.fps, source.frame_count
    options = feed.options
    is_due = is_tapped = False

    def wanted(time_s: float) -> bool:
        nonlocal is_due, is_tapped
        if feed.stopping.is_set() or (options.seconds is not None and time_s >= options.seconds):
            raise _EnoughError
        is_due, is_tapped = feed.sampled(time_s), feed.tapped(time_s)
        return is_due or is_tapped or options.every_frame

    try:
        frames = source.frames(wanted)
        while True:
            with options.stages.of("decode"):
                frame = next(frames, None)
            if frame is None:
                break
            frame = dataclasses.replace(frame, image_hwc=feed.masked(frame.image_hwc))
            if is_tapped and options.tap:
                options.tap.take(feed.name, frame, live=False)
            piece = 1 + feed.size_changes(frame.image_hwc)
            if not (is_due or options.every_frame):
                continue
            captured = Captured(frame, is_due, monotonic(), None, piece)
            if not feed.mailbox.put_in_order(captured):
                break
    except _EnoughError:
        pass
    finally:
        source.close()


class _EnoughError(Exception):
    """Stops the reading of a file between two of its frames."""
