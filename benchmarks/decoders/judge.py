"""Whether a decoder gives the frames that a full decode in order gives."""

from typing import NamedTuple

import cv2
import numpy as np

from ...runtime.errors import SourceError
from ...runtime.sources.video_file import VideoSource
from .reader import Array, Clip, NoFramesError, Read

# Pictures are compared at a quarter of their side, in levels of 0 to 255, by mean square errors.
# One is right if no frame of the clip is nearer by more than _TIE, since some are equal, and if it
# is near at all: decoders convert colours differently, by less than _ALIKE levels.
_TIE, _ALIKE = 0.02, 16.0
_SHRINK = 4


class Verdict(NamedTuple):
    """What a decoder gave of a clip.

    Attributes:
        frames: how many frames; 0 if it failed.
        wrong: how many of them are others than those that were wanted.
        difference: of the pictures of the right ones, on average, in levels.
        truth: how many frames a full decode gave; 0 if there was none to compare with.
        reason: why it failed; "" if it did not.
    """

    frames: int
    wrong: int
    difference: float
    truth: int
    reason: str = ""


def full_decode(clip: Clip) -> Array:
    """Return every frame of a clip by OpenCV, as uint8 [N, S/4, S/4, 3]; N is 0 if it has none.

    It decodes in one thread: of a damaged clip several do not always give the same pictures.
    """
    found = []
    try:
        source = VideoSource.open(clip.path, threads=1)
        for frame in source.frames():
            found.append(_small(clip.fit(frame.image_hwc)))
    except SourceError:
        pass  # what came before the damage is kept
    side = clip.size_px // _SHRINK
    return np.array(found, np.uint8).reshape(len(found), side, side, 3)


def judge(read: Read, clip: Clip, truth: Array) -> Verdict:
    """Compare what a decoder gives with all frames of the clip."""
    try:
        pictures = read(clip)
    except NoFramesError as error:
        return Verdict(0, 0, 0.0, len(truth), str(error))
    if not len(truth):
        return Verdict(len(pictures), 0, 0.0, truth=0)
    wrong, differences = 0, []
    for picture, wanted in zip(pictures, clip.wanted(len(truth)), strict=True):
        off = truth.astype(np.float32) - _small(picture)
        squares = np.square(off).mean((1, 2, 3))
        difference = float(np.abs(off[wanted]).mean())
        if squares[wanted] > squares.min() + _TIE or difference > _ALIKE:
            wrong += 1
        else:
            differences.append(difference)
    return Verdict(len(pictures), wrong, float(np.mean(differences or [0.0])), truth=len(truth))


def _small(picture: Array) -> Array:
    side = len(picture) // _SHRINK
    return cv2.resize(picture, (side, side), interpolation=cv2.INTER_AREA)
