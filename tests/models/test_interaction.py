"""The paper's equations, each against a slow and obvious form of itself."""

import math

import numpy as np
import pytest
import torch

from stzsar.models.config import HeadConfig
from stzsar.models.interaction import STIHead

B, T, P, D = 2, 6, 9, 32


def unit(array):
    return array / np.linalg.norm(array, axis=-1, keepdims=True)


@pytest.fixture
def features():
    generator = torch.Generator().manual_seed(2)
    frames = torch.randn(B, T, D, generator=generator)
    patches = torch.randn(B, T, P, D, generator=generator)
    return frames, patches


def make_head(interaction, *, contextual=False, **options):
    return STIHead(HeadConfig(interaction=interaction, **options), D, contextual=contextual)


def frame_state(head, frame, patches, bank):
    return head.frame_state(frame, head.features(frame, patches), bank)


def run(head, features, bank):
    frames, patches = features
    state = frame_state(head, frames.flatten(0, 1), patches.flatten(0, 1), bank)
    over_time = {name: value.unflatten(0, (B, T)) for name, value in state.items()}
    return over_time, head.score(over_time, bank)


def slow_spatial(patches, bank):
    """f[b, t, c]: for each class, the best of its attributes at the best patch."""
    words, mask = bank.attribute_embeddings.numpy(), bank.attribute_mask.numpy()
    found = np.empty((B, T, len(mask)))
    for b, t, c in np.ndindex(found.shape):
        similarities = unit(patches[b, t].numpy()) @ words[c][mask[c]].T
        found[b, t, c] = similarities.max(0).max()
    return found


def slow_saliency(frames, bank, temperature):
    """S[b, t, c]: softmax over the frames for each attribute, then the mean over attributes."""
    words, mask = bank.attribute_embeddings.numpy(), bank.attribute_mask.numpy()
    found = np.empty((B, T, len(mask)))
    for b in range(B):
        for c in range(len(mask)):
            scores = unit(frames[b].numpy()) @ words[c][mask[c]].T / temperature
            powers = np.exp(scores - scores.max(0))
            found[b, :, c] = (powers / powers.sum(0)).mean(1)
    return found


def slow_logits(frames, weights, bank, scale):
    """exp(γ) <Σ_t w v̂, ê>, with the video embedding written out."""
    names = bank.class_embeddings.numpy()
    found = np.empty((B, len(names)))
    for b, c in np.ndindex(found.shape):
        video = (weights[b, :, c, None] * unit(frames[b].numpy())).sum(0)
        found[b, c] = scale * video @ names[c]
    return found


def test_spatial_similarity_is_the_maximum_over_patches_and_a_class_own_words(features, make_bank):
    bank = make_bank()
    state, _ = run(make_head("product"), features, bank)
    np.testing.assert_allclose(state["spatial"].numpy(), slow_spatial(features[1], bank), atol=1e-6)


@pytest.mark.parametrize("interaction", ["product", "residual", "off"])
def test_saliency_is_the_softmax_over_frames_and_sums_to_one(features, make_bank, interaction):
    bank = make_bank()
    _, scores = run(make_head(interaction), features, bank)
    saliency = scores.saliency.detach()
    torch.testing.assert_close(saliency.sum(-1), torch.ones(B, 5))
    slow = slow_saliency(features[0], bank, 0.01).transpose(0, 2, 1)
    np.testing.assert_allclose(saliency.numpy(), slow, atol=1e-5)


def test_product_weighs_each_frame_by_saliency_and_spatial_similarity(features, make_bank):
    bank = make_bank()
    _, scores = run(make_head("product"), features, bank)
    weights = slow_saliency(features[0], bank, 0.01) * slow_spatial(features[1], bank)
    expected = slow_logits(features[0], weights, bank, 100)
    np.testing.assert_allclose(scores.logits.detach().numpy(), expected, rtol=1e-4, atol=1e-4)


def test_off_is_the_video_concept_spotting_of_bike(features, make_bank):
    bank = make_bank()
    _, scores = run(make_head("off"), features, bank)
    weights = slow_saliency(features[0], bank, 0.01)
    expected = slow_logits(features[0], weights, bank, 100)
    np.testing.assert_allclose(scores.logits.detach().numpy(), expected, rtol=1e-4, atol=1e-4)


