"""The tail of the highest peaks: how often a threshold beyond them is exceeded."""

import numpy as np
import pytest

from stzsar.runtime.decisions.tails import fit_tail

BLOCKS = 1000.0


def drawn(seed, count=500):
    """Peaks that thin out exponentially, one in two of the blocks: exp(-x) of them exceed x."""
    return -np.sort(-np.random.default_rng(seed).exponential(size=count))


@pytest.mark.parametrize("events", [0.1, 1.0, 5.0, 15.0, 50.0])
def test_a_threshold_is_exceeded_as_often_as_asked_on_average(events):
    rates = [500 * np.exp(-fit_tail(drawn(seed), BLOCKS).threshold(events)) for seed in range(400)]
    assert np.mean(rates) == pytest.approx(events, rel=0.15)


def test_scenes_below_the_highest_peaks_do_not_change_what_is_beyond_them():
    peaks = drawn(0)
    lower = np.where(np.arange(len(peaks)) > 20, peaks - 5, peaks)
    assert fit_tail(lower, BLOCKS).threshold(1) == fit_tail(peaks, BLOCKS).threshold(1)


def test_fewer_events_need_higher_thresholds_without_a_jump():
    tail = fit_tail(drawn(1), BLOCKS)
    thresholds = [tail.threshold(events) for events in np.geomspace(100, 0.01, 200)]
    assert (np.diff(thresholds) >= -1e-3).all()
    assert np.diff(thresholds).max() < 0.5


def test_peaks_that_are_all_equal_are_a_still_picture():
    assert fit_tail(np.full(300, 0.2), BLOCKS).still
    assert not fit_tail(drawn(2), BLOCKS).still
