"""OpenCV: in order, as the runtime reads clips, and with its own seeking."""

from ...runtime.errors import SourceError
from ...runtime.preprocessing.opencv import load_cv2, opencv_path
from ...runtime.sources.clips import read_clip
from .reader import THREADS, Array, NoFramesError, Request


def read_in_order(clip: Request) -> Array:
    """Grab every frame, and convert those that are asked for."""
    return _read(clip, None)


def read_in_one_thread(clip: Request) -> Array:
    """Do the same in one thread of FFmpeg."""
    return _read(clip, THREADS)


def read_counted(clip: Request) -> Array:
    """Do that with a known number of frames, as stzsar-train does from the second epoch on."""
    return _read(clip, THREADS, clip.counted)


def seek(clip: Request) -> Array:
    """Seek to each frame, among as many as the file announces."""
    cv2 = load_cv2()
    capture = cv2.VideoCapture(
        opencv_path(clip.path, SourceError), cv2.CAP_ANY, [cv2.CAP_PROP_N_THREADS, THREADS]
    )
    count = max(1, int(capture.get(cv2.CAP_PROP_FRAME_COUNT)))
    pictures: dict[int, Array] = {}
    for index in set(clip.wanted(count)):
        capture.set(cv2.CAP_PROP_POS_FRAMES, index)
        done, image = capture.read()
        if done:
            pictures[index] = clip.fit(image)
    capture.release()
    return clip.stack(pictures, count)


def _read(clip: Request, threads: int | None, count: int | None = None) -> Array:
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
