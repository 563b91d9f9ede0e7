"""The table of backbones: what it holds, on the smallest of them."""

import pytest
from tokenizers import Tokenizer

from stzsar.benchmarks import backbones as benchmark
from stzsar.benchmarks import random_bundles
from stzsar.benchmarks.backbones import Backbone, count_gmac, table
from stzsar.benchmarks.random_bundles import stand_in_tokenizer
from stzsar.benchmarks.tools.timing import time_frame_graphs
from stzsar.models.config import HeadConfig
from stzsar.models.pretrained import load_clip
from stzsar.models.tokenizer_file import find_tokenizer

from .tables import cells


def test_a_row_holds_what_was_measured():
    row = Backbone(
        name="a", image_px=64, vision_millions=1.26, total_millions=2.5, gmac=0.31, frame_mib=3.4,
        bundle_mib=9.6, frame_ms=12.4,
    )  # fmt: skip
    assert cells(table([row])) == ["a", "64", "1.3 / 2.5", "0.3", "3 / 10", "12"]


@pytest.mark.usefixtures("backbones")
def test_multiply_adds_are_those_of_convolutions_and_products():
    network, _ = load_clip("tiny-MobileCLIP-B", "none", head=HeadConfig())
    # Stem, 4 places of a 32 px frame and 5 tokens: counted by hand.
    stem = 64 * 192 * 48 + 16 * 192 * 192 * 4 + 4 * 768 * 192 * 4
    # The patches pass the projection too, beside the class token.
    block = 5 * 12 * 768**2 + 2 * 5 * 5 * 768
    heads = (1 + 4) * 768 * 32
    assert count_gmac(network) * 1e9 == pytest.approx(stem + block + heads, rel=1e-5)


def test_the_stand_in_is_taken_as_a_tokenizer_of_siglip2(tmp_path):
    path = stand_in_tokenizer(tmp_path)
    tokenizer = Tokenizer.from_str(find_tokenizer(str(path), "timm/none", "SigLIP2"))
    assert tokenizer.decode(tokenizer.encode("Archery!").ids).startswith("arch")
    assert tokenizer.encode("").ids == [1]


@pytest.mark.slow
@pytest.mark.parametrize("name", ["tiny-MobileCLIP2", "tiny-PE-Core", "tiny-SigLIP2"])
def test_each_backbone_is_measured(backbones, name, monkeypatch, tmp_path):
    # The stand-in has more tokens than the small text encoder.
    monkeypatch.setattr(random_bundles, "stand_in_tokenizer", backbones.write_tokenizer)
    row = benchmark.export(name, tmp_path)
    assert (row.name, row.image_px) == (name, 64 if name == "tiny-MobileCLIP2" else 32)
    assert 0 < row.vision_millions < row.total_millions
    assert 0 < row.frame_mib < row.bundle_mib
    assert row.gmac > 0
    times = time_frame_graphs([tmp_path / name / "frame.onnx"], 2, threads=1)
    assert times.shape == (2, 1)
    assert (times > 0).all()
