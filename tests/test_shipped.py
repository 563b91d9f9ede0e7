"""What ships: the bundle and its sample clip, as `make demo` uses them."""

import json
from pathlib import Path

import numpy as np
from click.testing import CliRunner

from stzsar.runtime import Recognizer
from stzsar.runtime.bundle.bundle import Bundle, shipped_bundle
from stzsar.runtime.command.cli import main
from stzsar.runtime.shapes.scenes import unseen_actions
from stzsar.train.config import Setting
from stzsar.train.data.dataset import ClipRequest
from stzsar.train.data.moving_shapes import MovingShapes
from stzsar.train.data.sample import SAMPLE_ACTIONS

SAMPLE = shipped_bundle().parent / "sample.mp4"


def top1(setting: Setting, clips: int) -> float:
    """The share of unseen clips that the shipped bundle recognises among the 24 unseen classes."""
    dataset = MovingShapes("unseen-test", setting)
    recognizer = Recognizer.load(shipped_bundle(), labels=dataset.labels)
    hits = 0
    for index in range(clips):
        frames, label = dataset[ClipRequest(index, index)]
        states = {
            key: value[None] for key, value in recognizer.scorer.encode(frames.numpy()).items()
        }
        hits += int(recognizer.scorer.score(states)[0][0].argmax() == label)
    return hits / clips


def test_the_bundle_is_small_and_holds_the_classes_that_training_never_showed():
    bundle = Bundle.open(shipped_bundle())
    assert sum(path.stat().st_size for path in bundle.path.iterdir()) <= 8 * 2**20
    assert set(bundle.bank.names) == {action.label.name for action in unseen_actions()}
    assert bundle.manifest.text is not None
    assert "not people" in bundle.manifest.weights.knows


def test_nine_of_ten_clips_of_unseen_classes_are_recognised():
    assert top1("plain", 480) >= 0.9


def test_the_hard_setting_is_far_above_chance():
    assert top1("hard", 240) >= 0.5  # chance is 1 in 24


def test_by_default_it_is_used_and_says_what_it_knows(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(main, ["--source", str(SAMPLE), "--output", "out.jsonl"])
    assert result.exit_code == 0, result.output
    assert "which knows moving shapes and not people" in result.stderr
    assert result.stdout == ""


def test_the_sample_shows_its_five_unseen_actions(tmp_path, monkeypatch):
    """Each action lasts four seconds; of the windows inside it, most must say so."""
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(main, ["--source", str(SAMPLE), "--quiet", "--video", "out.mp4"])
    found = [json.loads(line) for line in result.stdout.splitlines()]
    rows = [row for row in found if row["type"] == "result"]
    assert Path("out.mp4").stat().st_size > 0
    for number, action in enumerate(SAMPLE_ACTIONS):
        inside = [
            row["label"]
            for row in rows
            if row["window"][0] >= 4 * number and row["window"][1] <= 4 * (number + 1)
        ]
        assert np.mean([label == action for label in inside]) > 0.5, (action, inside)


def test_labels_that_it_never_heard_of_are_embedded_on_the_device(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("labels.txt").write_text("red heart moving left\nplaying the guitar\n")
    insisted = ["--bundle", str(shipped_bundle())]
    result = CliRunner().invoke(main, [*insisted, str(SAMPLE), "--labels", "labels.txt"])
    assert result.exit_code == 0, result.output
    found = [json.loads(line) for line in result.stdout.splitlines()]
    labels = {score["label"] for row in found for score in row.get("top", [])}
    assert labels == {"red heart moving left", "playing the guitar"}
