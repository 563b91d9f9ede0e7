import numpy as np
import pytest

from stzsar.runtime.scoring.window import FrameRing, WindowFrame

IMAGE = np.zeros((2, 2, 3), np.uint8)


def frame(value: float, time_s: float, *, encoded: bool = True) -> WindowFrame:
    state = {"a": np.full(2, value), "b": np.full((3, 4), value)}
    return WindowFrame(state, time_s, encoded, IMAGE)


def test_states_are_stacked_oldest_first():
    ring = FrameRing(3)
    for value in range(5):
        ring.push(frame(value, value / 10))

    stacked = ring.stacked()

    assert ring.full
    assert len(ring) == 3
    assert stacked["a"].shape == (1, 3, 2)
    assert stacked["b"].shape == (1, 3, 3, 4)
    assert stacked["a"][0, :, 0].tolist() == [2, 3, 4]
    assert (ring.start_s, ring.end_s) == (0.2, 0.4)


def test_a_ring_that_is_not_full_gives_what_it_has():
    ring = FrameRing(3)
    ring.push(frame(1, 0.0))

    assert not ring.full
    assert ring.stacked()["a"].shape == (1, 1, 2)


def test_a_flushed_ring_is_empty():
    ring = FrameRing(2)
    ring.push(frame(1, 0.0))

    ring.flush()

    assert len(ring) == 0
    with pytest.raises(ValueError, match="empty"):
        ring.stacked()


def test_a_ring_holds_at_least_one_frame():
    with pytest.raises(ValueError, match="at least one"):
        FrameRing(0)


def test_a_ring_knows_its_longest_gap_and_what_was_encoded():
    ring = FrameRing(4)
    for time_s, encoded in ((0.0, True), (0.25, False), (0.75, True), (1.0, False)):
        ring.push(frame(1, time_s, encoded=encoded))

    assert (ring.gap_s, ring.encoded) == (0.5, 2)


def test_states_are_replaced_all_at_once_and_times_stay():
    ring = FrameRing(2)
    for time_s in (0.0, 0.25):
        ring.push(frame(1, time_s, encoded=False))

    with pytest.raises(ValueError, match="argument"):
        ring.replace([{"a": np.zeros(2)}])
    ring.replace([{"a": np.zeros(2)}, {"a": np.ones(2)}])

    assert ring.stacked()["a"][0, :, 0].tolist() == [0, 1]
    assert (ring.times_s, ring.encoded) == ((0.0, 0.25), 2)
