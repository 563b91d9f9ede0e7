"""Labels that change while a stream runs."""

import logging
import threading
import time

import numpy as np
import pytest

from stzsar.runtime.errors import LabelError
from stzsar.runtime.labels import watch as label_watch
from stzsar.runtime.labels.per_source import LabelFiles
from stzsar.runtime.labels.watch import LabelWatch
from stzsar.runtime.recognizer import Recognizer
from stzsar.runtime.streams.stream import GAP_INTERVALS
from stzsar.runtime.text.encoder import TextEncoder


@pytest.fixture
def own_recognizer(bundle):
    return Recognizer.load(bundle)


def test_the_next_window_has_the_new_labels_and_no_frame_is_lost(own_recognizer, picture):
    stream = own_recognizer.open_stream("camera")
    times = [number / 4 for number in range(12)]
    found = []
    for number, time_s in enumerate(times):
        if number == 6:
            own_recognizer.use_labels(["yellow", "blue"])
        found.append(stream.push(picture("blue"), time_s))

    # Windows of four frames: mute for the first three frames, and never again.
    assert [bool(recognition) for recognition in found] == [False] * 3 + [True] * 9
    labels = [{score.label for score in recognition.top} for recognition in found[3:]]
    assert labels == [{"red", "green", "blue"}] * 3 + [{"yellow", "blue"}] * 6
    assert [recognition.start_s for recognition in found[3:]] == times[:9]


def test_a_window_across_the_change_scores_as_one_of_the_new_labels_alone(
    bundle, own_recognizer, picture
):
    images = [picture(colour) for colour in ("red", "blue", "green", "red", "blue")]
    stream = own_recognizer.open_stream("camera")
    for number, image in enumerate(images[:4]):
        stream.push(image, number / 4)
    own_recognizer.use_labels(["sky", "blue"])
    fresh = Recognizer.load(bundle, ["sky", "blue"]).open_stream("camera")

    changed = stream.push(images[4], 1.0)
    alone = [fresh.push(image, number / 4) for number, image in enumerate(images)][-1]

    assert changed == alone


def test_on_a_slow_device_the_change_is_no_gap(own_recognizer, picture, monkeypatch):
    """Encoding the window anew takes longer than a gap may; meanwhile the camera's time goes on."""
    clock = [0.0]
    monkeypatch.setattr("stzsar.runtime.streams.stream.monotonic", lambda: clock[0])
    stream = own_recognizer.open_stream("camera")
    for number in range(4):
        stream.push(picture("blue"), number / 4)
    own_recognizer.use_labels(["yellow", "blue"])
    encode = own_recognizer.scorer.encode

    def slow(images, **how):
        clock[0] += (len(images) - 1) * GAP_INTERVALS / 4
        return encode(images, **how)

    monkeypatch.setattr(own_recognizer.scorer, "encode", slow)
    at_change = stream.push(picture("blue"), 1.0)
    monkeypatch.setattr(own_recognizer.scorer, "encode", encode)

    after = [stream.push(picture("blue"), clock[0] + 1.25), stream.push(picture("blue"), 99.0)]

    assert at_change
    assert after[0]
    assert after[1] is None  # a real gap still is one


def test_labels_that_cannot_be_used_leave_the_old_ones(own_recognizer):
    before = own_recognizer.labels

    with pytest.raises(LabelError, match="twice"):
        own_recognizer.use_labels(["red", "red"])

    assert own_recognizer.labels == before


def test_more_results_are_shown_again_when_there_are_more_labels(bundle, red_video):
    recognizer = Recognizer.load(bundle, ["red"], top_k=3)
    recognizer.use_labels(None)

    assert len(recognizer.classify(red_video).top) == 3


def test_labels_may_change_in_another_thread_all_the_time(own_recognizer, picture):
    stream = own_recognizer.open_stream("camera")
    sets = [["red", "green"], ["blue", "yellow", "sky"], ["red"]]
    done = threading.Event()

    def change():
        while not done.is_set():
            for labels in sets:
                own_recognizer.use_labels(labels)

    thread = threading.Thread(target=change)
    thread.start()
    try:
        found = [stream.push(picture("red"), number / 4) for number in range(60)]
    finally:
        done.set()
        thread.join()

    assert all(found[3:])
    assert {frozenset(s.label for s in f.top) for f in found[3:]} <= {
        *map(frozenset, sets),
        frozenset(["red", "green", "blue"]),
    }


