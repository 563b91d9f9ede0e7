"""Comparison of a decoder's frames with those of a full decode in order."""

from typing import NamedTuple

import cv2
import numpy as np

from ...runtime.errors import SourceError
from ...runtime.sources.video_file import VideoSource
from .reader import Array, NoFramesError, Read, Request

# Frames are compared at a quarter of their side, in levels of 0 to 255, by mean square error. A
# frame is right if no other frame of the clip is nearer by more than _TIE (some frames are equal),
# and if it is near at all: decoders convert colours differently, by less than _ALIKE levels.
_TIE, _ALIKE = 0.02, 16.0
_SHRINK = 4


class Verdict(NamedTuple):
    frames: int  # how many it gave; 0 if it failed
    wrong: int  # how many are not those that were asked for
    difference: float  # of the right ones, mean difference in levels
    truth: int  # frames of a full decode; 0 if there is none to compare with
    reason: str = ""  # why it failed; empty if it did not


def full_decode(clip: Request) -> Array:
    """Return every frame of a clip as the runtime decodes it, uint8 [N, S/4, S/4, 3]; N may be 0.

    It uses one thread: on a damaged clip several do not always give the same frames.
    """
    found = []
    try:
        source = VideoSource.open(clip.path, threads=1)
        for frame in source.frames():
            found.append(_small(clip.fit(frame.image_hwc)))
    except SourceError:
        pass  # the frames before the damage count
    side = clip.size_px // _SHRINK
    return np.array(found, np.uint8).reshape(len(found), side, side, 3)


def judge(read: Read, clip: Request, truth: Array) -> Verdict:
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
