import numpy as np
import pytest

from stzsar.runtime.preprocessing.motion import MotionGate
from stzsar.runtime.streams.stream import StreamOptions


def test_a_picture_that_did_not_change_is_not_encoded_again():
    gate = MotionGate(8)
    picture = np.full((64, 64, 3), 100, np.uint8)

    assert gate.opens(picture)
    assert not gate.opens(picture.copy())


def test_noise_does_not_open_it_and_a_small_thing_that_moves_does():
    rng = np.random.default_rng(0)
    gate = MotionGate(8)
    still = np.full((224, 224, 3), 100, np.int16)
    gate.opens(still.astype(np.uint8))

    noisy = np.clip(still + rng.normal(0, 6, still.shape), 0, 255).astype(np.uint8)
    waving = still.astype(np.uint8)
    waving[100:110, 100:110] = 220

    assert not gate.opens(noisy)
    assert gate.opens(waving)


def test_slow_change_adds_up_until_it_opens():
    gate = MotionGate(10)

    opened = [gate.opens(np.full((32, 32, 3), level, np.uint8)) for level in range(100, 134, 3)]

    assert opened == [True, False, False, False] * 3


@pytest.mark.parametrize("level", [0, -1, 255, float("nan")])
def test_a_level_outside_of_the_picture_is_refused(level):
    with pytest.raises(ValueError, match="above 0 and below 255"):
        MotionGate(level)


def test_a_gated_stream_gives_every_result_and_says_what_was_encoded(recognizer, picture):
    stream = recognizer.open_stream("camera", StreamOptions(motion_gate=4))
    colours = ["red"] * 6 + ["blue"] * 2

    found = [stream.push(picture(c), number / 4) for number, c in enumerate(colours)]

    assert [f and f.encoded for f in found] == [None, None, None, 1, 0, 0, 1, 1]
    assert found[3].top == found[5].top


def test_a_gated_stream_scores_a_still_picture_as_one_that_is_not(recognizer, picture):
    gated = recognizer.open_stream("camera", StreamOptions(motion_gate=4))
    plain = recognizer.open_stream("camera")

    for number in range(5):
        for stream in (gated, plain):
            stream.push(picture("green"), number / 4)
    a, b = (stream.push(picture("green"), 1.25) for stream in (gated, plain))

    assert a.top == b.top
    assert (a.encoded, b.encoded) == (0, 4)


def test_after_a_gap_the_first_picture_is_encoded(recognizer, picture):
    stream = recognizer.open_stream("camera", StreamOptions(motion_gate=4))
    for number in range(4):
        stream.push(picture("red"), number / 4)

    found = [stream.push(picture("red"), 60 + number / 4) for number in range(4)]

    assert found[3].encoded == 1
