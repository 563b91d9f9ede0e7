"""OpenCV, imported late and quietly; the only place of the runtime that imports cv2."""

import functools
import os
import re
from pathlib import Path
from types import ModuleType

from .errors import EngineError, StzsarError

_GUI = re.compile(r"^\s*(QT\d?|GTK\+?|GTK\d|Cocoa|Win32 UI|Wayland):\s*YES", re.MULTILINE)


@functools.cache
def load_cv2() -> ModuleType:
    """Return the module cv2, with its chatter and FFmpeg's turned off.

    Both would otherwise write their own lines to stderr beside our one sentence. A user who wants
    them sets OPENCV_LOG_LEVEL or OPENCV_FFMPEG_LOGLEVEL.

    Raises:
        EngineError: OpenCV is not installed, or cannot be loaded.
    """
    os.environ.setdefault("OPENCV_LOG_LEVEL", "OFF")
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
    try:
        import cv2
    except ImportError as error:
        raise EngineError(
            f"OpenCV cannot be loaded ({error}): run pip install '.[cpu]' in stzsar's folder; on a "
            "Jetson it comes with JetPack."
        ) from error
    return cv2


def has_windows(build_information: str) -> bool:
    """Say whether an OpenCV of which `cv2.getBuildInformation` says this can open a window."""
    return _GUI.search(build_information) is not None


def opencv_path(path: Path, error: type[StzsarError]) -> str:
    """Return the name under which OpenCV reads or writes exactly the file `path`.

    Raises:
        error: the name is not UTF-8, on which OpenCV would crash.
    """
    # Absolute, as FFmpeg takes the start of "a:b.mp4" for a protocol.
    name = str(path.absolute())
    try:
        name.encode("utf-8")
    except UnicodeEncodeError as cause:
        raise error(f"The name {name!r} is not UTF-8: rename the file or folder.") from cause
    return name
