import json
import logging

import numpy as np
import pytest

from stzsar.runtime.bundle.bundle import Bundle
from stzsar.runtime.errors import BundleError, EngineError, SourceError
from stzsar.runtime.labels.labels import Label
from stzsar.runtime.recognizer import Recognizer
from stzsar.runtime.results import Recognition, Score
from stzsar.runtime.scoring import scorer
from stzsar.runtime.scoring.scorer import BATCH, largest, softmax
from stzsar.runtime.sources.frames import Frame
from stzsar.runtime.streams.stream import StreamOptions

# The fixture's bundle looks at 4 frames, 4 times a second.


class Frames:
    """A source of pictures at given times, out of memory."""

    name, size_wh, frame_count, live = "memory", (64, 48), None, False

    def __init__(self, images, times, fps=None):
        self.images, self.times, self.fps = images, times, fps
        self.closed = False

    def frames(self, due=None):
        for index, (image, time_s) in enumerate(zip(self.images, self.times, strict=True)):
            if due is None or due(time_s):
                yield Frame(image, time_s, index)

    def close(self):
        self.closed = True


def windows(recognitions):
    return [(found.start_s, found.end_s, found.frames) for found in recognitions]


def push_all(stream, image, times):
    return [found for time_s in times if (found := stream.push(image, time_s))]


def test_a_recognizer_says_what_it_is(recognizer):
    assert recognizer.device == "cpu"
    assert [label.name for label in recognizer.labels] == ["red", "green", "blue"]
    assert recognizer.manifest.name == "colours"


@pytest.mark.parametrize("colour", ["red", "green", "blue"])
def test_a_clip_is_classified(recognizer, tmp_path, draw_video, colour):
    path = draw_video(tmp_path / "clip.avi", [colour] * 16)

    found = recognizer.classify(path)

    assert found.label == colour
    assert (found.source, found.frames) == (str(path), 4)
    assert (found.start_s, found.end_s) == pytest.approx((0.25, 1.75))
    assert sum(score.score for score in found.top) == pytest.approx(1)
    assert found.top[0].similarity == pytest.approx(1, abs=0.05)


def test_results_are_ordered_and_cut_at_top_k(bundle, red_video):
    assert len(Recognizer.load(bundle, top_k=2).classify(red_video).top) == 2
    top = Recognizer.load(bundle, top_k=100).classify(red_video).top
    assert len(top) == 3
    assert sorted((score.score for score in top), reverse=True) == [s.score for s in top]
    with pytest.raises(ValueError, match="top_k"):
        Recognizer.load(bundle, top_k=0)


def test_a_stream_gives_a_result_for_each_frame_after_the_window_is_full(recognizer, red_video):
    found = list(recognizer.stream(red_video))

    assert windows(found) == [(i / 4, i / 4 + 0.75, 4) for i in range(5)]
    assert {recognition.label for recognition in found} == {"red"}


def test_a_change_is_seen_when_it_happens(recognizer, tmp_path, draw_video):
    path = draw_video(tmp_path / "clip.avi", ["red"] * 16 + ["blue"] * 16)

    labels = [found.label for found in recognizer.stream(path)]

    assert labels[0] == "red"
    assert labels[-1] == "blue"
    assert labels == sorted(labels, reverse=True)  # one change, no flicker


def test_another_rate_may_be_asked_for(recognizer, red_video):
    assert len(list(recognizer.stream(red_video, StreamOptions(rate_fps=8)))) == 13
    assert windows(recognizer.stream(red_video, StreamOptions(rate_fps=2))) == [(0.0, 1.5, 4)]


def test_stream_and_batch_give_the_same_numbers(recognizer):
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (6, 16, 16, 3), np.uint8)
    stream = recognizer.open_stream("memory")

    streamed = [stream.push(image, index / 4) for index, image in enumerate(images)]

    for start, found in enumerate(streamed[3:]):
        states = recognizer.scorer.encode(images[start : start + 4])
        logits, saliency, _ = recognizer.scorer.score(
            {name: state[None] for name, state in states.items()}
        )
        assert saliency.shape == (1, 3, 4)
        scores = dict(zip(("red", "green", "blue"), softmax(logits[0]), strict=True))
        assert found is not None
        for score in found.top:
            assert score.score == pytest.approx(scores[score.label], abs=1e-6)


def test_a_large_batch_is_the_same_as_one_by_one(recognizer):
    images = np.random.default_rng(0).integers(0, 256, (40, 16, 16, 3), np.uint8)

    at_once = recognizer.scorer.encode(images)

    for name, state in at_once.items():
        one_by_one = np.concatenate(
            [recognizer.scorer.encode(image[None])[name] for image in images]
        )
        np.testing.assert_allclose(state, one_by_one, atol=1e-6)


