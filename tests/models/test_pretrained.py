"""CLIP's weights: by name, from a file, or random when asked for."""

from types import SimpleNamespace
from typing import Any

import open_clip
import pytest
import torch

from stzsar.models.config import HeadConfig
from stzsar.models.pretrained import load_clip, load_original
from stzsar.runtime.errors import BundleError

SMALL_VIT = "ViT-S-32-alt"  # the smallest plain ViT that open_clip lists


@pytest.fixture(scope="module")
def clip():
    torch.manual_seed(0)
    return open_clip.create_model(SMALL_VIT).eval()


def test_a_state_dict_in_a_file_is_taken(clip, tmp_path):
    path = tmp_path / "weights.pt"
    torch.save(clip.state_dict(), path)
    network, origin = load_clip(SMALL_VIT, str(path), head=HeadConfig())
    assert "weights.pt" in origin.source
    frames = torch.randint(0, 256, (1, 224, 224, 3), dtype=torch.uint8)
    tokens = open_clip.tokenize(["playing the guitar"])
    with torch.no_grad():
        pixels = network.visual.pixels(frames)
        torch.testing.assert_close(
            network.visual(frames).frame, clip.encode_image(pixels), rtol=1e-4, atol=1e-5
        )
        torch.testing.assert_close(
            network.text(tokens), clip.encode_text(tokens), rtol=1e-4, atol=1e-5
        )
        torch.testing.assert_close(network.head.logit_scale, clip.logit_scale)


def test_random_weights_say_so():
    network, origin = load_clip(SMALL_VIT, "none", head=HeadConfig(interaction="off"))
    assert "random" in origin.knows
    assert network.config.head.interaction == "off"
    assert network.config.vision.image_px == 224


def test_without_a_download_the_error_says_both_ways(monkeypatch):
    def fail(*_args, **_kwargs):
        raise OSError("Name or service not known")

    monkeypatch.setattr(open_clip.factory, "download_pretrained", fail)
    with pytest.raises(
        BundleError, match=r"With internet, .* ViT-B-32-quickgelu --pretrained FILE"
    ):
        load_clip("ViT-B-32", "openai", head=HeadConfig())


def test_the_original_of_a_tuned_network_is_asked_for_where_it_cannot_be_downloaded(monkeypatch):
    def fail(*_args, **_kwargs):
        raise OSError("Name or service not known")

    monkeypatch.setattr(open_clip.factory, "download_pretrained", fail)
    tuned: Any = SimpleNamespace(config=SimpleNamespace(name="ViT-B-32"))
    with pytest.raises(BundleError, match=r"With internet, .* name it: --original FILE\.$"):
        load_original(tuned, "openai")


def test_an_unknown_backbone_lists_some():
    with pytest.raises(BundleError, match=r"no backbone 'ViT-X'.*ViT-B-16"):
        load_clip("ViT-X", "none", head=HeadConfig())


def test_unknown_weights_list_some():
    with pytest.raises(BundleError, match=r"'nonsense' is neither a file .*openai"):
        load_clip("ViT-B-32", "nonsense", head=HeadConfig())


@pytest.mark.parametrize("content", [b"", b"no weights at all", b"PK\x03\x04 nor a zip"])
def test_a_file_that_holds_no_weights_is_refused(tmp_path, content):
    path = tmp_path / "broken.pt"
    path.write_bytes(content)
    with pytest.raises(BundleError, match=r"broken\.pt does not hold weights"):
        load_clip(SMALL_VIT, str(path), head=HeadConfig())


def test_weights_of_another_backbone_are_refused(make_network, tmp_path):
    path = tmp_path / "other.pt"
    torch.save(make_network().state_dict(), path)
    with pytest.raises(BundleError, match=r"other\.pt does not hold weights"):
        load_clip(SMALL_VIT, str(path), head=HeadConfig())


def test_pickled_code_in_a_file_is_never_run(tmp_path):
    marker = tmp_path / "pwned"

    class Attack:
        def __reduce__(self):
            return marker.write_text, ("x",)

    path = tmp_path / "attack.pt"
    torch.save({"state_dict": Attack()}, path)
    with pytest.raises(BundleError, match=r"attack\.pt does not hold weights"):
        load_clip(SMALL_VIT, str(path), head=HeadConfig())
    assert not marker.exists()


@pytest.mark.parametrize("backbone", ["RN50", "coca_base", "ViT-B-16-SigLIP"])
def test_what_is_no_plain_clip_is_refused_and_not_exported_wrong(backbone):
    with pytest.raises(BundleError, match=backbone):
        load_clip(backbone, "none", head=HeadConfig())
