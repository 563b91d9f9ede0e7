"""Detectors: log odds, and what was taught, whatever else a run scores."""

import math

import numpy as np
import pytest

from stzsar.runtime.decisions.detector import Detector, Feature, Taught, odds
from stzsar.runtime.errors import CalibrationError
from stzsar.runtime.labels.labels import Label, as_labels, ignored

LABELS = (*as_labels(["a", "b"]), *ignored([Label("c")]))


def detector(taught=None):
    features = tuple(Feature.of(label) for label in LABELS)
    return Detector(features=features, scale=10.0, taught=taught)


def test_odds_are_those_of_the_softmax():
    rng = np.random.default_rng(0)
    logits = 3 * rng.standard_normal((50, 6))
    shares = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)

    assert odds(logits[:, :4], logits) == pytest.approx(np.log(shares / (1 - shares))[:, :4])


@pytest.mark.parametrize("far", [40.0, 800.0])
def test_odds_stay_exact_however_far_apart_logits_are(far):
    assert odds(np.asarray([far, 0.0]), np.asarray([far, 0.0, 0.0])) == pytest.approx(
        [far - math.log(2), -far]
    )
    assert odds(np.asarray([1.0, 1.0]), np.asarray([1.0, 1.0])) == pytest.approx([0, 0])
    assert odds(np.asarray([3.0]), np.asarray([3.0])) == [3.0]


def test_evidence_is_that_of_its_own_labels_wherever_they_are():
    bound = detector().bind([Label("x"), LABELS[2], LABELS[1], LABELS[0]])

    evidence = bound.of(np.asarray([9.0, 0.3, 0.2, 0.1]))

    assert bound.names == ("a", "b")
    assert bound.places.tolist() == [3, 2]
    assert evidence == pytest.approx(
        [1 - math.log(math.exp(2) + math.exp(3)), 2 - math.log(math.exp(1) + math.exp(3))]
    )


def test_what_was_taught_replaces_the_odds_of_its_labels():
    taught = Taught(labels=("b",), weights=((0.0, 1.0, 0.0), (0.0, 0.0, 1.0)), offsets=(0.5, 0.0))
    plain, bound = detector().bind(LABELS), detector(taught).bind(LABELS)

    similarities = np.asarray([[0.1, 0.2, 0.3], [0.3, 0.1, 0.0]])

    assert bound.of(similarities)[:, 0] == pytest.approx(plain.of(similarities)[:, 0])
    assert bound.of(similarities)[:, 1] == pytest.approx([0.7 - 0.3, 0.6])


def test_a_label_that_is_not_scored_is_named():
    with pytest.raises(CalibrationError, match=r"1 labels .* first is 'c'"):
        detector().bind(LABELS[:2])


def test_a_detector_without_an_action_is_refused():
    features = tuple(Feature.of(label) for label in ignored([Label("a"), Label("b")]))
    with pytest.raises(ValueError, match="measures no action"):
        Detector(features=features, scale=1.0)


@pytest.mark.parametrize(
    ("taught", "words"),
    [
        (Taught(labels=("z",), weights=((0.0,) * 3,) * 2, offsets=(0, 0)), "not measured"),
        (Taught(labels=("c",), weights=((0.0,) * 3,) * 2, offsets=(0, 0)), "not measured"),
        (Taught(labels=("a",), weights=((0.0,) * 2,) * 2, offsets=(0, 0)), "other labels"),
        (Taught(labels=("a", "a"), weights=((0.0,) * 3,) * 3, offsets=(0, 0, 0)), "taught twice"),
    ],
)
def test_what_does_not_fit_together_is_refused(taught, words):
    with pytest.raises(ValueError, match=words):
        detector(taught)
    with pytest.raises(ValueError, match="lacks rows"):
        Taught(labels=("a",), weights=((0.0,) * 3,), offsets=(0,))
