"""The keeper: clips and stills show the moment, memory is bounded, and nothing is held up."""

import time

import cv2
import numpy as np
import pytest

from stzsar.runtime.events.options import ClipPlan
from stzsar.runtime.results import StreamState
from stzsar.runtime.video import pyav

from .driven import FPS, Stream, level
from .kept import greys, stored


@pytest.mark.usefixtures("decoder")
def test_a_clip_shows_what_was_before_the_event_the_event_and_what_was_after(open_keeper, tmp_path):
    keeper = open_keeper()
    stream = Stream(keeper)
    stream.show(4.0)
    stream.show(7.0, label="waving", best_s=5.0)
    stream.start(4.0)
    stream.show(8.0, label="waving")
    stream.show(10.0)
    stream.end(8.0, 4.0)
    stream.show(12.0)
    keeper.close(5)

    (event,) = stored(tmp_path / "events")
    assert (event.start_s, event.end_s, event.state, event.left_out) == (4.0, 8.0, "ended", 0)
    shown = greys(tmp_path / "events" / event.clip)
    assert abs(len(shown) - 61) <= 1  # from 3 s to 9 s
    for number, grey in enumerate(shown):
        assert abs(grey - level(3.0 + number / FPS)) <= 4, number
    still = cv2.imread(str(tmp_path / "events" / event.still))
    annotated = cv2.imread(str(tmp_path / "events" / event.annotated))
    assert still is not None
    assert annotated is not None
    assert abs(int(still[5, 90].mean()) - level(5.0)) <= 3
    assert annotated.shape == still.shape
    assert (annotated != still).mean() > 0.05
    assert max(event.scores, key=lambda one: one[1])[1] == pytest.approx(0.9)
    assert max(event.scores, key=lambda one: one[1])[0] == pytest.approx(1.0, abs=0.3)


@pytest.mark.skipif(pyav.load_av() is None, reason="no PyAV: pip install '.[av]'")
def test_a_clip_is_h264_that_plays_from_its_first_byte(open_keeper, tmp_path):
    av = pyav.load_av()
    assert av
    stream = Stream(open_keeper(), size_hw=(65, 97))  # odd sides
    stream.show(4.0, label="waving")
    stream.start(2.0)
    stream.end(3.0, 2.0)
    stream.show(6.0)
    stream.keeper.close(5)

    (event,) = stored(tmp_path / "events")
    path = tmp_path / "events" / event.clip
    with av.open(str(path)) as container:
        context = container.streams.video[0].codec_context
        assert (context.name, context.pix_fmt) == ("h264", "yuv420p")
        assert (context.width, context.height) == (96, 64)
    data = path.read_bytes()
    assert -1 < data.index(b"moov") < data.index(b"mdat")
    assert b"moof" not in data


def test_an_event_that_lasts_long_needs_no_more_memory_and_its_clip_ends(
    open_keeper, tmp_path, monkeypatch
):
    monkeypatch.setattr("stzsar.runtime.events.clip.LONGEST_CLIP_S", 10.0)
    keeper = open_keeper()
    stream = Stream(keeper)
    stream.show(3.0, label="waving")
    stream.start(1.0)
    sizes = []
    for second in range(4, 40):
        stream.show(float(second), label="waving")
        sizes.append(keeper._pictures["hall"].ring.size_bytes)
    stream.end(39.0, 1.0)
    keeper.close(5)

    (event,) = stored(tmp_path / "events")
    assert event.end_s == 39.0
    assert abs(len(greys(tmp_path / "events" / event.clip)) - 101) <= 1
    assert sizes[-1] < 1.3 * sizes[3]


def test_the_memory_has_a_bound_and_a_clip_that_begins_late_says_so(open_keeper, tmp_path, caplog):
    picture = len(cv2.imencode(".jpg", np.full((64, 96, 3), 60, np.uint8))[1])
    keeper = open_keeper(ClipPlan(before_s=4.0, after_s=1.0, memory_bytes=8 * picture, late_s=2.0))
    stream = Stream(keeper)
    stream.show(7.0, label="waving")
    stream.start(5.0)
    assert keeper._pictures["hall"].ring.size_bytes <= 9 * picture
    stream.end(7.0, 5.0)
    stream.show(9.0)
    keeper.close(5)

    assert caplog.text.count("raise --clip-memory") == 1
    (event,) = stored(tmp_path / "events")
    shown = greys(tmp_path / "events" / event.clip)
    assert level(5.5) <= shown[0] <= level(6.5)
    assert 45 <= event.left_out <= 55


def test_a_stream_that_is_lost_ends_its_clip(open_keeper, tmp_path):
    keeper = open_keeper()
    stream = Stream(keeper, live=True)
    stream.show(4.0, label="waving")
    stream.start(2.0)
    keeper.put(StreamState("hall", "lost", "", 1.0))
    stream.end(4.0, 2.0)
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline and not any(one.clip for one in stored(tmp_path / "events")):
        time.sleep(0.02)

    (event,) = stored(tmp_path / "events")
    assert event.clip