def test_mean_is_plain_mean_pooling(features, make_bank):
    bank = make_bank()
    _, scores = run(make_head("mean"), features, bank)
    expected = slow_logits(features[0], np.full((B, T, 5), 1 / T), bank, 100)
    np.testing.assert_allclose(scores.logits.detach().numpy(), expected, rtol=1e-4, atol=1e-4)


def test_a_raw_mean_normalises_the_mean_and_not_the_frames(features, make_bank):
    bank, lengths = make_bank(), torch.linspace(0.2, 3, T)[:, None]
    frames = features[0] * lengths
    state, scores = run(make_head("mean", pooling="raw"), (frames, features[1]), bank)
    expected = 100 * unit(frames.numpy().mean(1)) @ bank.class_embeddings.numpy().T
    np.testing.assert_allclose(scores.logits.detach().numpy(), expected, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(scores.saliency, torch.full((B, 5, T), 1 / T))
    assert set(state) == {"frame"}
    plain = run(make_head("mean"), (frames, features[1]), bank)[1].logits
    assert (plain - scores.logits).abs().max() > 1


def test_other_heads_weigh_unit_frames():
    with pytest.raises(ValueError, match="'raw' goes with 'mean', not with 'product'"):
        HeadConfig(interaction="product", pooling="raw")


def test_residual_starts_as_off_and_moves_with_beta(features, make_bank):
    bank = make_bank()
    head, plain = make_head("residual"), make_head("off")
    torch.testing.assert_close(
        run(head, features, bank)[1].logits, run(plain, features, bank)[1].logits
    )
    with torch.no_grad():
        head.beta.fill_(0.5)
    weights = slow_saliency(features[0], bank, 0.01) * (1 + 0.5 * slow_spatial(features[1], bank))
    expected = slow_logits(features[0], weights, bank, 100)
    found = run(head, features, bank)[1].logits.detach().numpy()
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4)


def slow_classes(bank):
    """The mean direction of each label and of the mean of its attributes."""
    words, mask = bank.attribute_embeddings.numpy(), bank.attribute_mask.numpy()
    names = bank.class_embeddings.numpy()
    return np.stack([unit(names[c] + words[c][mask[c]].mean(0)) for c in range(len(names))])


def slow_guide(frames, classes, temperature=0.01):
    """softmax over the frames of their cosines with each described class, [B, T, C]."""
    scores = unit(frames.numpy()) @ classes.T / temperature
    powers = np.exp(scores - scores.max(1, keepdims=True))
    return powers / powers.sum(1, keepdims=True)


@pytest.mark.parametrize("contextual", [False, True])
@pytest.mark.parametrize("interaction", ["off", "product"])
@pytest.mark.parametrize("frame_weights", ["guided", "both"])
def test_frames_are_weighed_by_the_described_class(
    features, make_bank, frame_weights, interaction, contextual
):
    bank = make_bank()
    head = make_head(interaction, frame_weights=frame_weights, contextual=contextual)
    _, scores = run(head, features, bank)

    classes = slow_classes(bank)
    weights = slow_guide(features[0], classes)
    if frame_weights == "both":
        weights = (weights + slow_saliency(features[0], bank, 0.01)) / 2
    np.testing.assert_allclose(
        scores.saliency.detach().numpy(), weights.transpose(0, 2, 1), atol=1e-5
    )
    if interaction == "product":
        weights = weights * slow_spatial(features[1], bank)
    described = bank._replace(class_embeddings=torch.from_numpy(classes))
    expected = slow_logits(features[0], weights, described, 100)
    np.testing.assert_allclose(scores.logits.detach().numpy(), expected, rtol=1e-4, atol=1e-4)


def test_guided_keeps_one_number_of_a_frame_for_each_label(features, make_bank):
    state, _ = run(make_head("off", frame_weights="guided"), features, make_bank())
    assert state.keys() == {"class_similarity"}


def test_a_training_step_gives_the_same_f_as_the_test(features, make_bank):
    head, bank = make_head("product", frame_weights="guided"), make_bank()
    tested, _ = run(head.eval(), features, bank)
    trained, _ = run(head.train(), features, bank)
    assert trained.keys() == tested.keys() == {"class_similarity", "spatial"}
    torch.testing.assert_close(trained["spatial"], tested["spatial"])


