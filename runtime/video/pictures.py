"""Clips that are pictures: a folder of them, a pattern such as `frames/*.png`, or `%04d.jpg`."""

import glob
import os
import re
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ..documents import MIB, read_file
from ..errors import SourceError
from ..hidden_files import is_hidden
from ..preprocessing.opencv import load_cv2
from .file_kinds import VIDEO_SUFFIXES

Array = npt.NDArray[Any]
PICTURE_SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff", ".ppm", ".pgm")
DEFAULT_FPS = 25.0
MAX_PICTURE_MIB = 256
# Of FFmpeg: `%d`, `%04d`.
_COUNTER = re.compile(r"%0?(\d*)d")


def picture_files(path: str) -> list[Path]:
    """Return the pictures that a folder, a pattern or a counter names, in natural order.

    There are none if it names anything else too: `clips/*` may be videos and their thumbnails.
    """
    if os.path.isdir(path):  # noqa: PTH112 (of what may be no path at all)
        with os.scandir(path) as entries:
            shown = [entry for entry in entries if not is_hidden(entry.name)]
        if any(entry.name.lower().endswith(VIDEO_SUFFIXES) for entry in shown):
            return []
        found = [entry for entry in shown if is_picture(entry.name) and entry.is_file()]
        return in_order([Path(entry.path) for entry in found])
    if Path(path).exists():
        return []
    if _COUNTER.search(Path(path).name):
        return _counted(Path(path))
    if glob.has_magic(path):
        # Path.glob takes neither absolute patterns nor `~`; users expect the shell's rules.
        matches = [Path(match) for match in glob.glob(path, recursive=True)]  # noqa: PTH207
        files = [match for match in matches if match.is_file()]
        return in_order(files) if all(is_picture(file.name) for file in files) else []
    return []


def is_picture(name: str) -> bool:
    """Whether a file is called like a picture."""
    return name.lower().endswith(PICTURE_SUFFIXES)


def in_order(paths: list[Path]) -> list[Path]:
    """Return paths in natural order: 2.jpg before 10.jpg."""
    return sorted(paths, key=_natural)


class PictureCapture:
    """Pictures as the frames of a clip; each is read when it is wanted.

    Attributes: see `capture.Capture`.
    """

    exhausted = False

    def __init__(self, files: list[Path], name: str, fps: float = DEFAULT_FPS) -> None:
        """Take the files and look at the first.

        Args:
            files: the pictures, in their order.
            name: what messages call the clip.
            fps: pictures per second.

        Raises:
            SourceError: there is only one.
        """
        if len(files) < 2:
            raise SourceError(single_picture(str(files[0])))
        self.name = name
        self.fps: float | None = fps
        self.frame_count: int | None = len(files)
        self.codec = files[0].suffix[1:].lower()
        self.lost = 0
        self._files = files
        self._index = -1
        first = _read(files[0])
        self.size_wh: tuple[int, int] = (0, 0) if first is None else first.shape[1::-1]

    @property
    def position_s(self) -> float:
        """The time of the last grabbed picture, in seconds."""
        return max(0, self._index) / (self.fps or DEFAULT_FPS)

    def grab(self) -> bool:
        """Go to the next picture; False if there is none."""
        self._index += 1
        return self._index < len(self._files)

    def retrieve(self) -> Array | None:
        """Return the picture as uint8 [H, W, 3] BGR; None if it is broken."""
        return _read(self._files[self._index])

    def release(self) -> None:
        """Nothing is open."""


def single_picture(name: str) -> str:
    """Return why one picture is refused, and what to do."""
    return (
        f"{name} is a single picture, and an action takes time: name the folder of a clip's "
        "pictures, or make a still clip of it with ffmpeg -loop 1 -i IN -t 4 OUT.mp4."
    )


def _read(path: Path) -> Array | None:
    cv2 = load_cv2()
    try:
        content = np.frombuffer(read_file(path, MAX_PICTURE_MIB * MIB), np.uint8)
        return cv2.imdecode(content, cv2.IMREAD_COLOR) if content.size else None
    except (OSError, cv2.error):
        return None


def _counted(pattern: Path) -> list[Path]:
    """Return the files `frame_%04d.jpg` in the order of their numbers."""
    match = _COUNTER.search(pattern.name)
    if match is None or not is_picture(pattern.name) or not pattern.parent.is_dir():
        return []
    digits = f"\\d{{{int(match[1])},}}" if 0 < int(match[1] or 0) < 20 else r"\d+"
    before, after = pattern.name[: match.start()], pattern.name[match.end() :]
    called = re.compile(re.escape(before) + digits + re.escape(after))
    return in_order([file for file in pattern.parent.iterdir() if called.fullmatch(file.name)])


def _natural(path: Path) -> list[tuple[int, int, str]]:
    parts = re.split(r"(\d+)", str(path))
    # A number of thousands of digits is a word.
    return [
        (0, int(part), "") if part.isascii() and part.isdigit() and len(part) < 20 else (1, 0, part)
        for part in parts
    ]
