"""Replay: the same numbers as live, and other labels without any picture."""

import logging
from pathlib import Path

import numpy as np
import pytest

from stzsar.runtime.bundle.bundle import Bundle, shipped_bundle
from stzsar.runtime.errors import BundleError, LabelError, RecordingError
from stzsar.runtime.labels.labels import Label
from stzsar.runtime.preprocessing.pixels import fit_frame
from stzsar.runtime.recognizer import Recognizer
from stzsar.runtime.recordings.recorder import Recorder
from stzsar.runtime.recordings.replay import Replay
from stzsar.runtime.scoring.window import FrameRing, WindowFrame
from stzsar.runtime.sources.clips import read_clip

DATA = Path(__file__).parents[2] / "data"
COLOURS = ["red", "green", "blue", "red", "red", "green", "green", "blue", "red", "blue"] * 4


class Live:
    """A stream as a run leads it: encode, remember, recognise, and record."""

    def __init__(self, recognizer, recorder, name="camera"):
        self.recognizer, self.recorder, self.name = recognizer, recorder, name
        self.ring = FrameRing(recognizer.manifest.sampling.frames)
        self.results = []

    def see(self, image, time_s, **how):
        wants = bool(self.recorder.feature_names)
        encoded = self.recognizer.scorer.encode(image[None], features=wants)
        frame = {name: value[0] for name, value in encoded.items()}
        self.recorder.add(self.name, frame, time_s, **how)
        states = self.recognizer.manifest.states
        state = {name: frame[name] for name in states}
        self.ring.push(WindowFrame(state, time_s, encoded=True))
        if self.ring.full:
            self.recognize()

    def recognize(self):
        self.results.append(self.recognizer.scorer.recognize(self.name, self.ring))

    def flush(self):
        self.recorder.flush_window(self.name)
        self.ring.flush()


def key(results):
    """What must be the same to the last bit."""
    return [(r.source, r.start_s, r.end_s, r.frames, r.top) for r in results]


@pytest.fixture
def images(picture):
    rng = np.random.default_rng(0)
    noise = rng.integers(0, 60, (len(COLOURS), 16, 16, 3))
    plain = np.stack([fit_frame(picture(colour), 16) for colour in COLOURS])
    return np.clip(plain.astype(int) + noise - 30, 0, 255).astype(np.uint8)


def record(recognizer, path, images, **options):
    recorder = Recorder(path, recognizer.bundle, recognizer.scorer.bank, **options)
    live = Live(recognizer, recorder)
    for number, image in enumerate(images):
        live.see(image, number / 4)
    recorder.end_stream(live.name)
    recorder.close()
    return live.results


def test_the_same_labels_have_the_very_same_scores(recognizer, images, tmp_path):
    results = record(recognizer, tmp_path / "a.rec", images)
    found = list(Replay(tmp_path / "a.rec", recognizer.bundle))
    assert len(found) == len(images) - 3
    assert key(found) == key(results)


def test_the_sample_clip_is_replayed_to_the_last_bit(tmp_path):
    """With the bundle that ships: attention, a temporal transformer, 24 labels."""
    sample = shipped_bundle().parent / "sample.mp4"
    clip = read_clip(sample, frames=40, size_px=64)
    recognizer = Recognizer.load(shipped_bundle())
    results = record(recognizer, tmp_path / "a.rec", clip.images_thwc)
    assert key(Replay(tmp_path / "a.rec", recognizer.bundle)) == key(results)
    assert len({r.label for r in results}) >= 4


def test_some_of_the_recorded_labels_are_scored_as_if_recorded_alone(bundle, images, tmp_path):
    record(Recognizer.load(bundle), tmp_path / "all.rec", images)
    few = Recognizer.load(bundle, labels=["blue", "red"])
    expected = record(few, tmp_path / "few.rec", images)

    found = list(Replay(tmp_path / "all.rec", few.bundle, ["blue", "red"]))

    assert [r.label for r in found] == [r.label for r in expected]
    for ours, theirs in zip(found, expected, strict=True):
        scores = [score.score for score in ours.top]
        np.testing.assert_allclose(scores, [score.score for score in theirs.top], rtol=1e-6)


