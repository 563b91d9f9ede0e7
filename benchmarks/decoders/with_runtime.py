"""The runtime's own reader: every frame in order, by PyAV where it is installed."""

from ...runtime.errors import SourceError
from ...runtime.sources.clips import read_clip
from .reader import THREADS, Array, NoFramesError, Request


def read_in_order(clip: Request) -> Array:
    """Decode every frame, and convert those that are asked for."""
    return read(clip, None)


def read_in_one_thread(clip: Request) -> Array:
    """Do the same in one thread of FFmpeg."""
    return read(clip, THREADS)


def read_counted(clip: Request) -> Array:
    """Do that with a known number of frames, as stzsar-train does from the second epoch on."""
    return read(clip, THREADS, clip.counted)


def read(clip: Request, threads: int | None, count: int | None = None) -> Array:
    """Read a clip as the runtime does, with so many threads; `count` is its length if known."""
    try:
        found = read_clip(
            clip.path,
            frames=clip.frames,
            size_px=clip.size_px,
            threads=threads,
            frame_count=count,
        )
    except SourceError as error:
        raise NoFramesError(str(error)) from error
    return found.images_thwc
