"""A bundle takes a second look."""

import pytest

from stzsar.runtime.labels.labels import as_labels
from stzsar.runtime.sources.areas import Region, area_of
from stzsar.runtime.verify.by_bundle import BundleJudge

from .questions import question


@pytest.fixture
def judge(bundle):
    labels = as_labels(["red", "green", "blue"])
    return BundleJudge(bundle, lambda: (labels, {}), engine="auto", threads=1)


def test_a_bundle_says_whether_it_sees_the_label_too(judge):
    seen = judge.judge(question("red"))
    assert (seen.answer, seen.by, seen.said) == ("yes", "colours", "")
    assert seen.score is not None
    assert seen.score > 0.9
    other = judge.judge(question("blue"))
    assert (other.answer, other.said) == ("no", "it sees blue")
    assert other.score is not None
    assert other.score < 0.1


def test_a_score_below_the_threshold_of_the_stream_is_a_no(bundle):
    labels = as_labels(["red", "ruby"])  # nearly the same
    judge = BundleJudge(bundle, lambda: (labels, {}), engine="auto", threads=1)
    verdict = judge.judge(question("red", threshold=0.5))
    assert verdict.answer == "yes"
    assert verdict.score is not None
    assert 0.5 < verdict.score < 0.9
    assert judge.judge(question("red", threshold=0.9)).answer == "no"


def test_a_bundle_sees_the_region_alone(judge):
    right = Region("right", area_of([0.5, 0, 1, 1]))
    assert judge.judge(question("red", around="green", region=right)).answer == "yes"
    assert judge.judge(question("red", "green", around="green", region=right)).answer == "no"


def test_a_bundle_follows_labels_that_change(bundle):
    in_use = [as_labels(["red", "green"])]
    judge = BundleJudge(bundle, lambda: (in_use[0], {}), engine="auto", threads=1)
    assert judge.judge(question("blue", "sky")).answer == "unverified"
    in_use[0] = as_labels(["red", "sky"])
    assert judge.judge(question("blue", "sky")).answer == "yes"
