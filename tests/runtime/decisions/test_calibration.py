"""Calibration: thresholds that give the rate of false alarms that was asked for, and their file."""

import json
import logging
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from stzsar.runtime.bundle.manifest import (
    BundleSampling,
    Manifest,
    PixelSpec,
    SamplingSpec,
    WeightsOrigin,
)
from stzsar.runtime.decisions.calibration import Calibration
from stzsar.runtime.decisions.calibrator import Calibrator
from stzsar.runtime.decisions.events import Decider
from stzsar.runtime.decisions.peaks import Peaks
from stzsar.runtime.decisions.policy import Policy
from stzsar.runtime.errors import CalibrationError
from stzsar.runtime.labels.labels import Label, as_labels, identity_of, ignored
from stzsar.runtime.results import AllScores, Recognition

RATE_FPS = 4.0
SAMPLING = SamplingSpec(frames=8, rate_fps=RATE_FPS)
DATA = Path(__file__).parents[2] / "data"
SCALE = 30.0
LABELS = as_labels(["archery", "bowling", "cheering", "dancing"])

Array = npt.NDArray[np.float64]


def manifest_of(graph: str = "a") -> Manifest:
    return Manifest(
        name="bundle",
        created="",
        precision="fp32",
        opset=18,
        pixels=PixelSpec(size_px=64, mean=(0, 0, 0), std=(1, 1, 1)),
        sampling=BundleSampling(frames=8, rate_fps=RATE_FPS, max_frames=8),
        states=("state",),
        label_states=(),
        features=(),
        patch_grid=None,
        text=None,
        weights=WeightsOrigin(source="", knows=""),
        model={},
        versions={},
        files={"frame.onnx": graph * 64, "window.onnx": "b" * 64},
    )


def similarities(hours: float, seed: int, labels: int = len(LABELS), tau_s: float = 2.0) -> Array:
    """Gaussian noise that forgets within `tau_s`, as that of overlapping windows; of each label."""
    rng = np.random.default_rng(seed)
    noise = rng.standard_normal((round(hours * 3600 * RATE_FPS), labels))
    keep = math.exp(-1 / RATE_FPS / tau_s)
    for index in range(1, len(noise)):
        noise[index] = keep * noise[index - 1] + math.sqrt(1 - keep**2) * noise[index]
    return 0.2 + 0.03 * noise


def new_calibrator(labels=LABELS, policy: Policy | None = None) -> Calibrator:
    return Calibrator(labels, manifest_of(), policy or Policy(), sampling=SAMPLING, scale=SCALE)


def calibrator_of(footage: Array, policy: Policy | None = None) -> Calibrator:
    labels = as_labels(f"label {index}" for index in range(footage.shape[1]))
    labels = LABELS if len(labels) == len(LABELS) else labels
    made = new_calibrator(labels, policy)
    for index, row in enumerate(footage):
        made.add("door", index / RATE_FPS, row)
    return made


@pytest.fixture(scope="module")
def footage() -> Array:
    return similarities(2, seed=0)


@pytest.fixture(scope="module")
def calibration(footage: Array) -> Calibration:
    return calibrator_of(footage).thresholds(24)


def count_events(footage: Array, calibration: Calibration) -> int:
    """The events that a run would report."""
    policy = calibration.apply(Policy(), manifest_of(), LABELS, sampling=SAMPLING)
    names = tuple(label.name for label in LABELS)
    decider, count = Decider(policy, "door"), 0
    for index, row in enumerate(footage):
        end_s = index / RATE_FPS
        everything = AllScores(names, np.zeros(len(names)), row, SCALE)
        window = Recognition(
            "door", end_s - 1.75, end_s, 8, (), rate_fps=RATE_FPS, everything=everything
        )
        count += sum(event.event == "start" for event in decider.decide(window)[1])
    return count


@pytest.mark.slow
@pytest.mark.parametrize("asked_per_day", [240.0, 24.0])
def test_fresh_footage_gives_about_the_false_alarms_that_were_asked_for(footage, asked_per_day):
    calibration = calibrator_of(footage).thresholds(asked_per_day)
    hours = 12
    counted = count_events(similarities(hours, seed=1), calibration)
    asked = asked_per_day * hours / 24
    assert asked / 3 <= counted <= 2 * asked


def test_the_footage_itself_gives_what_was_asked_for(footage):
    for asked_per_day in (480, 120):
        calibration = calibrator_of(footage).thresholds(asked_per_day)
        assert count_events(footage, calibration) == pytest.approx(asked_per_day / 12, abs=1)