def test_other_labels_are_scored_from_features_as_if_they_had_been_live(bundle, images, tmp_path):
    record(Recognizer.load(bundle), tmp_path / "a.rec", images, features=True)
    labels = ["yellow", Label("meadow", "green", ("grass",)), "blue"]
    other = Recognizer.load(bundle, labels=labels)
    expected = record(other, tmp_path / "b.rec", images)

    found = list(Replay(tmp_path / "a.rec", other.bundle, labels))

    assert [r.label for r in found] == [r.label for r in expected]
    for ours, theirs in zip(found, expected, strict=True):
        scores = [score.score for score in ours.top]
        np.testing.assert_allclose(scores, [score.score for score in theirs.top], rtol=1e-5)


def test_other_labels_without_features_are_refused_with_the_option_that_gets_them(
    recognizer, images, tmp_path
):
    record(recognizer, tmp_path / "a.rec", images)
    with pytest.raises(LabelError, match=r"not of 'yellow' as given.*--record-features\.$"):
        Replay(tmp_path / "a.rec", recognizer.bundle, ["red", "yellow"])
    changed = Label("red", attributes=("ruby",))
    with pytest.raises(LabelError, match="not of 'red' as given"):
        Replay(tmp_path / "a.rec", recognizer.bundle, [changed])


def test_all_patches_or_some_score_new_labels_of_the_shipped_bundle(tmp_path):
    """fp16 directions of all patches are as good as live; the most different four are near."""
    clip = read_clip(shipped_bundle().parent / "sample.mp4", frames=24, size_px=64)
    recognizer = Recognizer.load(shipped_bundle())
    names = ("white ring jumping", "blue circle falling", "red heart moving left")
    other = Recognizer.load(shipped_bundle(), labels=names)
    expected = record(other, tmp_path / "live.rec", clip.images_thwc)
    for patches, tolerance in ((None, 2e-3), (4, 0.1)):
        record(recognizer, tmp_path / "a.rec", clip.images_thwc, features=True, patches=patches)
        found = list(Replay(tmp_path / "a.rec", other.bundle, names))
        for ours, theirs in zip(found, expected, strict=True):
            scores = {score.label: score.score for score in theirs.top}
            for score in ours.top:
                assert score.score == pytest.approx(scores[score.label], abs=tolerance)


def test_no_window_spans_a_flush(recognizer, images, tmp_path):
    recorder = Recorder(tmp_path / "a.rec", recognizer.bundle, recognizer.scorer.bank)
    live = Live(recognizer, recorder)
    for number, image in enumerate(images[:17]):
        if number in (6, 8):
            live.flush()
        live.see(image, number / 4 if number < 8 else 100 + number / 4)
    recorder.end_stream(live.name)
    recorder.close()
    found = list(Replay(tmp_path / "a.rec", recognizer.bundle))
    assert key(found) == key(live.results)
    assert len(found) == 3 + 0 + 6
    assert max(result.gap_s for result in found) == 0.25


def test_streams_are_told_apart(recognizer, images, tmp_path):
    recorder = Recorder(tmp_path / "a.rec", recognizer.bundle, recognizer.scorer.bank)
    streams = [Live(recognizer, recorder, name) for name in ("door", "yard")]
    for number, image in enumerate(images):
        streams[0].see(image, number / 4)
        streams[1].see(images[-1 - number], number / 4)
    recorder.close()
    found = list(Replay(tmp_path / "a.rec", recognizer.bundle))
    for live in streams:
        assert key(r for r in found if r.source == live.name) == key(live.results)


def test_a_clip_that_never_filled_a_window_has_its_one_result(recognizer, images, tmp_path):
    recorder = Recorder(tmp_path / "a.rec", recognizer.bundle, recognizer.scorer.bank)
    live = Live(recognizer, recorder)
    for number, image in enumerate(images[:2]):
        live.see(image, number / 4)
    live.recognize()
    recorder.end_stream(live.name)
    recorder.close()
    found = list(Replay(tmp_path / "a.rec", recognizer.bundle))
    assert key(found) == key(live.results)
    assert found[0].frames == 2


def test_labels_that_change_in_a_run_change_in_its_replay(recognizer, images, tmp_path):
    """The frames of the window are encoded once more, and give no result by themselves."""
    recorder = Recorder(tmp_path / "a.rec", recognizer.bundle, recognizer.scorer.bank)
    live = Live(recognizer, recorder)
    for number in range(6):
        live.see(images[number], number / 4)
    recognizer.use_labels(["yellow", "blue"])
    recorder.use_labels(live.name, recognizer.scorer.bank)
    again = recognizer.scorer.encode(images[2:6])
    rows = [{name: value[i] for name, value in again.items()} for i in range(4)]
    live.ring.replace(rows)
    for number, row in enumerate(rows, 2):
        recorder.add(live.name, row, number / 4, quiet=True)
    for number in range(6, 12):
        live.see(images[number], number / 4)
    recorder.close()

    assert key(Replay(tmp_path / "a.rec", recognizer.bundle)) == key(live.results)
    blue = list(Replay(tmp_path / "a.rec", recognizer.bundle, ["blue"]))
    assert [r.end_s for r in blue] == [r.end_s for r in live.results]


