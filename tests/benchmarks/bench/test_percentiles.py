"""Percentiles, and how many samples each takes."""

import pytest

from stzsar.benchmarks.bench.percentiles import NEEDED, distribution


def test_a_percentile_is_the_smallest_sample_that_so_many_do_not_exceed():
    found = distribution([float(ms) for ms in range(1000, 0, -1)])
    assert found is not None
    assert (found.p50, found.p90, found.p95, found.p99) == (500.0, 900.0, 950.0, 990.0)
    assert (found.mean, found.largest, found.samples) == (500.5, 1000.0, 1000)


@pytest.mark.parametrize("percent", [90, 95, 99])
def test_a_percentile_of_too_few_samples_is_refused(percent):
    enough = NEEDED[percent]
    assert getattr(distribution([1.0] * enough), f"p{percent}") == 1.0
    assert getattr(distribution([1.0] * (enough - 1)), f"p{percent}") is None


def test_a_single_sample_has_a_middle_and_no_samples_have_nothing():
    found = distribution([3.0])
    assert found is not None
    assert (found.p50, found.p90, found.largest) == (3.0, None, 3.0)
    assert distribution([]) is None
