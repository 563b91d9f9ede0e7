"""The bias towards trained classes is measured on classes and clips that a rehearsal never sees."""

import json

import numpy as np
import pytest
from click.testing import CliRunner

from stzsar.models.checkpoint import read_checkpoint
from stzsar.train import seen_bias
from stzsar.train.cli import main
from stzsar.train.config import TrainConfig
from stzsar.train.data.dataset import ClipRequest
from stzsar.train.data.moving_shapes import MovingShapes
from stzsar.train.loop.trainer import Trainer

pytestmark = pytest.mark.usefixtures("tiny_network")
SHORT = ["--batch", "4", "--steps", "2", "--bias-steps", "1", "--workers", "0"]


def train(*options):
    return CliRunner().invoke(main, [*SHORT, *map(str, options)], catch_exceptions=False)


@pytest.fixture
def few_tested(monkeypatch):
    monkeypatch.setattr(seen_bias, "_TESTED", 1)


def test_a_checkpoint_says_how_far_its_classes_are_ahead(few_tested, tmp_path, capsys):
    result = train("--output", tmp_path / "run")

    assert result.exit_code == 0, result.output
    bias = json.loads((tmp_path / "run" / "seen-bias.json").read_text())["bias"]
    assert read_checkpoint(tmp_path / "run" / "checkpoints" / "step-000002").seen_bias == bias
    assert not (tmp_path / "run" / ".seen-bias").exists()
    assert "Measuring the bias towards trained classes, 2 of 2." in result.output
    assert f"Training prefers its classes by {bias:.2f} logits." in result.output


def test_a_resumed_run_keeps_the_bias_that_it_measured(few_tested, tmp_path):
    train("--output", tmp_path / "run")
    record = tmp_path / "run" / "seen-bias.json"
    record.write_text('{"bias": 1.25}\n')
    (tmp_path / "run" / "checkpoints" / "step-000002").rename(tmp_path / "gone")

    result = CliRunner().invoke(main, ["--resume", str(tmp_path / "run")], catch_exceptions=False)

    assert result.exit_code == 0, result.output
    assert "Measuring" not in result.output
    assert read_checkpoint(tmp_path / "run" / "checkpoints" / "step-000002").seen_bias == 1.25


def test_a_rehearsal_trains_neither_on_classes_left_out_nor_on_tested_clips(
    few_tested, tmp_path, monkeypatch
):
    rehearsals = []
    really = Trainer.train

    def train_and_note(self):
        if self.whole_run is not None:
            rehearsals.append(self.dataset)
        return really(self)

    monkeypatch.setattr(Trainer, "train", train_and_note)
    train("--output", tmp_path / "run")

    all_names = {label.name for label in MovingShapes("train").labels}
    left_out = [all_names - {label.name for label in some.labels} for some in rehearsals]
    assert [len(names) for names in left_out] == [24, 24]
    assert not left_out[0] & left_out[1]
    for some in rehearsals:
        clips_of = {label.name: 0 for label in MovingShapes("train").labels}
        clips_of |= {name: 2**20 // 96 + (row < 2**20 % 96) for row, name in enumerate(clips_of)}
        # The last clip of each class is tested.
        assert len(some) == sum(clips_of[label.name] - 1 for label in some.labels)
        assert {some.class_of(clip) for clip in range(500)} <= set(range(72))
        example = some[ClipRequest(7, 7)]
        assert example.label == some.class_of(7)


def test_clips_that_are_tested_are_the_last_of_each_class_and_few():
    classes = np.array([0] * 10 + [1] * 3 + [2] * 500)

    tested = seen_bias._tested_clips(classes, 3)

    assert tested.tolist() == [8, 9, *range(493, 513)]


def test_short_runs_measure_nothing_unless_asked(tmp_path):
    result = CliRunner().invoke(
        main, ["--batch", "4", "--steps", "2", "--output", str(tmp_path / "run")]
    )
    assert "bias" not in result.output
    assert read_checkpoint(tmp_path / "run" / "checkpoints" / "step-000002").seen_bias is None
    assert TrainConfig().rehearsal_steps == 450
    assert TrainConfig(bias_steps=0).rehearsal_steps == 0
