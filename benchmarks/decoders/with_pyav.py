"""PyAV, Python's binding of FFmpeg. Packets are indexed before anything is decoded."""

from bisect import bisect_right
from collections.abc import Iterator
from contextlib import suppress
from typing import Any, NamedTuple

import av  # pyright: ignore[reportMissingImports]
import av.error  # pyright: ignore[reportMissingImports]
import numpy as np

from .reader import THREADS, Array, NoFramesError, Request


class Index(NamedTuple):
    """What the packets of a stream tell without decoding."""

    frames: int  # how many there should be
    stamps: list[int]  # their time stamps in order; empty if some are missing
    keys: list[int]  # time stamps of the key frames, in order


def read_in_order(clip: Request) -> Array:
    """Decode all frames in order, and convert those that are asked for."""
    with _opened(clip) as container:
        count = _index(container).frames or 1
    pictures, found = _decode_all(clip, count)
    if found != count:
        pictures, found = _decode_all(clip, found)
    return clip.stack(pictures, found)


def seek(clip: Request) -> Array:
    """Seek to the key frame before each frame, and decode from there.

    Without time stamps it decodes everything in order.
    """
    with _opened(clip) as container:
        index = _index(container)
        if not index.stamps or not index.keys:
            return read_in_order(clip)
        pictures: dict[int, Array] = {}
        at, frames = None, iter(())
        for wanted in sorted(set(clip.wanted(index.frames))):
            stamp = index.stamps[wanted]
            key = index.keys[max(0, bisect_right(index.keys, stamp) - 1)]
            if at is None or key > at:
                container.seek(key, stream=container.streams.video[0])
                frames = _frames(container)
            for frame in frames:
                at = frame.pts
                if at is not None and at >= stamp:
                    pictures[wanted] = clip.fit(_picture(frame))
                    break
    return clip.stack(pictures, index.frames)


def _opened(clip: Request) -> Any:
    try:
        # Titles may be damaged too.
        container = av.open(str(clip.path), metadata_errors="replace")
        container.streams.video[0].codec_context.thread_count = THREADS
    except (av.error.FFmpegError, IndexError) as error:
        raise NoFramesError(str(error)) from error
    return container


def _index(container: Any) -> Index:
    stamps, keys = [], []
    with suppress(av.error.FFmpegError):
        for packet in container.demux(video=0):
            if packet.size:
                stamps.append(packet.pts)
                if packet.is_keyframe:
                    keys.append(packet.pts)
    whole = None not in stamps and len(set(stamps)) == len(stamps)
    return Index(len(stamps), sorted(stamps) if whole else [], sorted(keys) if whole else [])


def _frames(container: Any) -> Iterator[Any]:
    """Yield the frames from the container's position, without those that fail to decode."""
    packets = container.demux(video=0)
    while True:
        try:
            packet = next(packets)
            yield from packet.decode()
        except StopIteration:
            return
        except av.error.InvalidDataError:
            continue


def _decode_all(clip: Request, count: int) -> tuple[dict[int, Array], int]:
    wanted = set(clip.wanted(count))
    pictures: dict[int, Array] = {}
    found = 0
    with _opened(clip) as container:
        for frame in _frames(container):
            if found in wanted:
                pictures[found] = clip.fit(_picture(frame))
            found += 1
    return pictures, max(found, 1)


def _picture(frame: Any) -> Array:
    """Return uint8 [H, W, 3] BGR, upright."""
    picture = frame.to_ndarray(format="bgr24")
    turns = round(frame.rotation / 90) % 4
    return np.ascontiguousarray(np.rot90(picture, turns)) if turns else picture
