"""Draw a line of text in any script onto a picture.

OpenCV 5 has fonts for most scripts, OpenCV 4 only for ASCII. There Pillow or OpenCV's own FreeType
draws the rest, with a font of the machine. Without them a letter becomes a box, never nothing.
"""

import functools
import importlib
import shutil
import subprocess
import unicodedata
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from ..preprocessing.opencv import load_cv2

Array = npt.NDArray[Any]
Colour = tuple[int, int, int]
Point = tuple[int, int]
FONT_LIST_S = 5.0
# Smaller type than this share of a line, or than so many pixels, is hard to read in a video.
_SMALLEST, _SMALLEST_PX = 0.7, 14


def draw_text(image_hwc: Array, text: str, at: Point, line_px: int, colour: Colour) -> None:
    """Draw `text` in place, with its baseline starting `at` (x, y), in lines of `line_px`."""
    _font_for(_foreign(text), line_px).draw(image_hwc, text, at, colour)


def text_width(text: str, line_px: int) -> int:
    """Return the width of `text` in pixels."""
    return _font_for(_foreign(text), line_px).width(text)


@functools.lru_cache(maxsize=1024)
def fitted(text: str, width_px: int, line_px: int) -> tuple[str, int]:
    """Return `text` and the line height with which it is no wider than `width_px`.

    Shorter type comes first. Where that is not enough, an ellipsis replaces the middle, since
    labels often differ at their ends.
    """
    smallest_px = max(min(_SMALLEST_PX, line_px), round(_SMALLEST * line_px))
    for height_px in range(line_px, smallest_px - 1, -1):
        if text_width(text, height_px) <= width_px:
            return text, height_px
    has_ellipsis = _opencv_major() >= 5 or not text.isascii()
    for kept in range(len(text) - 1, 1, -1):
        head = (kept + 1) // 2
        middle = "…" if has_ellipsis else "..."
        shorter = text[:head].rstrip() + middle + text[len(text) - kept + head :].lstrip()
        if text_width(shorter, smallest_px) <= width_px:
            return shorter, smallest_px
    return text[:1], smallest_px


class _Font(Protocol):
    def width(self, text: str) -> int: ...

    def draw(self, image_hwc: Array, text: str, at: Point, colour: Colour) -> None: ...


def _foreign(text: str) -> str:
    """Return the letters beyond ASCII, each once: one font serves all texts with the same."""
    return "" if text.isascii() else "".join(sorted({c for c in text if not c.isascii()}))


@functools.lru_cache(maxsize=256)
def _font_for(letters: str, line_px: int) -> _Font:
    if not letters or _opencv_major() >= 5:
        return _OpenCvFont(line_px)
    file = _font_file(letters)
    for make in (_PillowFont, _FreeTypeFont):
        try:
            return make(file, line_px)
        except (ImportError, AttributeError, OSError, TypeError):
            continue  # not installed, or it has no font
    return _Boxes(line_px)


def _opencv_major() -> int:
    return int(load_cv2().__version__.partition(".")[0])


def _font_file(letters: str) -> str | None:
    """Return a font file of this machine that has these letters, by fontconfig."""
    program = shutil.which("fc-match")
    if program is None:
        return None
    codes = " ".join(f"{ord(letter):x}" for letter in letters)
    try:
        command = [program, "--format=%{file}", f":charset={codes}"]
        found = subprocess.run(command, capture_output=True, text=True, timeout=FONT_LIST_S)
    except (OSError, subprocess.SubprocessError):
        return None
    return found.stdout or None


class _OpenCvFont:
    def __init__(self, line_px: int) -> None:
        self._cv2 = load_cv2()
        self._scale = line_px / 34
        self._face = self._cv2.FONT_HERSHEY_SIMPLEX

    def width(self, text: str) -> int:
        (width, _), _ = self._cv2.getTextSize(text, self._face, self._scale, 1)
        return width

    def draw(self, image_hwc: Array, text: str, at: Point, colour: Colour) -> None:
        smooth = self._cv2.LINE_AA
        self._cv2.putText(image_hwc, text, at, self._face, self._scale, colour, 1, smooth)


class _PillowFont:
    def __init__(self, file: str | None, line_px: int) -> None:
        fonts = importlib.import_module("PIL.ImageFont")
        self._font = fonts.truetype(file or "DejaVuSans.ttf", round(line_px * 0.65))
        self._new = importlib.import_module("PIL.Image").new
        self._draw = importlib.import_module("PIL.ImageDraw").Draw

    def width(self, text: str) -> int:
        return round(self._font.getlength(text))

    def draw(self, image_hwc: Array, text: str, at: Point, colour: Colour) -> None:
        ascent, descent = self._font.getmetrics()
        x, top = at[0], max(0, at[1] - ascent)
        region = image_hwc[top : at[1] + descent, x : x + self.width(text) + 1]
        mask = self._new("L", (region.shape[1], region.shape[0]))
        self._draw(mask).text((0, at[1] - top), text, 255, font=self._font, anchor="ls")
        opacity = np.asarray(mask, np.float32)[..., None] / 255
        region[:] = region * (1 - opacity) + np.array(colour) * opacity


class _FreeTypeFont:
    def __init__(self, file: str | None, line_px: int) -> None:
        self._height = round(line_px * 0.65)
        self._smooth = load_cv2().LINE_AA
        self._font = load_cv2().freetype.createFreeType2()
        self._font.loadFontData(file, 0)  # a TypeError without a file

    def width(self, text: str) -> int:
        (width, _), _ = self._font.getTextSize(text, self._height, -1)
        return width

    def draw(self, image_hwc: Array, text: str, at: Point, colour: Colour) -> None:
        self._font.putText(image_hwc, text, at, self._height, colour, -1, self._smooth, True)


class _Boxes:
    """Draws ASCII, and a box for each other letter; accents go."""

    def __init__(self, line_px: int) -> None:
        self._cv2 = load_cv2()
        self._font = _OpenCvFont(line_px)
        self._side = max(4, line_px // 3)

    def width(self, text: str) -> int:
        return sum(
            self._font.width(letter) if letter else self._side + 2 for letter in _ascii(text)
        )

    def draw(self, image_hwc: Array, text: str, at: Point, colour: Colour) -> None:
        x, y = at
        for letter in _ascii(text):
            if letter:
                self._font.draw(image_hwc, letter, (x, y), colour)
                x += self._font.width(letter)
            else:
                corner = (x + self._side, y - round(1.4 * self._side))
                self._cv2.rectangle(image_hwc, (x, y), corner, colour, 1)
                x += self._side + 2


def _ascii(text: str) -> list[str]:
    """Return the letters as ASCII, and "" for each that has none."""
    bases = (unicodedata.normalize("NFKD", letter) for letter in text)
    return [
        base.encode("ascii", "ignore").decode()
        for base in bases
        if not unicodedata.combining(base[0])
    ]
