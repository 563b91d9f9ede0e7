"""What counts as a right frame, whoever decoded it."""

import cv2
import numpy as np
import pytest

from stzsar.benchmarks.decoders.cli import DecoderResult, find_clips, table
from stzsar.benchmarks.decoders.judge import full_decode, judge
from stzsar.benchmarks.decoders.reader import DECODERS, Decoder, NoFramesError, Request

from .tables import cells

CLIP_FRAMES = 40


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    """A bar that moves by 6 px with each of 40 frames; 8 frames of 64 px are wanted of it."""
    path = tmp_path_factory.mktemp("clips") / "bar.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 10, (256, 256))
    for index in range(CLIP_FRAMES):
        picture = np.full((256, 256, 3), 60, np.uint8)
        picture[:, 6 * index : 6 * index + 12] = (40, 180, 250)
        writer.write(picture)
    writer.release()
    return Request(path, frames=8, size_px=64)


def shown(clip, indices):
    """What a decoder would give that takes these frames."""
    capture = cv2.VideoCapture(str(clip.path))
    pictures = [clip.fit(capture.read()[1]) for _ in range(CLIP_FRAMES)]
    return np.stack([pictures[index] for index in indices])


def test_the_frames_that_are_wanted_are_right(clip):
    truth = full_decode(clip)
    assert len(truth) == CLIP_FRAMES
    verdict = judge(lambda clip: shown(clip, clip.wanted(CLIP_FRAMES)), clip, truth)
    assert (verdict.frames, verdict.wrong, verdict.difference) == (8, 0, 0.0)


def test_neighbours_are_wrong(clip):
    late = [index + 1 for index in clip.wanted(CLIP_FRAMES)]
    late[0] -= 1
    assert judge(lambda clip: shown(clip, late), clip, full_decode(clip)).wrong == 7


def test_other_colours_are_right_and_other_pictures_are_not(clip):
    right = shown(clip, clip.wanted(CLIP_FRAMES))
    verdict = judge(lambda _: right + np.uint8(5), clip, full_decode(clip))
    assert verdict.wrong == 0
    assert 4 < verdict.difference < 6
    assert judge(lambda _: right * np.uint8(0), clip, full_decode(clip)).wrong == 8


def test_a_decoder_that_fails_gives_no_frames_and_says_why(clip):
    def fail(_):
        raise NoFramesError("no such codec")

    verdict = judge(fail, clip, full_decode(clip))
    assert (verdict.frames, verdict.wrong, verdict.reason) == (0, 0, "no such codec")


@pytest.mark.parametrize("decoder", DECODERS, ids=lambda decoder: decoder.name)
def test_each_decoder_that_is_here_gives_the_right_frames_of_a_sound_clip(clip, decoder):
    if reason := decoder.absence():
        pytest.skip(reason)
    assert judge(decoder.load(), clip, full_decode(clip)).wrong == 0


def test_an_absent_decoder_is_named_with_the_reason():
    reason = Decoder("Nothing", "nothing:read", "no_such_decoder", "no-such-decoder").absence()
    assert reason == "no-such-decoder is not installed or does not load: No module named " + (
        "'no_such_decoder'"
    )


def test_what_a_system_leaves_beside_clips_is_no_clip(tmp_path):
    for name in ("a.mp4", "._a.mp4", "__MACOSX/b.mp4", "c/d.avi"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    assert find_clips(tmp_path, None) == [tmp_path / "a.mp4", tmp_path / "c" / "d.avi"]


def test_ratios_are_those_of_one_round():
    rows = [
        DecoderResult("a", [10, 20, 40], 90, 1.5, 0, 0, 0, 8, 0),
        DecoderResult("b", [20, 40, 80], 45, 0.75, 1, 2, 3, 8, 1.25),
    ]
    printed = table(rows, {"c": "is away"})
    times = ["40.0 (30.0 … 60.0)", "2.00", "45", "0.75"]
    assert cells(printed, 1) == ["b", *times, "1", "2", "3 of 8", "1.2"]
    assert cells(printed, 2) == ["c", "is away", *[""] * 7]
