"""OpenCV: in order, as an install without PyAV reads clips, and with its own seeking."""

from unittest.mock import patch

from ...runtime.errors import SourceError
from ...runtime.preprocessing.opencv import load_cv2, opencv_path
from ...runtime.video import pyav
from .reader import THREADS, Array, Request
from .with_runtime import read


def read_in_order(clip: Request) -> Array:
    """Grab every frame, and convert those that are asked for."""
    with patch.object(pyav, "load_av", lambda: None):
        return read(clip, None)


def read_in_one_thread(clip: Request) -> Array:
    """Do the same in one thread of FFmpeg."""
    with patch.object(pyav, "load_av", lambda: None):
        return read(clip, THREADS)


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
