"""Teaching: examples make a detector that finds more, at the rate that was asked for."""

import json
import math

import cv2
import numpy as np
import pytest
from click.testing import CliRunner

from stzsar.runtime.bundle.bundle import Bundle, shipped_bundle
from stzsar.runtime.bundle.manifest import SamplingSpec
from stzsar.runtime.command.options import TeachOptions
from stzsar.runtime.command.teach import teach as teach_command
from stzsar.runtime.command.teach_cli import main
from stzsar.runtime.decisions.calibration import Calibration
from stzsar.runtime.decisions.calibrator import Calibrator
from stzsar.runtime.decisions.events import Decider
from stzsar.runtime.decisions.footage import SeenWindows
from stzsar.runtime.decisions.policy import Policy
from stzsar.runtime.errors import CalibrationError, StzsarError
from stzsar.runtime.labels.labels import as_labels
from stzsar.runtime.results import AllScores, Recognition
from stzsar.runtime.teaching.scenes import discriminants
from stzsar.runtime.teaching.teach import Teacher

RATE_FPS, SCALE, LABELS = 4.0, 20.0, as_labels(["a", "b", "c", "d"])
SAMPLING = SamplingSpec(frames=8, rate_fps=RATE_FPS)
MANIFEST = Bundle.open(shipped_bundle()).manifest
# Kinds of ordinary scenes, and actions that zero-shot similarities hardly tell from them.
SCENES = np.asarray([[0.3, 0.1, 0.2, 0.1], [0.2, 0.3, 0.2, 0.2], [0.1, 0.2, 0.3, 0.3]])
ACTS = np.asarray([[0.3, 0.1, 0.2, 0.2], [0.2, 0.3, 0.1, 0.2]])


def windows(means, lengths, seed):
    """Each mean for its length in windows, with noise that all labels partly share."""
    rng = np.random.default_rng(seed)
    rows = np.repeat(means, lengths, axis=0)
    shared = 0.05 * rng.standard_normal((len(rows), 1))
    return rows + shared + 0.015 * rng.standard_normal(rows.shape)


def ordinary(seed, hours=0.5):
    rng = np.random.default_rng([5, seed])
    count = round(hours * 3600 * RATE_FPS / 24)
    return windows(SCENES[rng.integers(0, 3, count)], 24, seed)


def seen(rows):
    made = SeenWindows()
    made.scale = SCALE
    made.of_source["site"] = ((np.arange(len(rows)) / RATE_FPS).tolist(), list(rows))
    return made


def taught(examples, rate=240.0, footage=None):
    teacher = Teacher(
        LABELS,
        seen(ordinary(0) if footage is None else footage),
        examples,
        manifest=MANIFEST,
        policy=Policy(),
        sampling=SAMPLING,
    )
    return teacher.thresholds(rate)


def clips(count, act, seed=7):
    return [windows(ACTS[act : act + 1], 16, seed + number) for number in range(count)]


def events(calibration, rows):
    policy = calibration.apply(Policy(), MANIFEST, LABELS, sampling=SAMPLING)
    decider, starts = Decider(policy, "site"), []
    names = tuple(label.name for label in LABELS)
    for index, row in enumerate(rows):
        end_s = index / RATE_FPS
        everything = AllScores(names, np.zeros(4), row, SCALE)
        window = Recognition(
            "site", end_s - 1.75, end_s, 8, (), rate_fps=RATE_FPS, everything=everything
        )
        starts += [one for one in decider.decide(window)[1] if one.event == "start"]
    return starts


def found(calibration):
    """How many of forty actions, between ordinary scenes, have an event with their label."""
    rng = np.random.default_rng(3)
    order = np.tile([0, 1], 20)
    means = np.stack([SCENES[rng.integers(0, 3, 40)], ACTS[order]], axis=1).reshape(-1, 4)
    starts = events(calibration, windows(means, 24, 11))
    return sum(
        any(s.label == "ab"[act] and abs(s.time_s - (48 * n + 24) / RATE_FPS) < 6 for s in starts)
        for n, act in enumerate(order)
    )


@pytest.fixture(scope="module")
def none():
    return taught({})


@pytest.fixture(scope="module")
def one():
    return taught({"a": clips(1, 0), "b": clips(1, 1)})


def test_without_examples_it_is_the_calibration_of_the_footage(none):
    calibrator = Calibrator(LABELS, MANIFEST, Policy(), sampling=SAMPLING, scale=SCALE)
    calibrator.add_all(seen(ordinary(0)))

    assert none == calibrator.thresholds(240)


def test_one_example_finds_more_than_none_and_three_no_less(none, one):
    three = taught({"a": clips(3, 0), "b": clips(3, 1)})

    assert found(none) < 5
    assert found(one) >= 38
    assert found(three) >= 38


def test_fresh_footage_gives_as_many_false_alarms_as_were_promised(one):
    hours = 2
    low, high = one.between or (0, 0)

    assert low < len(events(one, ordinary(1, hours=hours))) * 24 / hours < high


def test_what_is_said_holds(one):
    assert [own.examples for own in one.thresholds] == [1, 1, 0, 0]
    assert "30 minutes of ordinary footage and 2 examples." in one.promise
    low, high = one.between or (0, 0)
    assert low < 240 < high


def test_it_is_read_as_it_was_written(one, tmp_path):
    one.write(tmp_path / "site.json")

    assert Calibration.read(tmp_path / "site.json") == one


def test_examples_of_no_action_are_refused():
    with pytest.raises(CalibrationError, match="examples of 'z', which is none of the actions"):
        taught({"z": clips(1, 0)})


