"""Mixed precision: towers in it, the head out of it."""

import torch

from stzsar.train.loop.precision import Precision


def test_the_towers_are_in_half_precision_and_the_head_is_not(make_network, make_bank):
    network, bank = make_network(temporal=True), make_bank(dim=32)
    frames = torch.randint(0, 256, (8, 32, 32, 3), dtype=torch.uint8)
    with torch.no_grad():
        exact = network.visual(frames)
        Precision.choose("bf16", torch.device("cpu")).apply_to(network)
        rough = network.visual(frames)
        assert not torch.equal(rough.frame, exact.frame)
        assert torch.equal(rough.frame, rough.frame.bfloat16().float())
        state = network.encode_frames(frames, bank)
        features = network.head.features(rough.frame, rough.patches)
        expected = network.head.frame_state(rough.frame, features, bank)
        assert torch.equal(state["spatial"], expected["spatial"])
        windows = {name: value[None] for name, value in state.items()}
        saliency = network.score_window(windows, bank).saliency
    assert saliency.dtype == torch.float32
    # In bf16 a sum of eight weights is off by 1e-3.
    torch.testing.assert_close(saliency.sum(-1), torch.ones_like(saliency[..., 0]))


def test_fp32_leaves_the_network_as_it_is(make_network):
    network = make_network()
    before = network.visual.forward
    Precision.choose("auto", torch.device("cpu")).apply_to(network)
    assert network.visual.forward == before
