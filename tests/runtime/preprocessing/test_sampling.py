import itertools

import numpy as np
import pytest

from stzsar.runtime.preprocessing.sampling import RateSampler, segment_indices


def taken(sampler: RateSampler, times: list[float]) -> list[float]:
    return [time_s for time_s in times if sampler.due(time_s)]


def test_the_middle_of_each_segment_is_chosen():
    assert segment_indices(80, 8) == [5, 15, 25, 35, 45, 55, 65, 75]


def test_a_clip_of_as_many_frames_gives_each_once():
    assert segment_indices(8, 8) == list(range(8))


def test_a_short_clip_repeats_frames_in_order():
    assert segment_indices(3, 8) == [0, 0, 0, 1, 1, 2, 2, 2]
    assert segment_indices(1, 4) == [0, 0, 0, 0]


def test_a_random_frame_comes_from_its_own_segment_and_from_its_seed():
    first = segment_indices(800, 8, np.random.default_rng(1))

    assert first == segment_indices(800, 8, np.random.default_rng(1))
    assert first != segment_indices(800, 8, np.random.default_rng(2))
    assert [index // 100 for index in first] == list(range(8))


@pytest.mark.parametrize(("frame_count", "frames"), [(0, 8), (8, 0), (-1, 8)])
def test_nothing_cannot_be_chosen_from(frame_count, frames):
    with pytest.raises(ValueError, match="cannot choose"):
        segment_indices(frame_count, frames)


@pytest.mark.parametrize("fps", [24.0, 25.0, 29.97, 30.0, 60.0])
def test_a_source_at_any_rate_gives_an_even_comb(fps):
    times = [index / fps for index in range(int(fps * 20))]

    found = taken(RateSampler(8), times)

    # The nearest frame to each tooth: never further from it than half a source frame.
    assert len(found) == pytest.approx(160, abs=1)
    assert all(abs(found[tooth] - tooth / 8) <= 0.5 / fps + 1e-6 for tooth in range(len(found)))


def test_a_source_at_the_rate_itself_gives_every_frame():
    times = [index / 8 for index in range(50)]

    assert taken(RateSampler(8), times) == times


def test_a_slower_source_gives_every_frame():
    times = [index / 3 for index in range(50)]

    assert taken(RateSampler(8), times) == times


def test_a_gap_is_not_caught_up_in_a_burst():
    times = [index / 30 for index in range(30)] + [10 + index / 30 for index in range(30)]

    after = [time_s for time_s in taken(RateSampler(8), times) if time_s >= 10]

    assert after[0] == 10
    assert min(b - a for a, b in itertools.pairwise(after)) >= 0.125 - 1 / 30


def test_time_that_goes_back_starts_a_new_comb():
    sampler = RateSampler(8)

    assert taken(sampler, [5.0, 5.01]) == [5.0]
    assert sampler.due(1.0)


def test_a_reset_sampler_takes_the_next_frame():
    sampler = RateSampler(1)
    sampler.due(0.0)
    assert not sampler.due(0.1)

    sampler.reset()

    assert sampler.due(0.2)


@pytest.mark.parametrize("rate_fps", [0.0, -1.0, float("nan"), float("inf")])
def test_a_rate_that_is_not_positive_is_refused(rate_fps):
    with pytest.raises(ValueError, match="positive"):
        RateSampler(rate_fps)