def test_a_rate_has_an_interval_that_shrinks_with_the_footage(footage):
    low, high = calibrator_of(footage).thresholds(480).between or (0, 0)
    assert 200 < low < 480 < high < 1000
    less, more = calibrator_of(footage[:7200]).thresholds(480).between or (0, 0)
    assert more / less > high / low
    rare = calibrator_of(footage).thresholds(1)
    assert (rare.between or (0, 0))[1] > 2, "beyond the footage it is wider"
    assert "It is for 1 false alarm a day (0." in rare.promise
    assert "from 2 hours of ordinary footage." in rare.promise


def test_a_scene_that_resembles_a_label_raises_the_threshold_above_it(footage):
    strange = footage.copy()
    strange[5000:5100, 1] = 0.6
    calibration = calibrator_of(strange).thresholds(1)
    assert count_events(strange, calibration) == 0
    assert calibration.thresholds[1].threshold > SCALE * 0.3


def test_fewer_false_alarms_need_higher_thresholds(footage):
    calibrator = calibrator_of(footage)
    rates = (1000, 100, 10, 1, 0.1, 0.001)
    rows = [[t.threshold for t in calibrator.thresholds(rate).thresholds] for rate in rates]
    assert (np.diff(rows, axis=0) > 0).all()


def test_what_is_to_be_ignored_competes_and_gets_no_threshold(footage):
    labels = (*LABELS[:3], *ignored(LABELS[3:]))
    calibrator = new_calibrator(labels)
    resembling = footage + np.asarray([0, 0, 0, 0.1])
    for index, row in enumerate(resembling):
        calibrator.add("door", index / RATE_FPS, row)
    calibration = calibrator.thresholds(24)
    assert [own.label for own in calibration.thresholds] == ["archery", "bowling", "cheering"]
    alone = calibrator_of(resembling).thresholds(24).thresholds
    pairs = zip(calibration.thresholds, alone, strict=False)
    assert all(own.threshold <= other.threshold + 1 for own, other in pairs)


def test_a_rate_beyond_the_footage_is_said_to_be_extrapolated_and_how_far(footage):
    calibrator = calibrator_of(footage)
    assert calibrator.thresholds(24).caution is None
    assert calibrator.thresholds(1).caution == (
        "A rate of 1 false alarm a day is extrapolated from 2 hours of footage, 12 times beyond "
        "what it shows: calibrate on 24 hours or more to be sure."
    )


def test_footage_that_is_too_short_is_told_how_much_is_needed(footage):
    with pytest.raises(
        CalibrationError, match=r"5\.0 minutes of footage .* thresholds require 10 "
    ):
        calibrator_of(footage[:1201]).thresholds(1)
    with pytest.raises(CalibrationError, match=r"0\.0 minutes"):
        calibrator_of(footage[:0]).thresholds(1)
    assert len(calibrator_of(footage[:2401]).thresholds(1).thresholds) == len(LABELS)