def test_a_scene_that_looks_like_a_label_competes_with_it():
    like = ACTS[:1] + np.asarray([0, 0, 0.03, 0])
    rows = np.concatenate([ordinary(0), windows(like, 300, 9)])
    weights, offsets = discriminants(rows, [np.concatenate(clips(2, 0))])

    logits = windows(like, 50, 1) @ weights.T + offsets

    assert (logits[:, 1:].max(axis=1) - logits[:, 0]).mean() > 3


def test_the_command_learns_from_clips_and_a_run_takes_the_file(
    run_cli, bundle, draw_video, tmp_path
):
    def shade(number):
        return ("green", "blue")[int(10 * math.sin(number / 40)) % 2]

    for number in range(2):
        (tmp_path / "clips" / "Red").mkdir(parents=True, exist_ok=True)
        draw_video(tmp_path / "clips" / "Red" / f"{number}.avi", ["red"] * 24)
    footage = draw_video(tmp_path / "monday.avi", [shade(n) for n in range(4 * 700)], fps=4)
    red = draw_video(tmp_path / "red.avi", ["green"] * 24 + ["red"] * 40 + ["blue"] * 24)
    recorded = run_cli("--bundle", bundle, "--source", footage, "--record", tmp_path / "monday.rec")
    assert recorded.exit_code == 0, recorded.stderr
    files = {}
    for name, ordinary_footage in (("video", footage), ("recording", tmp_path / "monday.rec")):
        files[name] = tmp_path / f"{name}.json"
        teach_command(
            TeachOptions(
                bundle=bundle,
                examples=tmp_path / "clips",
                footage=[ordinary_footage],
                output=files[name],
                quiet=True,
            )
        )

    one, other = (json.loads(path.read_text()) for path in files.values())
    assert [label["examples"] for label in one["labels"]] == [2, 0, 0]
    thresholds = [[own["threshold"] for own in file["labels"]] for file in (one, other)]
    assert thresholds[0] == pytest.approx(thresholds[1], rel=1e-3)
    (tmp_path / "labels.txt").write_text("yellow\nred\n")  # the others are measured all the same
    run = run_cli(
        *("--bundle", bundle, "--source", red, "--labels", tmp_path / "labels.txt"),
        *("--calibration", files["video"], "--events-only"),
    )
    assert run.exit_code == 0, run.stderr
    assert [json.loads(line)["label"] for line in run.stdout.splitlines()] == ["red"] * 2


def test_examples_may_be_pictures_and_windows_as_long_as_those_of_the_run(
    bundle, draw_video, tmp_path
):
    pictures = tmp_path / "clips" / "red" / "one"
    pictures.mkdir(parents=True)
    for number in range(24):
        cv2.imwrite(str(pictures / f"{number}.png"), np.full((64, 64, 3), (0, 0, 255), np.uint8))
    colours = [("green", "blue")[n // 40 % 2] for n in range(4 * 700)]
    footage = draw_video(tmp_path / "monday.avi", colours, fps=4)
    asked = (
        *("--bundle", bundle, "--examples", tmp_path / "clips", "--ordinary", footage),
        *("--output", tmp_path / "site.json", "--rate", 4, "--window", 1.5, "--quiet"),
    )

    result = CliRunner().invoke(main, [*map(str, asked), "--frame-rate", "8", "--cool-down", "3"])

    assert result.exit_code == 0, result.output
    written = json.loads((tmp_path / "site.json").read_text())
    assert [label["examples"] for label in written["labels"]] == [1, 0, 0]
    assert (written["sampling"]["frames"], written["sampling"]["rate_fps"]) == (6, 4)
    alone = CliRunner().invoke(main, [*map(str, asked[:2]), *map(str, asked[4:]), "--frame-rate=8"])
    assert "--frame-rate is for pictures" in " ".join(alone.stderr.split())


def test_too_little_footage_teaches_nothing(bundle, draw_video, tmp_path):
    (tmp_path / "clips" / "red").mkdir(parents=True)
    draw_video(tmp_path / "clips" / "red" / "1.avi", ["red"] * 24)
    options = TeachOptions(
        examples=tmp_path / "clips",
        bundle=bundle,
        footage=[str(draw_video(tmp_path / "monday.avi", ["blue"] * 4, fps=4))],
        output=tmp_path / "site.json",
    )
    with pytest.raises(CalibrationError, match="give more footage of ordinary days"):
        teach_command(options)


def test_examples_without_a_window_are_refused():
    with pytest.raises(CalibrationError, match="examples of 'a' hold no window"):
        taught({"a": []})


def test_folders_that_name_no_label_are_refused(bundle, tmp_path):
    (tmp_path / "clips" / "rde").mkdir(parents=True)
    options = {"bundle": bundle, "footage": ["x.avi"], "output": tmp_path / "site.json"}
    with pytest.raises(StzsarError, match=r"rde has the name of no label \(nearest: 'red'\)"):
        teach_command(TeachOptions(examples=tmp_path / "clips", **options))
    (tmp_path / "clips" / "rde").rename(tmp_path / "clips" / "red")
    with pytest.raises(StzsarError, match="red holds no clip: put one in"):
        teach_command(TeachOptions(examples=tmp_path / "clips", **options))
    with pytest.raises(StzsarError, match="is no folder"):
        teach_command(TeachOptions(examples=tmp_path / "none", **options))
    with pytest.raises(StzsarError, match="--false-alarms must be above 0"):
        TeachOptions(footage=["x.avi"], false_alarms_per_day=0)
