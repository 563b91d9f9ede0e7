import numpy as np
import pytest

from stzsar.runtime.window import FrameRing


def state(value: float) -> dict[str, np.ndarray]:
    return {"a": np.full(2, value), "b": np.full((3, 4), value)}


def test_states_are_stacked_oldest_first():
    ring = FrameRing(3)
    for value in range(5):
        ring.push(state(value), value / 10)

    stacked = ring.stacked()

    assert ring.full
    assert len(ring) == 3
    assert stacked["a"].shape == (1, 3, 2)
    assert stacked["b"].shape == (1, 3, 3, 4)
    assert stacked["a"][0, :, 0].tolist() == [2, 3, 4]
    assert (ring.start_s, ring.end_s) == (0.2, 0.4)


def test_a_ring_that_is_not_full_gives_what_it_has():
    ring = FrameRing(3)
    ring.push(state(1), 0.0)

    assert not ring.full
    assert ring.stacked()["a"].shape == (1, 1, 2)


def test_a_flushed_ring_is_empty():
    ring = FrameRing(2)
    ring.push(state(1), 0.0)

    ring.flush()

    assert len(ring) == 0
    with pytest.raises(ValueError, match="empty"):
        ring.stacked()


def test_a_ring_holds_at_least_one_frame():
    with pytest.raises(ValueError, match="at least one"):
        FrameRing(0)