def test_pieces_that_are_shorter_than_an_event_are_no_footage(footage):
    calibrator = new_calibrator(policy=Policy(min_length_s=2))
    for index, row in enumerate(footage[:6000]):
        calibrator.add("door", index / RATE_FPS + 10 * (index // 4), row)
    assert calibrator.hours > calibrator.needed_hours
    with pytest.raises(CalibrationError, match="without many gaps"):
        calibrator.thresholds(1)


@pytest.mark.parametrize("rate", [0, -1, float("nan"), float("inf")])
def test_a_rate_that_is_none_is_refused(footage, rate):
    with pytest.raises(CalibrationError, match="above 0"):
        calibrator_of(footage[:2401]).thresholds(rate)


@pytest.mark.parametrize("value", [0.0, 0.3, -0.3])
def test_similarities_that_never_change_give_thresholds_above_them_and_a_warning(value, caplog):
    still = np.full((2401, 4), value)
    with caplog.at_level(logging.WARNING, logger="stzsar"):
        calibration = calibrator_of(still).thresholds(1)
    assert "Nothing changes in this footage" in caplog.text
    assert count_events(still, calibration) == 0


def test_a_gap_and_time_that_goes_back_are_no_footage_and_join_nothing(footage):
    calibrator = new_calibrator()
    for start_s in (0.0, 9000.0, 100.0):
        for index, row in enumerate(footage[:1201]):
            calibrator.add("door", start_s + index / RATE_FPS, row)
    assert calibrator.hours == pytest.approx(3 * 300 / 3600)


def test_sources_that_take_turns_are_the_same_as_one_after_the_other(footage):
    one, other = footage[:4000], footage[4000:8000]
    turns, after = (new_calibrator() for _ in range(2))
    for index in range(4000):
        turns.add("a", index / RATE_FPS, one[index])
        turns.add("b", index / RATE_FPS, other[index])
    for source, rows in (("a", one), ("b", other)):
        for index, row in enumerate(rows):
            after.add(source, index / RATE_FPS, row)
    first, second = (
        [t.threshold for t in calibrator.thresholds(10).thresholds] for calibrator in (turns, after)
    )
    assert first == pytest.approx(second, abs=1e-5)
    assert turns.hours == after.hours


def test_similarities_of_other_labels_or_without_a_number_are_a_bug_of_the_caller():
    calibrator = new_calibrator()
    for wrong in (np.zeros(3), np.full(4, np.nan)):
        with pytest.raises(ValueError, match="4 finite"):
            calibrator.add("door", 0.0, wrong)


def test_a_peak_that_a_block_cuts_in_two_is_counted_once_and_short_ones_by_what_lasts():
    keep = np.asarray([0.05])
    peaks = Peaks(Policy(min_length_s=0.5, cool_down_s=2), keep, block_s=10, apart_s=2)
    signal = np.full(200, 0.1)
    signal[38:44] = [0.5, 0.6, 0.7, 0.8, 0.7, 0.6]  # over the end of the first block, at 10 s
    signal[100] = 0.9  # one window: it does not last
    for index, value in enumerate(signal):
        peaks.add("door", index / RATE_FPS, 1 / RATE_FPS, np.asarray([value]))
    highest = peaks.highest()
    # The second: what lasts after 0.9, as its lower bound.
    assert highest == pytest.approx([0.7, 0.15, 0.1, 0.1, -np.inf], abs=1e-6)


# The file.


def test_a_calibration_is_read_as_it_was_written(calibration, tmp_path):
    path = tmp_path / "site.json"
    calibration.write(path)
    assert Calibration.read(path) == calibration
    assert [entry.name for entry in tmp_path.iterdir()] == ["site.json"]


def test_a_run_takes_the_thresholds_into_its_policy(calibration):
    labels = (*LABELS[:2], *(replace(label, role="context") for label in LABELS[2:]))
    policy = calibration.apply(Policy(), manifest_of(), labels, sampling=SAMPLING)
    assert policy.thresholds == {t.label: t.threshold for t in calibration.thresholds[:2]}
    assert policy.names == tuple(label.name for label in LABELS)


def test_a_run_without_a_label_that_it_measures_with_is_refused(calibration):
    with pytest.raises(CalibrationError, match=r"measures with 2 labels .* first is 'cheering'"):
        calibration.apply(Policy(), manifest_of(), LABELS[:2], sampling=SAMPLING)


def test_the_order_of_the_labels_makes_no_difference(calibration, footage):
    turned = calibration.apply(Policy(), manifest_of(), LABELS[::-1], sampling=SAMPLING)
    straight = calibration.apply(Policy(), manifest_of(), LABELS, sampling=SAMPLING)
    assert turned.evidence is not None
    assert straight.evidence is not None
    one, other = straight.evidence.of(footage[:9]), turned.evidence.of(footage[:9, ::-1])
    assert np.allclose(one, other)


def test_a_file_of_the_first_version_has_thresholds_of_similarity():
    old = Calibration.read(DATA / "calibration-format-1.json")
    policy = old.apply(Policy(score=0.6), manifest_of(), LABELS[:2], sampling=SAMPLING)
    assert policy.score == 0.6
    assert policy.evidence is None
    assert policy.thresholds == {"archery": 0.350709, "bowling": 0.347153}
    assert old.context == ()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"manifest": manifest_of("c")}, "another bundle"),
        (
            {"sampling": SamplingSpec(frames=16, rate_fps=4)},
            "8 frames at 4 a second and this run takes 16",
        ),
        ({"sampling": SamplingSpec(frames=8, rate_fps=8)}, "takes 8 at 8:"),
        ({"labels": as_labels(["juggling"])}, "any of these labels"),
        ({"policy": Policy(min_length_s=0.1)}, "0.5 or more and this run takes 0.1"),
        ({"policy": Policy(cool_down_s=1)}, "pause"),
        ({"policy": Policy(keep_similarity=0.5)}, "lower bound"),
        ({"policy": Policy(score=0.6)}, "0.6 has no effect with this calibration"),
    ],
)
def test_a_run_that_is_another_than_the_one_it_was_made_for_is_refused(calibration, change, words):
    right = {"policy": Policy(), "manifest": manifest_of(), "labels": LABELS, "sampling": SAMPLING}
    with pytest.raises(CalibrationError, match=words) as refusal:
        calibration.apply(**{**right, **change})
    assert str(refusal.value).endswith(".")


