"""The trade between seen and unseen classes, against numbers counted by hand."""

import numpy as np
import pytest

from stzsar.train.seen_curve import SeenCurve, best_bias, harmonic_mean

SEEN = np.array([True, True, False, False])
# Four clips of seen classes, which lead by 4, 3, 2 and -1, and the second is taken for the other
# seen class; four of unseen ones, which seen classes lead by 2.5, 1, -1 and 0.5.
LOGITS = np.array([
    [5, 0, 1, 0], [2, 4, 1, 0], [0, 3, 1, 0], [1, 0, 2, 0],
    [2.5, 0, 0, -1], [1, 0, -1, 0], [0, 0, 1, 0], [0.5, 0, 0, -1],
], float)  # fmt: skip
TRUTH = np.array([0, 0, 1, 0, 2, 3, 2, 3])


@pytest.fixture
def curve():
    return SeenCurve.of(LOGITS, TRUTH, SEEN)


def test_a_bias_moves_clips_from_seen_to_unseen_classes(curve):
    assert curve.margins.tolist() == [4, 3, 2, -1, 2.5, 1, -1, 0.5]
    assert curve.at(0) == (2 / 4, 1 / 4)
    assert curve.at(1.5) == (2 / 4, 2 / 4)
    assert curve.at(3.5) == (1 / 4, 3 / 4)
    assert curve.at(9) == (0, 3 / 4)


@pytest.mark.parametrize(
    ("seen_lead", "unseen_lead", "area"),
    [
        ([1, 3], [0, 2], 0.75),  # 1 at seen to half of unseen, then 1/2
        ([2, 3], [0, 1], 1.0),  # one bias parts them
        ([0, 1], [2, 3], 0.0),
    ],
)
def test_the_area_is_that_under_the_steps(seen_lead, unseen_lead, area):
    margins = np.array([*seen_lead, *unseen_lead], float)
    assert SeenCurve(margins, np.ones(4, bool), np.array([1, 1, 0, 0], bool)).area == area


def test_the_best_bias_balances_both(curve):
    assert 1 < best_bias([curve]) < 2.5
    assert best_bias([curve, curve]) == best_bias([curve])


def test_the_harmonic_mean_is_low_if_either_part_is():
    assert harmonic_mean(0.6, 0.3) == pytest.approx(0.4)
    assert harmonic_mean(0.9, 0.0) == 0
    assert harmonic_mean(0.0, 0.0) == 0


def test_without_clips_of_both_kinds_there_is_no_curve():
    assert not SeenCurve.of(LOGITS[:4], TRUTH[:4], SEEN).has_both
