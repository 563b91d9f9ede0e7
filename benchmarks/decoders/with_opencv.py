"""OpenCV: in order as the runtime reads clips, and by its own seeking."""

from ...runtime.errors import SourceError
from ...runtime.preprocessing.opencv import load_cv2, opencv_path
from ...runtime.sources.clips import read_clip
from .reader import THREADS, Array, Clip, NoFramesError


def read_in_order(clip: Clip) -> Array:
    """Grab every frame, and convert those that are wanted."""
    return _read(clip, None)


def read_in_one_thread(clip: Clip) -> Array:
    """Do the same without threads of FFmpeg's own."""
    return _read(clip, THREADS)


def read_counted(clip: Clip) -> Array:
    """Do that as stzsar-train does from the second epoch on, which ends with the last frame."""
    return _read(clip, THREADS, clip.counted)


def seek(clip: Clip) -> Array:
    """Set the position to each wanted frame of as many as are announced."""
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


def _read(clip: Clip, threads: int | None, count: int | None = None) -> Array:
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
