"""The symmetric loss, against its definition written out."""

import math

import torch

from stzsar.train.loop.objective import symmetric_loss


def slow_loss(logits, classes):
    total, count = 0.0, len(classes)
    for table in (logits, logits.T):
        for i in range(count):
            positives = [j for j in range(count) if classes[j] == classes[i]]
            normaliser = sum(math.exp(value) for value in table[i].tolist())
            total -= sum(
                math.log(math.exp(table[i, j]) / normaliser) / len(positives) for j in positives
            )
    return total / (2 * count)


def test_it_is_cross_entropy_both_ways_with_shared_positives():
    logits = torch.randn(6, 6, dtype=torch.float64)
    classes = torch.tensor([0, 1, 0, 2, 3, 1])
    assert math.isclose(symmetric_loss(logits, classes).item(), slow_loss(logits, classes))


def test_it_is_symmetric():
    logits, classes = torch.randn(5, 5), torch.tensor([0, 1, 2, 1, 4])
    torch.testing.assert_close(symmetric_loss(logits, classes), symmetric_loss(logits.T, classes))


def test_a_clip_of_the_same_class_is_no_negative():
    """Raising a true pair's logit must not cost anything because its twin is in the batch."""
    classes = torch.tensor([0, 0])
    confused = symmetric_loss(torch.full((2, 2), 5.0), classes)
    assert math.isclose(confused.item(), math.log(2), rel_tol=1e-6)