class TestLabelWatch:
    @pytest.fixture
    def path(self, tmp_path):
        path = tmp_path / "labels.txt"
        path.write_text("red\n")
        return path

    @pytest.fixture
    def changed(self, monkeypatch):
        """Set each time that the watch has tried to change the labels."""
        tried = threading.Event()
        take = LabelWatch._take
        monkeypatch.setattr(LabelWatch, "_take", lambda self, path: (take(self, path), tried.set()))
        return tried

    def test_a_file_that_is_saved_is_taken_up(self, own_recognizer, path, changed):
        with LabelWatch(LabelFiles(path, {}), own_recognizer, every_s=0.01):
            path.write_text("blue\nyellow\n")
            assert changed.wait(10)

        assert [label.name for label in own_recognizer.labels] == ["blue", "yellow"]

    def test_a_broken_file_is_a_warning_and_the_labels_stay(
        self, own_recognizer, path, changed, monkeypatch, caplog
    ):
        monkeypatch.setattr(logging.getLogger("stzsar"), "propagate", True)
        with LabelWatch(LabelFiles(path, {}), own_recognizer, every_s=0.01):
            path.write_bytes(b"\xff\xff\xff")
            assert changed.wait(10)

        assert len(own_recognizer.labels) == 3
        assert "The labels stay as they were: " in caplog.text
        assert "not UTF-8" in caplog.text

    def test_what_was_saved_since_the_file_was_read_is_taken_up(
        self, own_recognizer, path, changed
    ):
        files = LabelFiles(path, {})
        path.write_text("blue\nyellow\n")
        with LabelWatch(files, own_recognizer, every_s=0.01):
            assert changed.wait(10)

        assert len(own_recognizer.labels) == 2

    def test_the_end_of_the_run_ends_the_embedding_of_new_labels(
        self, own_recognizer, path, monkeypatch
    ):
        begun = threading.Event()
        real = TextEncoder.tokens

        def tokens(self, texts):
            begun.set()
            time.sleep(0.1)
            return real(self, texts)

        monkeypatch.setattr(TextEncoder, "tokens", tokens)
        with LabelWatch(LabelFiles(path, {}), own_recognizer, every_s=0.01) as watch:
            path.write_text("".join(f"new {number}\n" for number in range(2000)))
            assert begun.wait(10)

        assert not watch._thread.is_alive()
        assert len(own_recognizer.labels) == 3

    def test_a_file_that_is_gone_is_one_warning_and_the_labels_stay(
        self, own_recognizer, path, changed, monkeypatch
    ):
        warned: list[str] = []
        monkeypatch.setattr(label_watch.log, "warning", lambda text, *a: warned.append(text % a))
        with LabelWatch(LabelFiles(path, {}), own_recognizer, every_s=0.01):
            path.unlink()
            assert not changed.wait(0.2)
            assert len(own_recognizer.labels) == 3
            path.write_text("blue\n")
            assert changed.wait(10)

        assert warned == [f"{path} is gone: the labels stay until it is there again."]
        assert [label.name for label in own_recognizer.labels] == ["blue"]

    def test_an_untouched_file_changes_nothing(self, own_recognizer, path, changed):
        with LabelWatch(LabelFiles(path, {}), own_recognizer, every_s=0.01):
            assert not changed.wait(0.2)

        assert len(own_recognizer.labels) == 3


def test_constants_are_bound_once_and_feeds_alone_are_given(own_recognizer):
    """The same graph with two banks at once gives what each bank alone gives."""
    image = np.zeros((1, 16, 16, 3), np.uint8)
    first = own_recognizer.scorer
    own_recognizer.use_labels(["blue"])
    second = own_recognizer.scorer

    assert first.encode(image)["closeness"].shape == (1, 3)
    assert second.encode(image)["closeness"].shape == (1, 1)
    assert first.encode(image)["closeness"].shape == (1, 3)
