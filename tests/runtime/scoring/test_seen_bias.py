"""The bias towards labels of the training is taken out of scores, not out of similarities."""

import json

import numpy as np
import pytest

from stzsar.runtime.errors import BundleError, LabelError
from stzsar.runtime.recognizer import Recognizer

LABELS = ["red", "green", "blue"]


@pytest.fixture
def trained(own_bundle, rewrite_manifest):
    rewrite_manifest(own_bundle, seen={"labels": ["Red", "white"], "bias": 2.0})
    return own_bundle


def found(bundle, bias=None):
    """Scores and similarities by label for a red window."""
    recognizer = Recognizer.load(bundle, LABELS, seen_bias=bias)
    red = np.full((48, 64, 3), (0, 0, 255), np.uint8)
    stream = recognizer.open_stream("red")
    results = [stream.push(red, time / 4) for time in range(20) if stream.due(time / 4)]
    assert results[-1] is not None
    top = results[-1].top
    return {s.label: s.score for s in top}, {s.label: s.similarity for s in top}


def test_the_measured_bias_lowers_the_odds_of_seen_labels_by_its_power(trained):
    plain, similarities = found(trained, 0)
    balanced, same = found(trained)

    odds = (plain["red"] / plain["blue"]) / (balanced["red"] / balanced["blue"])
    assert odds == pytest.approx(np.exp(2.0))
    assert balanced["green"] / balanced["blue"] == pytest.approx(plain["green"] / plain["blue"])
    assert same == similarities


def test_another_bias_replaces_the_measured_one(trained):
    assert found(trained, 2.0) == found(trained)
    assert found(trained, 0)[0]["red"] > found(trained, 1.0)[0]["red"] > found(trained)[0]["red"]


def test_a_bundle_that_names_no_seen_labels_takes_no_bias(own_bundle):
    with pytest.raises(LabelError, match="does not say which labels its training saw"):
        found(own_bundle, 1.0)
    assert found(own_bundle) == found(own_bundle, 0)


@pytest.mark.parametrize(
    "seen", [{"labels": [], "bias": 1}, {"labels": ["a"], "bias": -1}, {"labels": "a", "bias": 1}]
)
def test_nonsense_in_a_manifest_is_one_sentence(own_bundle, rewrite_manifest, seen):
    rewrite_manifest(own_bundle, seen=seen)
    with pytest.raises(BundleError, match="not a valid manifest"):
        Recognizer.load(own_bundle)
    json.dumps(seen)
