"""The temporal transformer against its equations, written out in NumPy and double precision."""

from typing import Any

import numpy as np
import pytest
import torch

from stzsar.models.config import TemporalConfig, bike_temporal
from stzsar.models.temporal import SeenGate, TemporalTransformer

T, D = 5, 32
CLASSES = torch.zeros(1, D)  # nobody looks at them


def unit(array):
    return array / np.linalg.norm(array, axis=-1, keepdims=True)


def norm(x, module):
    spread = np.sqrt(x.var(-1, keepdims=True) + 1e-12)
    return (x - x.mean(-1, keepdims=True)) / spread * array(module.weight) + array(module.bias)


def array(tensor):
    return tensor.detach().numpy()


def linear(x, module):
    return x @ array(module.weight).T + array(module.bias)


def slow_block(x, block, heads):
    """Pre-LN attention and an MLP with QuickGELU on one sequence [T, D]."""
    attention = block.attn
    packed = norm(x, block.ln_1) @ array(attention.in_proj_weight).T
    packed = packed + array(attention.in_proj_bias)
    mixed = []
    for q, k, v in zip(*(np.split(part, heads, 1) for part in np.split(packed, 3, 1)), strict=True):
        powers = np.exp(q @ k.T / np.sqrt(q.shape[1]))
        mixed.append(powers / powers.sum(1, keepdims=True) @ v)
    x = x + linear(np.concatenate(mixed, 1), attention.out_proj)
    hidden = linear(norm(x, block.ln_2), block.mlp.c_fc)
    return x + linear(hidden / (1 + np.exp(-1.702 * hidden)), block.mlp.c_proj)


@pytest.fixture
def bike():
    torch.manual_seed(3)
    network = TemporalTransformer(bike_temporal(256, layers=2), D).double()
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    return network


def test_bike_s_form_adds_positions_and_no_differences_and_keeps_the_frame(bike):
    frames = torch.randn(2, T, D, dtype=torch.float64)
    found = bike(frames, CLASSES.double()).detach().numpy()
    for sequence, row in zip(frames.numpy(), found, strict=True):
        x = sequence + array(bike.positional_embedding)[:T]
        for block in bike.transformer.resblocks:
            x = slow_block(x, block, heads=4)
        np.testing.assert_allclose(row, sequence + x, rtol=1e-12, atol=1e-12)


def test_bike_s_start_is_that_of_bert():
    torch.manual_seed(0)
    network = TemporalTransformer(bike_temporal(256, layers=2), 64)
    assert network.positional_embedding.shape == (77, 64)
    block: Any = network.transformer.resblocks[0]
    assert len(network.transformer.resblocks) == 2
    drawn = (network.positional_embedding, block.mlp.c_fc.weight, block.attn.out_proj.weight)
    for tensor in drawn:
        assert tensor.std().item() == pytest.approx(0.02, rel=0.05)
    assert block.attn.in_proj_weight.abs().max() <= (6 / (3 * 64 + 64)) ** 0.5
    assert not any(block.mlp.c_fc.bias)
    assert not any(block.attn.out_proj.bias)


def test_ours_keeps_its_parts():
    names = set(TemporalTransformer(TemporalConfig(layers=1), 64).state_dict())
    assert {"positional_embedding", "difference.weight"} <= names
    assert not any(name.startswith("gate") for name in names)


def slow_gate(frames, classes, seen):
    """MoTE's factor: the labels and the seen classes that a video is nearest to, compared."""
    factors = []
    for video in unit(frames.mean(1)):
        near = classes[np.argsort(-(classes @ video))[:5]]
        known = seen[np.argsort(-(seen @ video))[:5]]
        factors.append(np.exp((np.mean((near @ known.T).max(1)) - 1) / 0.05))
    return np.array(factors)[:, None, None]


@pytest.mark.parametrize(("classes", "seen"), [(12, 9), (5, 5), (3, 7), (1, 2)])
def test_the_gate_compares_the_nearest_labels_with_the_nearest_seen_classes(classes, seen):
    rng = np.random.default_rng(classes)
    frames = rng.normal(size=(4, T, D))
    labels, known = unit(rng.normal(size=(classes, D))), unit(rng.normal(size=(seen, D)))
    # Some labels are near to classes of the training, so that the factors are not all near zero.
    labels[: len(known[:2])] = unit(known[: len(labels[:2])] + 0.02 * rng.normal(size=D))
    gate = SeenGate(seen, D).double()
    gate.seen_embeddings.copy_(torch.from_numpy(known))
    found = gate(torch.from_numpy(frames), torch.from_numpy(labels)).numpy()
    np.testing.assert_allclose(found, slow_gate(frames, labels, known), rtol=1e-9)


def test_the_gate_is_open_for_labels_that_training_saw(bike):
    torch.manual_seed(4)
    seen = torch.nn.functional.normalize(torch.randn(6, D, dtype=torch.float64), dim=-1)
    gated = TemporalTransformer(bike_temporal(256, layers=2, gate_classes=6), D).double()
    gated.load_state_dict({**bike.state_dict(), "gate.seen_embeddings": seen})
    frames = torch.randn(2, T, D, dtype=torch.float64)
    with torch.no_grad():
        torch.testing.assert_close(gated(frames, seen), bike(frames, seen))
        closed = gated(frames, -seen)
    torch.testing.assert_close(closed, frames, atol=1e-4, rtol=0)
