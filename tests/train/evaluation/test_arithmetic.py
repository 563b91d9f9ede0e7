"""The numbers of a test, on made-up results with known answers."""

import math

import numpy as np
import pytest

from stzsar.train.evaluation.arithmetic import (
    Confusion,
    Predictions,
    accuracy,
    class_accuracies,
    confusion_matrix,
    pooled_scores,
    predict,
    spread,
    worst_confusions,
)


def predictions(*rows):
    return Predictions(*np.asarray(rows).T)


def test_the_three_splits_of_bike_give_its_published_mean_and_deviation():
    found = spread([70.14, 68.31, 67.15])
    assert round(found.mean, 2) == 68.53
    assert round(found.std, 2) == 1.23


def test_top1_and_top5_are_counted_over_clips_and_the_class_mean_over_classes():
    found = accuracy(predictions((0, 0, 0), (0, 0, 0), (0, 0, 0), (1, 0, 4), (1, 2, 5)))
    assert found.top1 == 3 / 5
    assert found.top5 == 4 / 5
    assert found.class_mean == 1 / 2
    assert found.clips == 5


def test_the_rank_counts_the_classes_ahead_and_ties_go_to_the_first():
    scores = np.array([1.0, 3.0, 3.0, 2.0])
    assert predict(scores, 1) == (1, 0)
    assert predict(scores, 2) == (1, 1)
    assert predict(scores, 3) == (1, 2)
    assert predict(scores, 0) == (1, 3)


def test_votes_are_the_mean_of_the_rows_softmax():
    rows = np.log(np.array([[0.7, 0.2, 0.1], [0.1, 0.8, 0.1], [0.5, 0.2, 0.3]])) + 4
    assert np.exp(pooled_scores(rows)) == pytest.approx([1.3 / 3, 1.2 / 3, 0.5 / 3])


def test_one_sure_frame_outvotes_two_that_are_nearly_even():
    logits = np.array([[0.0, 9.0], [0.4, 0.0], [0.4, 0.0]])
    assert pooled_scores(logits).argmax() == 1


def test_classes_far_behind_keep_their_order_where_a_softmax_would_be_zero():
    scores = pooled_scores(np.array([[0.0, -2000.0, -1000.0], [0.0, -2000.0, -1000.0]]))
    assert scores[2] > scores[1]
    assert predict(scores, 1) == (0, 2)
    assert all(map(math.isfinite, scores))


def test_confusions_are_counted_over_all_results_and_the_costliest_come_first():
    first = predictions((0, 0, 0), (0, 1, 1), (1, 1, 0), (2, 1, 1))
    second = predictions((0, 1, 1), (2, 2, 0), (1, 0, 2))
    matrix = confusion_matrix([first, second], 4)
    assert matrix.tolist() == [[1, 2, 0, 0], [1, 1, 0, 0], [0, 1, 1, 0], [0, 0, 0, 0]]
    assert class_accuracies(matrix) == [1 / 3, 1 / 2, 1 / 2, None]
    worst = worst_confusions(matrix, ["a", "b", "c", "d"], count=2)
    assert worst == [Confusion("a", "b", 2, 2 / 3), Confusion("b", "a", 1, 1 / 2)]
