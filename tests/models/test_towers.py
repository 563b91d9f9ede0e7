"""Our towers against open_clip's, on the same weights and pixels."""

import dataclasses
from typing import Any, cast

import numpy as np
import open_clip
import pytest
import torch
from open_clip import tokenizer as reference

from stzsar.models.config import VisionConfig, small_config
from stzsar.models.text import TextEncoder
from stzsar.models.tokenizer import CLIP_VOCABULARY, build_tokenizer, tokenize
from stzsar.models.vision import FrameEncoder

STRINGS = [
    "This is a video about playing the guitar.",
    "don't stop: it's 3 o'clock, we'll go!",
    "émigré naïve Straße ÅNGSTRÖM",
    "kayaking 🚣 and 日本語",
    "",
    "   spaces\tand\nlines   ",
    "word " * 200,
    "MiXeD-CaSe_under/score",
]

VISION = cast(VisionConfig, small_config().vision)


@pytest.fixture(scope="module")
def clip():
    torch.manual_seed(3)
    config = small_config()
    vision = {"image_size": 64, "layers": 4, "width": 128, "patch_size": 16, "head_width": 32}
    text = {"context_length": 24, "vocab_size": 1024, "width": 96, "heads": 4, "layers": 2}
    towers: tuple[Any, Any] = (vision, text)
    model = open_clip.model.CLIP(config.dim, *towers).eval()
    for parameter in model.parameters():
        parameter.data.add_(0.02 * torch.randn_like(parameter))
    return model


def test_the_frame_encoder_gives_the_embeddings_of_open_clip(clip):
    ours = FrameEncoder(VISION, 128)
    ours.load_state_dict(clip.visual.state_dict())
    frames = torch.randint(0, 256, (3, 64, 64, 3), dtype=torch.uint8)
    clip.visual.output_tokens = True
    with torch.no_grad():
        pooled, tokens = clip.visual(ours.pixels(frames))
        found = ours(frames)
    torch.testing.assert_close(found.frame, pooled, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(found.patches, tokens @ clip.visual.proj, rtol=1e-4, atol=1e-5)


def test_the_text_encoder_gives_the_embeddings_of_open_clip(clip):
    ours = TextEncoder(small_config().text, 128)
    ours.load_state_dict({k: v for k, v in clip.state_dict().items() if k in ours.state_dict()})
    tokens = tokenize(build_tokenizer(1024, 24), STRINGS)
    with torch.no_grad():
        torch.testing.assert_close(ours(tokens), clip.encode_text(tokens), rtol=1e-4, atol=1e-5)


def test_pixels_are_what_clip_was_trained_on():
    """BGR bytes become RGB values with CLIP's own mean and deviation."""
    bgr = np.random.default_rng(0).integers(0, 256, (1, 64, 64, 3), dtype=np.uint8)
    transform: Any = open_clip.image_transform(64, is_train=False)
    from PIL import Image

    expected = transform(Image.fromarray(bgr[0, :, :, ::-1]))
    found = FrameEncoder(VISION, 8).pixels(torch.from_numpy(bgr))
    torch.testing.assert_close(found[0], expected)


def test_a_quick_gelu_backbone_keeps_its_activation():
    torch.manual_seed(0)
    exact = FrameEncoder(VISION, 16)
    quick = FrameEncoder(dataclasses.replace(VISION, activation="quick_gelu"), 16)
    quick.load_state_dict(exact.state_dict())
    frames = torch.randint(0, 256, (1, 64, 64, 3), dtype=torch.uint8)
    assert (exact(frames).frame - quick(frames).frame).abs().max() > 1e-5


def test_token_ids_are_those_of_open_clip():
    ours = tokenize(build_tokenizer(CLIP_VOCABULARY, 77), STRINGS)
    assert torch.equal(ours, reference.tokenize(STRINGS).to(ours.dtype))


def test_a_cut_vocabulary_still_has_tokens_for_any_string():
    tokens = tokenize(build_tokenizer(1024, 24), STRINGS)
    assert tokens.shape == (len(STRINGS), 24)
    assert int(tokens.max()) == 1023
    # Every row ends in end-of-text, also those that were cut.
    assert bool((tokens == 1023).any(1).all())


def test_different_strings_have_different_tokens_with_a_cut_vocabulary():
    rows = tokenize(build_tokenizer(1024, 24), ["star rising", "star falling", "Star  rising"])
    assert not torch.equal(rows[0], rows[1])
    assert torch.equal(rows[0], rows[2])
