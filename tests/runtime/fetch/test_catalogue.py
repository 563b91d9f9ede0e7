"""The catalogue says what open_clip says, and pins what it can."""

import re

import pytest

from stzsar.runtime.errors import StzsarError
from stzsar.runtime.fetch.catalogue import (
    CATALOGUE,
    DEFAULT_BACKBONE,
    find_weights,
    weights_of_file,
)
from stzsar.runtime.fetch.skeletons import read_skeleton


@pytest.mark.parametrize("weights", CATALOGUE, ids=lambda weights: weights.name)
def test_open_clip_has_the_weights_in_that_repository_with_that_activation(weights):
    open_clip = pytest.importorskip("open_clip")

    tag = open_clip.get_pretrained_cfg(weights.backbone, weights.tag)
    assert tag["hf_hub"].rstrip("/") == weights.repo
    assert tag.get("quick_gelu", False) is weights.quick_gelu


@pytest.mark.parametrize("weights", CATALOGUE, ids=lambda weights: weights.name)
@pytest.mark.parametrize("precision", ["fp32", "fp16"])
def test_the_graphs_of_all_weights_ship_with_their_colours(weights, precision):
    open_clip = pytest.importorskip("open_clip")

    manifest = read_skeleton(weights.graphs, precision).manifest
    tag = open_clip.get_pretrained_cfg(weights.backbone, weights.tag)
    assert manifest.pixels.mean == pytest.approx(tag["mean"])
    assert manifest.pixels.std == pytest.approx(tag["std"])
    # Weights whose activation is QuickGELU fill a graph of it, and others do not.
    activation = manifest.model["text"]["activation"]
    assert (activation == "quick_gelu") is weights.quick_gelu


def test_pins_look_like_pins_and_are_all_different():
    for pins, digits in (
        ([weights.revision for weights in CATALOGUE], 40),
        ([weights.sha256 for weights in CATALOGUE if weights.sha256], 64),
    ):
        assert all(re.fullmatch(f"[0-9a-f]{{{digits}}}", pin) for pin in pins)
        assert len(set(pins)) == len(pins)


def test_everybody_may_use_the_default():
    weights = find_weights(DEFAULT_BACKBONE, None)
    assert weights.licence.name == "MIT"
    assert not weights.licence.research_only
    assert weights.sha256
    assert weights_of_file(weights.sha256) is weights


def test_the_name_with_quickgelu_finds_the_weights_of_that_activation():
    assert find_weights("ViT-B-32-quickgelu", None) == find_weights("ViT-B-32", "openai")
    with pytest.raises(StzsarError, match="does not know the weights 'laion2b_s34b_b79k'"):
        find_weights("ViT-B-32-quickgelu", "laion2b_s34b_b79k")
