"""The spatial similarity of training: the numbers and gradients of all cosines, without them."""

import pytest
import torch

from stzsar.models import best_match as module
from stzsar.models.best_match import best_match


def of_all_cosines(patches, words, mask):
    cosines = torch.einsum("npd,cwd->npcw", patches, words)
    return torch.where(mask, cosines.amax(1), -2.0).amax(-1)


@pytest.fixture(params=[1, 700, 1 << 30])
def _chunks(request, monkeypatch):
    """One frame per chunk, chunks of unequal size, and a single chunk."""
    monkeypatch.setattr(module, "_CHUNK_BYTES", 8 * 9 * 12 * request.param)


@pytest.mark.usefixtures("_chunks")
@pytest.mark.parametrize("frozen", [None, "words", "patches"])
def test_values_and_gradients_are_those_of_all_cosines(monkeypatch, frozen):
    torch.manual_seed(0)
    patches = torch.nn.functional.normalize(torch.randn(7, 9, 16, dtype=torch.float64), dim=-1)
    words = torch.nn.functional.normalize(torch.randn(4, 3, 16, dtype=torch.float64), dim=-1)
    mask = torch.arange(3)[None] < torch.tensor([1, 3, 2, 3])[:, None]
    weights = torch.randn(7, 4, dtype=torch.float64)
    found = []
    for function in (best_match, of_all_cosines):
        p = patches.clone().requires_grad_(frozen != "patches")
        w = words.clone().requires_grad_(frozen != "words")
        value = function(p, w, mask)
        (value * weights).sum().backward()
        found.append((value.detach(), p.grad, w.grad))
    for ours, theirs in zip(*found, strict=True):
        assert (ours is None) == (theirs is None)
        if ours is not None:
            torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-12)


@pytest.mark.parametrize("temporal", [False, True])
@pytest.mark.parametrize("projections", [False, True])
def test_a_network_in_training_gives_the_logits_and_gradients_of_one_that_is_tested(
    make_network, make_bank, temporal, projections
):
    network = make_network(temporal=temporal, interaction="residual", projections=projections)
    with torch.no_grad():
        network.head.beta.fill_(0.3)
    bank = make_bank(dim=32)
    clips = torch.randint(0, 256, (2, 4, 32, 32, 3), dtype=torch.uint8)
    found = []
    for training in (True, False):
        network.train(training)
        network.zero_grad()
        logits = network(clips, bank)
        logits.softmax(-1)[:, 0].log().sum().backward()
        found.append({n: p.grad for n, p in network.named_parameters() if p.grad is not None})
        found[-1]["logits"] = logits.detach()
    assert found[0].keys() == found[1].keys()
    assert "visual.conv1.weight" in found[0]
    for name, ours in found[0].items():
        scale = found[1][name].abs().max().clamp(min=1)
        torch.testing.assert_close(ours / scale, found[1][name] / scale, rtol=0, atol=1e-6)


def test_what_is_kept_for_the_gradients_does_not_grow_with_the_cosines():
    """Of 8 frames of 49 patches and 40 classes of 8 attributes, all cosines are 500 kB."""
    kept = {}

    def keep(tensor):
        kept[tensor.untyped_storage().data_ptr()] = tensor
        return tensor

    patches = torch.randn(8, 49, 16, requires_grad=True)
    words = torch.randn(40, 8, 16, requires_grad=True)
    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        best_match(patches, words, torch.ones(40, 8, dtype=torch.bool))
    own = {patches.data_ptr(), words.data_ptr()}
    assert sum(t.nbytes for place, t in kept.items() if place not in own) == 8 * 40 * 8