def test_fewer_frames_are_encoded_at_once_where_labels_are_very_many(bundle, monkeypatch):
    images = np.random.default_rng(0).integers(0, 256, (5, 16, 16, 3), np.uint8)
    usual = Recognizer.load(bundle)
    assert usual.scorer.batch == BATCH
    rows, columns = usual.manifest.patch_grid or (0, 0)
    cosines = (1 + rows * columns) * usual.scorer.bank.attribute_mask.size
    monkeypatch.setattr(scorer, "MAX_COSINES", 2 * cosines + 1)
    few = Recognizer.load(bundle).scorer

    assert few.batch == 2
    for name, state in usual.scorer.encode(images).items():
        np.testing.assert_allclose(few.encode(images)[name], state, atol=1e-6)


def test_a_clip_shorter_than_a_window_gives_one_result(recognizer, tmp_path, draw_video):
    path = draw_video(tmp_path / "short.avi", ["green"])

    found = list(recognizer.stream(path))

    assert windows(found) == [(0.0, 0.0, 1)]
    assert found[0].label == "green"


def test_a_size_change_flushes_the_window(recognizer, picture):
    stream = recognizer.open_stream("camera")
    assert len(push_all(stream, picture("red"), [0, 0.25, 0.5, 0.75])) == 1

    after = push_all(stream, picture("blue", 50, 64), [1.0, 1.25, 1.5, 1.75])

    assert windows(after) == [(1.0, 1.75, 4)]
    assert after[0].score > 0.9


def test_a_gap_flushes_the_window(recognizer, picture):
    stream = recognizer.open_stream("camera")
    push_all(stream, picture("red"), [0, 0.25, 0.5, 0.75])

    after = push_all(stream, picture("blue"), [2.0, 2.25, 2.5, 2.75, 3.0])

    assert windows(after) == [(2.0, 2.75, 4), (2.25, 3.0, 4)]


def test_one_missing_frame_is_no_gap(recognizer, picture):
    stream = recognizer.open_stream("camera")

    found = push_all(stream, picture("red"), [0, 0.25, 0.75, 1.0])

    assert windows(found) == [(0.0, 1.0, 4)]


def test_time_that_goes_back_flushes_the_window(recognizer, picture):
    stream = recognizer.open_stream("camera")
    push_all(stream, picture("red"), [10, 10.25, 10.5])

    assert windows(push_all(stream, picture("red"), [0, 0.25, 0.5, 0.75])) == [(0.0, 0.75, 4)]


def test_a_slow_source_has_no_gaps_where_its_rate_is_known(recognizer, picture):
    times = [float(second) for second in range(6)]

    found = recognizer.stream(Frames([picture("red")] * 6, times, fps=1.0))

    assert windows(found) == [(0.0, 3.0, 4), (1.0, 4.0, 4), (2.0, 5.0, 4)]


def test_a_slow_source_of_unknown_rate_is_learnt(recognizer, picture):
    times = [float(second) for second in range(6)]

    found = recognizer.stream(Frames([picture("red")] * 6, times))

    assert windows(found) == [(1.0, 4.0, 4), (2.0, 5.0, 4)]


def test_the_end_says_what_is_left_only_if_nothing_was_said(recognizer, picture):
    stream = recognizer.open_stream("camera")
    push_all(stream, picture("red"), [0, 0.25])

    rest = stream.finish()

    assert rest is not None
    assert windows([rest]) == [(0.0, 0.25, 2)]
    assert stream.finish() is None
    push_all(stream, picture("red"), [0, 0.25, 0.5, 0.75])
    assert stream.finish() is None


def test_streams_of_one_recognizer_do_not_mix(recognizer, picture):
    red, blue = recognizer.open_stream("a"), recognizer.open_stream("b")

    for time_s in (0, 0.25, 0.5):
        assert red.push(picture("red"), time_s) is None
        assert blue.push(picture("blue"), time_s) is None
    found = red.push(picture("red"), 0.75), blue.push(picture("blue"), 0.75)

    assert [(f.source, f.label, round(f.score, 2)) for f in found if f] == [
        ("a", "red", 1.0),
        ("b", "blue", 1.0),
    ]


def test_a_truncated_file_is_streamed_as_far_as_it_goes(recognizer, tmp_path, draw_video, cut):
    path = cut(draw_video(tmp_path / "clip.avi", ["red"] * 40), 0.5)
    found = []

    with pytest.raises(SourceError, match="announced frames"):
        found.extend(item for item in recognizer.stream(path) if not found.append(item))

    assert len(found) > 2


def test_a_truncated_file_is_classified_with_a_warning(
    recognizer, tmp_path, draw_video, cut, caplog, monkeypatch
):
    monkeypatch.setattr(logging.getLogger("stzsar"), "propagate", True)
    path = cut(draw_video(tmp_path / "clip.avi", ["red"] * 40), 0.5)

    assert recognizer.classify(path).label == "red"
    assert "announced frames" in caplog.text


