"""Bundles of older formats, kept as they were written, are read and give the same numbers."""

import json
from pathlib import Path

import numpy as np
import pytest

from stzsar.runtime.bundle.bundle import Bundle
from stzsar.runtime.bundle.manifest import FORMAT_VERSION
from stzsar.runtime.recognizer import Recognizer

DATA = Path(__file__).parents[2] / "data"
OLDER = sorted(DATA.glob("bundle-format-?"))


def test_a_bundle_of_every_older_format_is_kept():
    assert [folder.name[-1] for folder in OLDER] == [str(n) for n in range(1, FORMAT_VERSION)]


@pytest.mark.parametrize("folder", OLDER, ids=lambda folder: folder.name)
def test_a_bundle_of_an_older_format_is_read_as_one_of_today(folder):
    manifest = Bundle.open(folder).manifest

    assert manifest.format_version == FORMAT_VERSION
    assert type(manifest).from_json(manifest.to_json(), where="here") == manifest
    assert manifest.model["vision"]["kind"] == "vit"
    assert manifest.model["text"]["tokenizer"] == "clip"
    assert bool(manifest.features) == (folder.name[-1] in "34")
    assert (manifest.patch_grid is None) == (not manifest.features)
    assert (manifest.seen is None) == (folder.name[-1] != "4")
    assert manifest.text is not None
    assert manifest.text.prompts == ("This is a video about {}.",)
    assert manifest.model["prompts"] == ["This is a video about {}."]


def test_an_older_bundle_says_which_states_are_its_labels_and_how_long_a_window_is():
    """With and without a temporal transformer, which has a number of places."""
    first, second = (Bundle.open(folder).manifest for folder in OLDER[:2])

    assert (first.label_states, first.sampling.max_frames) == (("spatial",), 8)
    assert second.label_states == ("class_similarity", "attribute_similarity", "spatial")
    assert second.sampling.max_frames == 256


@pytest.mark.parametrize("folder", OLDER, ids=lambda folder: folder.name)
def test_a_bundle_of_an_older_format_gives_the_numbers_that_it_gave(folder):
    expected = json.loads(folder.with_suffix(".json").read_text())
    recognizer = Recognizer.load(folder, expected["labels"])
    frames = np.random.default_rng(0).integers(0, 256, (4, 16, 16, 3), np.uint8)
    states = recognizer.scorer.encode(frames)

    logits, _, scale = recognizer.scorer.score({k: v[None] for k, v in states.items()})

    np.testing.assert_allclose(logits[0], expected["logits"], rtol=1e-4)
    assert scale == pytest.approx(expected["scale"])
