"""Import OpenCV late and quietly; nothing else in the runtime imports cv2."""

import functools
import os
import re
from pathlib import Path
from types import ModuleType

from ..errors import EngineError, StzsarError

_GUI = re.compile(r"^\s*(QT\d?|GTK\+?|GTK\d|Cocoa|Win32 UI|Wayland):\s*YES", re.MULTILINE)


@functools.cache
def load_cv2() -> ModuleType:
    """Return the module cv2, with its own and FFmpeg's log messages off.

    Set OPENCV_LOG_LEVEL or OPENCV_FFMPEG_LOGLEVEL to see them.

    Raises:
        EngineError: OpenCV is not installed or cannot be loaded.
    """
    os.environ.setdefault("OPENCV_LOG_LEVEL", "OFF")
    os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
    os.environ.setdefault("OPENCV_IO_MAX_IMAGE_PIXELS", str(2**27))  # 400 MB; its own is 3 GB
    try:
        import cv2
    except ImportError as error:
        raise EngineError(
            f"OpenCV cannot be loaded ({error}): run pip install '.[cpu]' in stzsar's folder; on a "
            "Jetson it comes with JetPack."
        ) from error
    return cv2


def is_built_with(part: str) -> bool:
    """Return whether OpenCV was built with a part, named as in its build information."""
    pattern = rf"^\s*{re.escape(part)}:\s*YES"
    return re.search(pattern, _build_information(), re.MULTILINE) is not None


def has_ffmpeg() -> bool:
    """Return whether this OpenCV reads files and network streams."""
    return is_built_with("FFMPEG")


def has_gstreamer() -> bool:
    """Return whether this OpenCV opens GStreamer pipelines, and so CSI cameras."""
    return is_built_with("GStreamer")


def has_gui() -> bool:
    """Return whether this OpenCV can show a window, given a display."""
    return _GUI.search(_build_information()) is not None


def _build_information() -> str:
    return load_cv2().getBuildInformation()


def opencv_path(path: Path, error: type[StzsarError]) -> str:
    """Return the name by which OpenCV reads or writes exactly the file `path`.

    Raises:
        error: the name is not UTF-8, which would crash OpenCV.
    """
    # Absolute, because FFmpeg reads the start of "a:b.mp4" as a protocol.
    name = str(path.absolute())
    try:
        name.encode("utf-8")
    except UnicodeEncodeError as cause:
        raise error(f"The name {name!r} is not UTF-8: rename the file or folder.") from cause
    return name