def test_an_opened_source_is_left_open_and_its_own_is_closed(recognizer, picture):
    source = Frames([picture("red")], [0.0])

    assert len(list(recognizer.stream(source))) == 1
    assert not source.closed


def test_labels_may_be_given_by_name_or_with_attributes(bundle, tmp_path, draw_video):
    path = draw_video(tmp_path / "clip.avi", ["green"] * 8)

    recognizer = Recognizer.load(bundle, ["yellow", Label("lawn", attributes=("grass",)), "green"])

    assert recognizer.classify(path).label == "green"


def test_an_opened_bundle_may_be_loaded(bundle, red_video):
    assert Recognizer.load(Bundle.open(bundle)).classify(red_video).label == "red"


def test_numbers_that_are_not_finite_are_refused(
    own_bundle, rewrite_manifest, write_window_graph, red_video
):
    write_window_graph(own_bundle / "window.onnx", scale=float("inf"))
    rewrite_manifest(own_bundle)

    with pytest.raises(BundleError, match="not finite"):
        Recognizer.load(own_bundle).classify(red_video)


@pytest.mark.parametrize(
    ("spoilt", "message"),
    [
        ({"logits": np.zeros((1, 2), np.float32)}, "return logits as"),
        ({"logits": np.zeros((1, 4), np.float32)}, "return logits as"),
        ({"logits": np.zeros(3, np.float32)}, "return logits as"),
        ({"logits": np.zeros((1, 3))}, "return logits as float64"),
        ({"saliency": np.zeros((1, 4, 3), np.float32)}, "return saliency as"),
        ({"scale": np.ones(2, np.float32)}, "return scale as"),
        ({"scale": np.float32(0)}, "a scale that is not positive"),
        ({"scale": np.float32("nan")}, "not finite"),
        ({"logits": np.full((1, 3), np.nan, np.float32)}, "not finite"),
    ],
)
def test_results_of_another_form_are_refused(recognizer, picture, monkeypatch, spoilt, message):
    window = recognizer.scorer._window
    monkeypatch.setattr(recognizer.scorer, "_window", lambda feeds: window(feeds) | spoilt)
    stream = recognizer.open_stream("camera")

    with pytest.raises(BundleError, match=message):
        push_all(stream, picture("red"), [0, 0.25, 0.5, 0.75])


def test_a_frame_state_without_a_row_for_each_frame_is_refused(recognizer, picture, monkeypatch):
    states = dict.fromkeys(("colour", "closeness"), np.ones((), np.float32))
    monkeypatch.setattr(recognizer.scorer, "_frame", lambda _feeds: states)

    with pytest.raises(BundleError, match="return colour as"):
        recognizer.open_stream("camera").push(picture("red"), 0)


def test_json_never_holds_what_is_no_json():
    with pytest.raises(ValueError, match="not JSON compliant"):
        Recognition("x", 0.0, 1.0, 4, (Score("a", float("nan"), 0.0),)).to_json()


@pytest.mark.parametrize("count", [1, 2, 7, 49, 50, 60])
def test_the_largest_are_those_of_a_stable_sort_also_where_many_are_equal(count):
    logits = np.random.default_rng(count).integers(0, 6, 50).astype(np.float64)
    expected = np.argsort(-logits, kind="stable")[:count]
    assert largest(logits, count).tolist() == expected.tolist()


def test_softmax_does_not_overflow():
    assert softmax(np.asarray([1e4, 1e4, -1e4])).tolist() == [0.5, 0.5, 0.0]


def test_a_result_is_one_json_line(recognizer, red_video):
    document = json.loads(recognizer.classify(red_video).to_json())

    assert list(document)[:7] == [
        *("version", "type", "source", "window", "frames", "label", "score"),
    ]
    assert set(document["top"][0]) == {"label", "score", "similarity"}


def test_a_graph_that_the_engine_refuses_is_named(own_bundle, rewrite_manifest):
    data = (own_bundle / "frame.onnx").read_bytes()
    (own_bundle / "frame.onnx").write_bytes(data.replace(b"ReduceMean", b"ReduceMine"))
    rewrite_manifest(own_bundle)

    with pytest.raises(EngineError, match=r"ONNX Runtime refuses .*frame\.onnx"):
        Recognizer.load(own_bundle)


def test_a_gap_does_not_make_the_next_gap_usual(recognizer, picture):
    """A link that stutters: one frame between two outages joins neither of them."""
    stream = recognizer.open_stream("camera")

    found = push_all(stream, picture("red"), [0, 0.25, 0.5, 0.75, 60, 160, 160.25, 160.5, 160.75])

    assert windows(found) == [(0.0, 0.75, 4), (160.0, 160.75, 4)]