def test_learned_temperatures_begin_as_the_fixed_ones_and_sharpen_each_softmax(features, make_bank):
    bank = make_bank()
    head = make_head("off", frame_weights="both", learned_temperature=True)
    fixed = run(make_head("off", frame_weights="both"), features, bank)[1].saliency
    torch.testing.assert_close(run(head, features, bank)[1].saliency, fixed)
    with torch.no_grad():
        head.sharpness.copy_(torch.tensor([math.log(2), math.log(0.1)]))
    guide = slow_guide(features[0], slow_classes(bank), 0.1)
    expected = (slow_saliency(features[0], bank, 0.005) + guide) / 2
    found = run(head, features, bank)[1].saliency.detach().numpy()
    np.testing.assert_allclose(found, expected.transpose(0, 2, 1), atol=1e-5)


@pytest.mark.parametrize("contextual", [False, True])
def test_scaling_spatial_similarity_scales_the_logits(features, make_bank, contextual):
    """Nothing re-normalises the weighted frames, which would cancel f."""
    bank = make_bank()
    head = make_head("product", contextual=contextual)
    state, scores = run(head, features, bank)
    doubled = head.score({**state, "spatial": 2 * state["spatial"]}, bank)
    torch.testing.assert_close(doubled.logits, 2 * scores.logits)


def test_a_masked_attribute_never_wins(features, make_bank):
    bank = make_bank()
    head = make_head("product")
    state, scores = run(head, features, bank)
    # What is masked now matches a patch and a frame perfectly.
    tempting = bank.attribute_embeddings.clone()
    tempting[~bank.attribute_mask] = torch.nn.functional.normalize(features[1][0, 0, 0], dim=-1)
    changed, again = run(head, features, bank._replace(attribute_embeddings=tempting))
    assert torch.equal(changed["spatial"], state["spatial"])
    torch.testing.assert_close(again.logits, scores.logits)


def test_attributes_that_all_point_away_still_beat_a_masked_one(features, make_bank):
    bank = make_bank(classes=1)
    away = -torch.nn.functional.normalize(features[1][0, 0].sum(0), dim=-1)
    bank = bank._replace(attribute_embeddings=away.expand_as(bank.attribute_embeddings))
    patches = features[1][0, 0].sum(0).expand(B, T, P, D)
    state, _ = run(make_head("product"), (features[0], patches), bank)
    torch.testing.assert_close(state["spatial"], torch.full((B, T, 1), -1.0))


def test_one_frame_has_all_the_saliency(make_bank):
    bank = make_bank()
    head = make_head("product")
    frame, patches = torch.randn(1, D), torch.randn(1, P, D)
    state = frame_state(head, frame, patches, bank)
    state = {name: value[:, None] for name, value in state.items()}
    scores = head.score(state, bank)
    assert torch.equal(scores.saliency, torch.ones(1, 5, 1))
    expected = 100 * state["spatial"] * state["class_similarity"]
    torch.testing.assert_close(scores.logits, expected[:, 0], rtol=1e-4, atol=1e-4)


def test_projections_start_as_the_identity_and_then_matter(features, make_bank):
    bank = make_bank()
    head = make_head("product", projections=True)
    plain = run(make_head("product"), features, bank)[1].logits
    torch.testing.assert_close(run(head, features, bank)[1].logits, plain)
    for delta in (head.patch_delta, head.frame_delta):
        with torch.no_grad():
            delta.copy_(0.2 * torch.randn(D, D))
        moved = run(head, features, bank)[1].logits
        assert (moved - plain).abs().max() > 1e-2
        with torch.no_grad():
            delta.zero_()


def test_zero_embeddings_give_zero_and_not_nan(make_bank):
    bank = make_bank()
    head = make_head("product")
    state = frame_state(head, torch.zeros(1, D), torch.zeros(1, P, D), bank)
    scores = head.score({name: value[:, None] for name, value in state.items()}, bank)
    assert torch.equal(scores.logits, torch.zeros(1, 5))


def test_the_scale_is_exp_gamma(features, make_bank):
    _, scores = run(make_head("off", initial_scale=7.0), features, make_bank())
    assert math.isclose(scores.scale.item(), 7.0, rel_tol=1e-6)
