"""The whole network: batch and stream are the same numbers."""

import pytest
import torch

from stzsar.models.config import bike_temporal

SWITCHES = [
    {"interaction": "product"},
    {"interaction": "residual"},
    {"interaction": "off"},
    {"interaction": "mean"},
    {"interaction": "product", "temporal": True},
    {"interaction": "mean", "temporal": True},
    {"interaction": "mean", "pooling": "raw"},
    {"interaction": "mean", "pooling": "raw", "temporal": bike_temporal(128, layers=1)},
    {
        "interaction": "mean",
        "pooling": "raw",
        "temporal": bike_temporal(128, layers=1, gate_classes=7),
    },
    {"interaction": "product", "patch_path": "value", "projections": True},
    {"interaction": "off", "frame_weights": "guided"},
    {"interaction": "product", "frame_weights": "guided", "learned_temperature": True},
    {"interaction": "product", "frame_weights": "both", "temporal": True},
]


@pytest.mark.parametrize("switches", SWITCHES, ids=str)
def test_every_window_of_a_stream_has_the_logits_of_its_clip(make_network, make_bank, switches):
    network, bank, length, window = make_network(**switches), make_bank(), 12, 5
    video = torch.randint(0, 256, (length, 32, 32, 3), dtype=torch.uint8)
    with torch.no_grad():
        states = [network.encode_frames(frame[None], bank) for frame in video]
        for start in range(length - window + 1):
            part = states[start : start + window]
            ring = {name: torch.stack([s[name] for s in part], 1) for name in network.state_names}
            streamed = network.score_window(ring, bank).logits
            whole = network(video[None, start : start + window], bank)
            assert (streamed - whole).abs().max() <= 1e-5 * network.head.logit_scale.exp()


def test_logits_have_a_row_for_each_video_and_a_column_for_each_label(make_network, make_bank):
    video = torch.randint(0, 256, (3, 4, 32, 32, 3), dtype=torch.uint8)
    assert make_network()(video, make_bank(7)).shape == (3, 7)


def test_only_the_temporal_transformer_knows_the_order_of_frames(make_network, make_bank):
    video = torch.randint(0, 256, (1, 6, 32, 32, 3), dtype=torch.uint8)
    bank = make_bank()
    with torch.no_grad():
        for temporal, same in ((False, True), (True, False)):
            network = make_network(temporal=temporal)
            difference = (network(video, bank) - network(video.flip(1), bank)).abs().max()
            assert (difference < 1e-3) == same


def test_the_value_path_changes_patches_and_not_the_frame(make_network):
    frames = torch.randint(0, 256, (2, 32, 32, 3), dtype=torch.uint8)
    with torch.no_grad():
        block = make_network().visual(frames)
        value = make_network(patch_path="value").visual(frames)
    assert torch.equal(block.frame, value.frame)
    assert (block.patches - value.patches).abs().max() > 1e-3


def test_on_the_value_path_a_last_block_patch_sees_only_itself(make_network):
    network = make_network(patch_path="value")
    block = network.visual.transformer.resblocks[-1]
    tokens = torch.randn(1, 10, 32)
    with torch.no_grad():
        whole = block.value_path(tokens)
        alone = torch.cat([block.value_path(tokens[:, i : i + 1]) for i in range(10)], 1)
    torch.testing.assert_close(whole, alone)


def test_written_out_attention_is_the_fused_one(make_network, make_bank):
    from stzsar.models.transformer import write_out_attention

    video = torch.randint(0, 256, (1, 4, 32, 32, 3), dtype=torch.uint8)
    tokens = torch.randint(1, 1000, (3, 24))
    fused, plain = make_network(temporal=True), make_network(temporal=True)
    write_out_attention(plain)
    with torch.no_grad():
        torch.testing.assert_close(fused(video, make_bank()), plain(video, make_bank()))
        torch.testing.assert_close(fused.encode_text(tokens), plain.encode_text(tokens))
