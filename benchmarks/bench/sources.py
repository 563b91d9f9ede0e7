"""The measured source, opened in two ways: as an endless file, and in real time."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from ...runtime.bundle.bundle import sha256_of, shipped_bundle
from ...runtime.preprocessing.opencv import load_cv2
from ...runtime.sources.address import parse_address
from ...runtime.sources.feed import Feed, FeedOptions
from ...runtime.sources.frames import Source
from ...runtime.sources.live_feed import LiveFeed
from ...runtime.sources.open_feed import open_feed
from ...runtime.sources.spec import spec_of
from ...runtime.sources.video_file import VideoSource
from .feeds import EndlessFeed, PacedFile, keep_frames

SHIPPED_CLIP = str(shipped_bundle().parent / "sample.mp4")


@dataclass(frozen=True)
class Footage:
    """A source that never ends."""

    name: str  # for people; holds no password
    sha256: str | None  # of a file
    decoded: bool  # whether `endless` decodes it each time
    size_wh: tuple[int, int]  # width and height of its frames
    open_again: Callable[[], Source]  # opens the finite source that `endless` reads in a loop
    live: Callable[[str, FeedOptions, float], Feed]  # in real time: name, options, sampling rate

    def endless(self, name: str, options: FeedOptions, rate_fps: float, ahead: int) -> Feed:
        """Open it in a loop, as fast as frames are taken; `ahead` frames may wait."""
        return EndlessFeed(name, self.open_again, options, rate_fps, capacity=ahead)


def open_footage(uri: str, *, kept_s: float) -> Footage:
    """Open a source.

    A file is decoded in a loop, and plays at its own rate as if it were a camera. A live source
    plays as it is; for the loop, `kept_s` seconds of its frames are kept.
    """
    load_cv2()
    if parse_address(uri).live:
        return _live_footage(uri, kept_s)
    path = Path(str(parse_address(uri).target))
    first = VideoSource.open(path, uri)
    first.close()

    def live(name: str, options: FeedOptions, rate_fps: float) -> Feed:
        return LiveFeed(name, partial(PacedFile, path, uri), options, rate_fps, patient=False)

    name = "the sample clip" if path.resolve() == Path(SHIPPED_CLIP).resolve() else uri
    open_again = partial(VideoSource.open, path, uri)
    return Footage(name, sha256_of(path), True, first.size_wh, open_again, live)


def _live_footage(uri: str, kept_s: float) -> Footage:
    kept, spec = keep_frames(uri, kept_s), spec_of(uri)

    def live(name: str, options: FeedOptions, rate_fps: float) -> Feed:
        return open_feed(replace(spec, name=name), options, rate_fps)

    return Footage(spec.name, None, False, kept.size_wh, lambda: kept, live)
