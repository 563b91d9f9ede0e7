"""The source that is measured on: read without an end, and in real time."""

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

SHIPPED_CLIP = shipped_bundle().parent / "sample.mp4"
OpenFeed = Callable[[str, FeedOptions, float], Feed]
# The last number is how many frames may wait.
OpenEndless = Callable[[str, FeedOptions, float, int], Feed]


@dataclass(frozen=True)
class Footage:
    """A source in both ways.

    Attributes:
        name: what it is called; holds no password.
        sha256: of a file.
        decoded: whether it is decoded whenever it is read without an end.
        size_wh: width and height of its pictures.
        endless: opens it so that it never ends, and comes as fast as it is taken.
        live: opens it so that it comes in real time.
    """

    name: str
    sha256: str | None
    decoded: bool
    size_wh: tuple[int, int]
    endless: OpenEndless
    live: OpenFeed


def open_footage(uri: str, *, kept_s: float) -> Footage:
    """Look at a source, and return how it is opened.

    A file is decoded again and again, and shown at its own rate as if it were a camera. What is
    live is watched as it is; for reading without an end some seconds of its pictures are kept.

    Args:
        uri: the source.
        kept_s: how many seconds of a live one are kept.

    Raises:
        SourceError: it cannot be read.
        EngineError: OpenCV is not installed.
    """
    load_cv2()
    address = parse_address(uri)
    if address.live:
        return _live_footage(uri, kept_s)
    path = Path(str(address.target))
    first = VideoSource.open(path, uri)
    first.close()

    def open_again() -> Source:
        return VideoSource.open(path, uri)

    def endless(name: str, options: FeedOptions, rate_fps: float, ahead: int) -> Feed:
        return EndlessFeed(name, open_again, options, rate_fps, capacity=ahead)

    def live(name: str, options: FeedOptions, rate_fps: float) -> Feed:
        return LiveFeed(name, partial(PacedFile, path, uri), options, rate_fps, patient=False)

    name = "the sample clip" if path.resolve() == SHIPPED_CLIP.resolve() else uri
    return Footage(name, sha256_of(path), True, first.size_wh, endless, live)


def _live_footage(uri: str, kept_s: float) -> Footage:
    kept = keep_frames(uri, kept_s)
    spec = spec_of(uri)

    def endless(name: str, options: FeedOptions, rate_fps: float, ahead: int) -> Feed:
        return EndlessFeed(name, lambda: kept, options, rate_fps, capacity=ahead)

    def live(name: str, options: FeedOptions, rate_fps: float) -> Feed:
        return open_feed(replace(spec, name=name), options, rate_fps)

    return Footage(spec.name, None, False, kept.size_wh, endless, live)
