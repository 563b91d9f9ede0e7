"""Between the original network and the tuned one: exact at both ends, linear between."""

import copy

import pytest
import torch

from stzsar.models.interpolation import check_related, interpolate_weights
from stzsar.runtime.errors import BundleError

BEGAN_AS_THE_IDENTITY = ("head.beta", "head.patch_delta", "head.frame_delta", "head.sharpness")


@pytest.fixture(scope="module")
def pair(make_network):
    """A network at its start, and the same one a little further everywhere."""
    original = make_network(
        temporal=True, interaction="residual", projections=True, learned_temperature=True
    )
    tuned = copy.deepcopy(original)
    generator = torch.Generator().manual_seed(3)
    with torch.no_grad():
        for parameter in tuned.parameters():
            parameter.add_(0.01 * torch.randn(parameter.shape, generator=generator))
    return original, tuned


def same_bytes(one, other):
    return one.numpy().tobytes() == other.numpy().tobytes()


def test_a_share_of_1_is_the_tuned_network_to_the_byte(pair):
    original, tuned = pair
    mixed = interpolate_weights(original, tuned, 1)
    assert list(mixed) == list(tuned.state_dict())
    assert all(same_bytes(mixed[name], end) for name, end in tuned.state_dict().items())


def test_a_share_of_0_is_the_original_to_the_byte_but_for_the_temporal_transformer(pair):
    original, tuned = pair
    mixed = interpolate_weights(original, tuned, 0)
    for name, value in mixed.items():
        whose = tuned if name.startswith("temporal.") else original
        assert same_bytes(value, whose.state_dict()[name]), name
    assert all(not mixed[name].any() for name in BEGAN_AS_THE_IDENTITY)


@pytest.mark.parametrize("share", [0.2, 0.5, 0.8])
def test_every_weight_lies_on_the_straight_line_between(pair, share):
    original, tuned = pair
    start, end = original.state_dict(), tuned.state_dict()
    moved = 0
    for name, value in interpolate_weights(original, tuned, share).items():
        if name.startswith("temporal."):
            continue
        wanted = (1 - share) * start[name].double() + share * end[name].double()
        torch.testing.assert_close(value.double(), wanted, rtol=1e-6, atol=1e-7)
        moved += not torch.equal(value, start[name])
    assert moved > 20


def test_weights_that_training_left_alone_stay_to_the_byte(pair):
    original, tuned = pair
    frozen = copy.deepcopy(tuned)
    frozen.text.load_state_dict(original.text.state_dict())
    mixed = interpolate_weights(original, frozen, 0.3)
    for name, value in original.text.state_dict().items():
        assert same_bytes(mixed[f"text.{name}"], value), name


def test_the_tuned_network_is_not_touched(pair):
    original, tuned = pair
    mixed = interpolate_weights(original, tuned, 1)
    before = tuned.head.beta.item()
    mixed["head.beta"].add_(1)
    assert tuned.head.beta.item() == before


def test_counters_stay_as_tuned_and_statistics_are_mixed(backbones, tmp_path):
    tuned, _ = backbones.load("tiny-MobileCLIP2", tmp_path)
    original = copy.deepcopy(tuned)
    with torch.no_grad():
        for name, value in tuned.state_dict().items():
            if name.endswith("num_batches_tracked"):
                value.fill_(5)
            elif name.endswith("running_var"):
                value.mul_(3)
    start, mixed = original.state_dict(), interpolate_weights(original, tuned, 0.5)
    counters = [name for name in mixed if name.endswith("num_batches_tracked")]
    assert counters
    assert all(mixed[name].item() == 5 for name in counters)
    for name in (name for name in mixed if name.endswith("running_var")):
        torch.testing.assert_close(mixed[name], 2 * start[name])


@pytest.mark.parametrize("share", [-0.1, 1.1, float("nan")])
def test_a_share_outside_0_and_1_is_a_mistake(pair, share):
    with pytest.raises(ValueError, match="within 0 and 1"):
        interpolate_weights(pair[0], pair[1], share)


def test_networks_that_are_not_related_are_refused(pair, make_network):
    original, tuned = pair
    check_related(original, tuned, "CLIP")
    stranger = copy.deepcopy(tuned)
    with torch.no_grad():
        for parameter in stranger.text.parameters():
            parameter.copy_(-parameter)
    with pytest.raises(BundleError, match=r"not tuned from CLIP: its text tower differs .* 2\d\d%"):
        check_related(original, stranger, "CLIP")
    broken = copy.deepcopy(tuned)
    torch.nn.init.constant_(broken.visual.proj, float("nan"))
    with pytest.raises(BundleError, match="its visual tower"):
        check_related(original, broken, "CLIP")