def test_times_of_day_and_skipped_encodings_are_kept(recognizer, images, tmp_path):
    recorder = Recorder(tmp_path / "a.rec", recognizer.bundle, recognizer.scorer.bank)
    live = Live(recognizer, recorder)
    for number in range(4):
        live.see(images[0], number / 4, clock=1e9 + number / 4, encoded=number == 0)
    recorder.close()
    (found,) = Replay(tmp_path / "a.rec", recognizer.bundle)
    assert (found.time, found.encoded) == (1e9 + 0.75, 1)


def test_an_older_bundle_is_recorded_and_replayed_but_has_no_features(tmp_path):
    bundle = Bundle.open(DATA / "bundle-format-2")
    recognizer = Recognizer.load(bundle)
    images = np.random.default_rng(0).integers(0, 256, (9, 16, 16, 3), np.uint8)
    results = record(recognizer, tmp_path / "a.rec", images)
    assert key(Replay(tmp_path / "a.rec", bundle)) == key(results)
    alone = list(Replay(tmp_path / "a.rec", bundle, ["archery"]))
    assert {r.label for r in alone} == {"archery"}
    with pytest.raises(BundleError, match=r"no features to record.*export it again"):
        Recorder(tmp_path / "b.rec", bundle, bundle.bank, features=True)
    assert not (tmp_path / "b.rec").exists()


def test_a_recording_of_the_version_before_is_replayed_as_it_was():
    # Written by version 1, in which a region was in the name of its stream.
    bundle = Bundle.open(DATA / "bundle-format-3")
    found = list(Replay(DATA / "recording-format-1.rec", bundle))
    assert [(one.source, one.region, one.end_s) for one in found] == [
        (name, None, end_s) for name in ("hall/door", "hall") for end_s in (0.75, 1.0, 1.25)
    ]
    scores = [0.53317, 0.65043, 0.63631, 0.57890, 0.62874, 0.68551]
    assert {one.label for one in found} == {"swing (bat)"}
    assert [one.score for one in found] == pytest.approx(scores, abs=1e-3)


def test_wherever_it_is_cut_off_the_rest_is_replayed_with_a_warning(
    recognizer, images, tmp_path, caplog
):
    results = record(recognizer, tmp_path / "a.rec", images)
    whole = (tmp_path / "a.rec").read_bytes()
    begun = whole.index(b'{"stream"')
    lengths = set()
    for end in np.linspace(begun + 80, len(whole) - 1, 40).astype(int):
        (tmp_path / "cut.rec").write_bytes(whole[:end])
        with caplog.at_level(logging.WARNING):
            found = list(Replay(tmp_path / "cut.rec", recognizer.bundle))
        assert key(found) == key(results[: len(found)])
        lengths.add(len(found))
    assert len(lengths) == 4
    assert "was cut off" in caplog.text


def test_every_flipped_byte_is_one_sentence_or_does_no_harm(recognizer, images, tmp_path):
    results = key(record(recognizer, tmp_path / "a.rec", images[:20], features=True))
    whole = bytearray((tmp_path / "a.rec").read_bytes())
    refused: list[str] = []
    for place in np.random.default_rng(1).integers(0, len(whole), 150):
        spoilt = whole.copy()
        spoilt[place] ^= 1 << int(place) % 8
        (tmp_path / "b.rec").write_bytes(spoilt)
        try:
            found = key(Replay(tmp_path / "b.rec", recognizer.bundle))
            assert found == results[: len(found)]  # a length that leads beyond the end: cut off
        except RecordingError as error:
            refused.append(str(error))
    assert len(refused) > 100
    assert all(sentence.endswith(".") for sentence in refused)


def test_another_bundle_is_refused(recognizer, images, tmp_path):
    record(recognizer, tmp_path / "a.rec", images)
    with pytest.raises(RecordingError, match="was made with another bundle, 'colours'"):
        Replay(tmp_path / "a.rec", Bundle.open(shipped_bundle()))
