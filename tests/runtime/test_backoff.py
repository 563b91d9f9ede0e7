"""Waits between attempts: they double, vary, and stay within their limits."""

import pytest

from stzsar.runtime.backoff import Backoff


def bounds(backoff: Backoff, failures: int) -> tuple[float, float]:
    waits = [backoff.wait_s(failures) for _ in range(300)]
    assert len(set(waits)) > 1
    return min(waits), max(waits)


@pytest.mark.parametrize(("failures", "ceiling_s"), [(1, 1), (2, 2), (4, 8), (100_000, 8)])
def test_waits_double_up_to_the_longest(failures, ceiling_s):
    shortest_s, longest_s = bounds(Backoff(first_s=1, longest_s=8), failures)

    assert ceiling_s / 2 <= shortest_s
    assert 0.9 * ceiling_s < longest_s <= ceiling_s


def test_full_jitter_keeps_short_waits_possible():
    backoff = Backoff(first_s=1, longest_s=30, full_jitter=True)

    assert bounds(backoff, 1)[0] >= 0.5
    shortest_s, longest_s = bounds(backoff, 100)
    assert 0.5 <= shortest_s < 5
    assert 25 < longest_s <= 30


def test_a_wait_that_is_asked_for_is_kept_up_to_its_limit():
    assert [Backoff().wait_s(1, asked_s) for asked_s in (-1, 0, 3, 1e9)] == [0, 0, 3, 600]
