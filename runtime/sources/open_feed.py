"""Choose the feed of a source: a file's or a live one's."""

import dataclasses
from functools import partial
from urllib.parse import urlsplit

from ..preprocessing.opencv import load_cv2
from .address import Address, parse_address
from .feed import Feed, FeedOptions
from .file_feed import FileFeed
from .live_feed import LiveFeed
from .opening import check_possible, connect
from .pacing import Arrival
from .spec import SourceSpec
from .video_file import VideoSource


def open_feed(spec: SourceSpec, options: FeedOptions, rate_fps: float) -> Feed:
    """Return a source's feed, which opens the source in its own thread once started.

    Args:
        spec: the source; its own rate overrides the run's.
        options: what the feeds of the run have in common.
        rate_fps: the run's sampling rate.

    Raises:
        SourceError: no source of this kind can be read here.
        EngineError: OpenCV is not installed.
    """
    load_cv2()  # a missing OpenCV is better reported here than from a thread
    address = dataclasses.replace(parse_address(spec.uri), name=spec.name)
    rate_fps = spec.rate_fps or rate_fps
    if not address.live:
        target, fps = str(address.target), spec.frame_rate
        open_file = partial(VideoSource.open, target, spec.name, fps=fps)
        return FileFeed(spec.name, open_file, options, rate_fps)
    check_possible(address)
    return LiveFeed(
        spec.name,
        partial(connect, address),
        options,
        rate_fps,
        patient=address.kind == "network",
        arrival=_arrival(address),
    )


def _arrival(address: Address) -> Arrival:
    if address.kind != "network":
        return "even"
    parts = urlsplit(str(address.target))
    if parts.path.lower().endswith(".m3u8"):
        return "segments"
    # MJPEG over HTTP has no backlog, and the rate that FFmpeg announces for it is invented.
    return "even" if parts.scheme.lower() in ("http", "https") else "backlog"
