"""OST's matching: what its groups are, and that windows know nothing of one another."""

import torch

from stzsar.models.transport import transport

GENERATOR = torch.Generator().manual_seed(0)
COSINES = 0.25 + 0.08 * torch.randn(3, 5, 4, 6, generator=GENERATOR)  # [B, T, C, W]
EVERY = torch.ones(4, 6, dtype=torch.bool)


def test_frames_that_are_alike_and_equal_descriptors_give_plain_means():
    similarity, share = transport(torch.full((1, 4, 2, 6), 0.3), EVERY[:2])
    # Transported and mean cosine are the same, and each counts once.
    torch.testing.assert_close(similarity, torch.full((1, 2), 0.6))
    torch.testing.assert_close(share, torch.full((1, 4, 2), 0.25))


def test_the_first_half_is_one_group_and_the_second_the_other():
    first, second = COSINES[..., :3], COSINES[..., 3:]
    both, _ = transport(COSINES, EVERY)
    # A group alone stands twice, as three descriptors of each kind.
    alone = [transport(torch.cat([each, each], -1), EVERY)[0] for each in (first, second)]
    torch.testing.assert_close(both, (alone[0] + alone[1]) / 2)


def test_a_class_with_fewer_attributes_is_matched_by_those_that_it_has():
    mask = EVERY.clone()
    mask[1, 2:] = False
    mask[2, 1:] = False
    found, share = transport(torch.where(mask, COSINES, 0.9), mask)
    for row, width in ((1, 2), (2, 1)):
        own = COSINES[:, :, row : row + 1, :width]
        expected, _ = transport(own, torch.ones(1, width, dtype=torch.bool))
        # The rounds end by the mean change of all classes, so they may differ in number.
        torch.testing.assert_close(found[:, row : row + 1], expected, rtol=0, atol=1e-3)
    # One descriptor takes every frame alike, as both groups.
    torch.testing.assert_close(found[:, 2], 2 * COSINES[:, :, 2, 0].mean(1))
    torch.testing.assert_close(share.sum(1), torch.ones(3, 4), rtol=0, atol=1e-3)


def test_a_window_has_the_same_scores_alone():
    together, _ = transport(COSINES, EVERY)
    alone = torch.cat([transport(window[None], EVERY)[0] for window in COSINES])
    torch.testing.assert_close(together, alone)


def test_gradients_reach_the_cosines():
    cosines = COSINES.clone().requires_grad_()
    transport(cosines, EVERY)[0].sum().backward()
    assert cosines.grad is not None
    assert (cosines.grad > 0).all()
