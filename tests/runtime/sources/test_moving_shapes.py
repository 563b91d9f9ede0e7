"""test://moving-shapes: a camera for those who have none."""

import itertools
import time

import numpy as np
import pytest

from stzsar.runtime.bundle.bundle import shipped_bundle
from stzsar.runtime.recognizer import Recognizer
from stzsar.runtime.sources.address import parse_address
from stzsar.runtime.sources.moving_shapes import SECONDS_EACH, MovingShapesCapture
from stzsar.runtime.sources.uri import open_source


def test_it_runs_live_for_the_seconds_that_were_asked_for(run_feed):
    start_s = time.monotonic()
    run = run_feed("test://moving-shapes?fps=50&seconds=1", rate_fps=1000)

    frames = run.take_all()

    assert run.conditions == ["connecting", "live", "ended"]
    assert 1 <= len(frames) <= 50
    assert time.monotonic() - start_s >= 1.0  # not faster than a camera
    assert frames[0].frame.image_hwc.shape == (256, 256, 3)
    assert all(captured.time for captured in frames)
    assert run.feed.source_fps == 50.0


def test_a_picture_is_a_function_of_seed_and_time():
    first, again, other = (MovingShapesCapture(seed=seed) for seed in (1, 1, 2))

    assert np.array_equal(first.picture(7.3), again.picture(7.3))
    assert not np.array_equal(first.picture(7.3), other.picture(7.3))
    assert not np.array_equal(first.picture(7.3), first.picture(7.4))


@pytest.mark.parametrize(("query", "cuts"), [("cuts=3", 3), ("share=0.3", 2)])
def test_an_untrimmed_stream_cuts_away_from_its_actions(query, cuts):
    capture = MovingShapesCapture.of(parse_address(f"test://moving-shapes?seed=3&{query}"))
    times = np.arange(0, 4 * SECONDS_EACH, 0.05)
    labels = [capture.label_at(time_s) for time_s in times]

    shown = [label for label, _ in itertools.groupby(labels)]
    names = [label for label in shown if label]
    # The first cut of a scene may fall together with its beginning.
    assert 4 * (cuts + 1) - 3 <= len(shown) <= 4 * (cuts + 1)
    assert len(set(names)) == 4
    share = np.mean([label is not None for label in labels])
    assert share == pytest.approx(0.3 if "share" in query else 0.45, abs=0.06)
    resting = [time_s for time_s, label in zip(times, labels, strict=True) if label is None]
    assert np.array_equal(capture.picture(resting[0]), capture.picture(resting[1]))


@pytest.mark.live
def test_it_shows_what_the_shipped_bundle_knows_and_it_is_recognised():
    capture = MovingShapesCapture(seed=0)
    recognizer = Recognizer.load(shipped_bundle(), threads=1)
    names = {label.name for label in recognizer.labels}
    right = 0
    for number in range(12):
        stream = recognizer.open_stream("test")
        start_s = number * SECONDS_EACH
        times = [start_s + i / recognizer.manifest.sampling.rate_fps for i in range(8)]
        results = [stream.push(capture.picture(time_s), time_s) for time_s in times]
        assert capture.label_at(start_s) in names
        right += results[-1] is not None and results[-1].label == capture.label_at(start_s)

    shown = [capture.label_at(number * SECONDS_EACH) for number in range(24)]
    assert len(set(shown)) == 24
    assert all(a != b for a, b in itertools.pairwise(shown))
    assert right >= 9


def test_it_can_be_read_in_the_callers_thread_too():
    source = open_source("test://moving-shapes?fps=50&seconds=0.2")

    frames = list(source.frames())

    assert (source.name, source.live) == ("test://moving-shapes?fps=50&seconds=0.2", True)
    assert 1 <= len(frames) <= 10
