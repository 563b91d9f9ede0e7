"""The symmetric loss, against its definition written out."""

import json
import math
from pathlib import Path

import pytest
import torch

from stzsar.train.config import Loss
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


# BIKE's NCELoss with its gen_label gave this, in double precision, in both directions.
BIKE = json.loads((Path(__file__).parents[2] / "data" / "foreign" / "bike-loss.json").read_text())


def test_kl_is_the_loss_of_bike_to_its_number():
    logits = torch.tensor(BIKE["logits"], dtype=torch.float64)
    found = symmetric_loss(logits, torch.tensor(BIKE["classes"]), "kl").item()
    assert math.isclose(found, BIKE["loss"], rel_tol=1e-12)


def test_kl_is_zero_where_the_prediction_is_the_target():
    classes = torch.tensor([0, 1, 0])
    perfect = 10 * (classes[:, None] == classes[None]).double()
    assert symmetric_loss(perfect, classes, "kl").item() == pytest.approx(0, abs=1e-12)
    assert symmetric_loss(perfect.flip(0), classes.flip(0), "kl").item() == pytest.approx(0)
    assert symmetric_loss(perfect.roll(1, 0), classes, "kl").item() > 1


def test_kl_punishes_a_logit_far_above_its_target():
    """A lone positive of three has 0.99991 of the target; cross-entropy wants all."""
    classes = torch.tensor([0, 1, 2])
    sharp = (30 * torch.eye(3, dtype=torch.float64)).requires_grad_()
    losses: dict[Loss, bool] = {"kl": True, "cross-entropy": False}
    for loss, pulls_down in losses.items():
        (slope,) = torch.autograd.grad(symmetric_loss(sharp, classes, loss), sharp)
        assert (slope[0, 0] > 0).item() == pulls_down