def test_labels_that_are_new_or_have_other_attributes_are_named_and_never_decided_on(
    calibration, caplog
):
    context = [replace(label, name=f"{label.name} 2", role="context") for label in LABELS[1:]]
    labels = (LABELS[0], Label("bowling", attributes=("a ball",)), Label("juggling"), *context)
    with caplog.at_level(logging.WARNING, logger="stzsar"):
        policy = calibration.apply(Policy(), manifest_of(), labels, sampling=SAMPLING)
    assert set(policy.thresholds or {}) == {"archery"}
    assert "2 labels: no threshold for 'bowling', 'juggling'" in caplog.text


def test_a_label_in_another_spelling_keeps_its_threshold(calibration):
    text, words = LABELS[0].text, LABELS[0].attributes
    labels = (Label("(Archery)", text, words), *LABELS[1:])
    policy = calibration.apply(Policy(), manifest_of(), labels, sampling=SAMPLING)
    assert (policy.thresholds or {})["(Archery)"] == calibration.thresholds[0].threshold


def test_the_identity_of_a_label_is_its_text_and_attributes_and_not_its_name():
    assert identity_of(Label("a", "text")) == identity_of(Label("b", "text"))
    assert identity_of(Label("a", "text")) != identity_of(Label("a", "text", ("x",)))
    assert identity_of(Label("a", "t", ("x", "y"))) != identity_of(Label("a", "t", ("x y",)))


def damaged(**changes: object) -> str:
    document = {
        "calibration_version": 1,
        "bundle": {"frame.onnx": "a", "window.onnx": "b"},
        "sampling": {"frames": 8, "rate_fps": 4.0},
        "footage_hours": 1.0,
        "false_alarms_per_day": 1.0,
        "events": {"min_length_s": 0.5, "cool_down_s": 2.0, "keep_similarity": 0.9},
        "labels": [{"label": "a", "identity": "b", "similarity": 0.3}],
    }
    return json.dumps({**document, **changes})


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", "is not a calibration"),
        ("\xff\xfe", "is not a calibration"),
        ("[" * 10_000, "is not a calibration"),
        ('{"labels": []}', "is not a calibration"),
        (damaged(calibration_version=3), "has version 3 and this stzsar reads 2: upgrade"),
        (damaged(labels=[]), "damaged"),
        (damaged(labels={"a": 0.3}), "damaged"),
        (damaged(footage_hours=math.nan), "is not a calibration"),
        (damaged(labels=[{"label": "a", "identity": "b", "similarity": "high"}]), "got str"),
        (damaged(labels=[{"label": "a", "identity": "b"}]), r"labels\[0\]: .*similarity"),
        (damaged(labels=[{"label": "a", "identity": "b", "similarity": 1}] * 2), "two"),
        (damaged(labels=["a"]), "damaged"),
        (damaged(footage_hours=0), "footage_hours: .*> 0"),
        (damaged(footage_hours=10**400), "footage_hours: number out of range"),
        (damaged(sampling={"frames": 0, "rate_fps": 4.0}), "frames"),
        (damaged(sampling={"frames": 8}), "damaged"),
        (damaged(events={}), "events: .*min_length_s"),
        (damaged(bundle={}), "which bundle"),
    ],
)
def test_a_file_that_is_no_calibration_is_one_sentence(content, words, tmp_path):
    path = tmp_path / "site.json"
    path.write_text(content, encoding="latin-1")
    with pytest.raises(CalibrationError, match=words) as refusal:
        Calibration.read(path)
    assert str(path) in str(refusal.value)
    assert str(refusal.value).endswith(".")


def test_what_the_damaged_ones_are_made_from_is_whole(tmp_path):
    path = tmp_path / "site.json"
    path.write_text(damaged())
    assert Calibration.read(path).thresholds[0].threshold == 0.3


def test_files_that_cannot_be_read_or_written_are_named(calibration, tmp_path):
    with pytest.raises(CalibrationError, match="Cannot read"):
        Calibration.read(tmp_path / "none.json")
    with pytest.raises(CalibrationError, match="Cannot read"):
        Calibration.read(tmp_path)
    with pytest.raises(CalibrationError, match="Cannot write"):
        calibration.write(tmp_path / "none" / "site.json")
