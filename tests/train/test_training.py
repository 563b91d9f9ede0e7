"""The command itself: it learns, survives a kill, and answers mistakes in one sentence."""

import dataclasses
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from click.testing import CliRunner

from stzsar.train.cli import main
from stzsar.train.config import TrainConfig, recipe
from stzsar.train.optim import rate_factor

SMALL_RUN = ["--batch", "6", "--steps", "26", "--checkpoint-every", "3", "--warmup-steps", "2"]
COMMAND = [sys.executable, "-c", "from stzsar.train.cli import main; main()"]


def losses(run: Path) -> list[tuple[int, float]]:
    """The step and loss of every complete line of a run's metrics."""
    lines = (run / "metrics.jsonl").read_text().split("\n")[:-1]
    return [(row["step"], row["loss"]) for row in map(json.loads, lines)]


def start(*options: str | Path) -> "subprocess.Popen[bytes]":
    # One thread: the sums of two threads need not have one order.
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.Popen([*COMMAND, *map(str, options)], env=environment)


@pytest.mark.slow
def test_a_killed_run_goes_on_with_the_losses_of_one_that_was_not(tmp_path):
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    assert start(*SMALL_RUN, "--output", whole).wait() == 0
    process = start(*SMALL_RUN, "--output", killed)
    metrics = killed / "metrics.jsonl"
    while not (metrics.exists() and len(losses(killed)) >= 5):
        assert process.poll() is None, "the run ended before it could be killed"
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert start("--resume", killed).wait() == 0
    assert losses(killed) == losses(whole)
    assert len(losses(killed)) == 26


def test_the_network_learns(tmp_path):
    """Twelve clips over and over: a loss that stays means that nothing reaches the weights."""
    import torch

    from stzsar.models.config import small_config
    from stzsar.models.stzsar import STZSAR
    from stzsar.runtime.manifest import WeightsOrigin
    from stzsar.train.data import ClipRequest
    from stzsar.train.loop import Trainer
    from stzsar.train.moving_shapes import MovingShapes
    from stzsar.train.run_folder import RunFolder

    class TwelveClips:
        def __init__(self):
            self._source = MovingShapes("train", "plain")
            self.labels = self._source.labels

        def __len__(self):
            return 12

        def __getitem__(self, request):
            return self._source[ClipRequest(request.clip * 8, 0)]

    torch.manual_seed(0)
    config = TrainConfig(steps=25, batch=12, warmup_steps=2, workers=0, checkpoint_every=100)
    base = small_config()
    network = STZSAR(dataclasses.replace(base, vision=dataclasses.replace(base.vision, layers=2)))
    before = {name: value.clone() for name, value in network.state_dict().items()}
    trainer = Trainer(
        config=config,
        dataset=TwelveClips(),
        network=network,
        origin=WeightsOrigin(source="a test", knows="twelve clips"),
        run=RunFolder(tmp_path),
        device=torch.device("cpu"),
    )
    trainer.train()
    values = [loss for _, loss in losses(tmp_path)]
    assert sum(values[-3:]) < 0.5 * sum(values[:3])
    unmoved = [n for n, value in network.state_dict().items() if torch.equal(value, before[n])]
    assert not unmoved


def test_a_frozen_text_tower_stays_as_it_was(tmp_path):
    run = tmp_path / "run"
    options = ["--batch", "4", "--steps", "2", "--no-train-text", "--output", str(run)]
    result = train(*options)
    assert result.exit_code == 0, result.output
    from safetensors.torch import load_file

    weights = load_file(next(run.glob("checkpoints/*/model.safetensors")))
    state = load_file(next(run.glob("checkpoints/*/training.safetensors")))
    learning = [name for name in weights if not name.startswith("text.")]
    assert sum(name.endswith(".exp_avg") for name in state) == len(learning)


@pytest.fixture(autouse=True)
def _no_long_test(request, monkeypatch):
    """The benchmark's own test takes a minute; what is tested here is the road to it."""
    monkeypatch.setattr("stzsar.train.cli._test", lambda *_: None)
    monkeypatch.chdir(request.getfixturevalue("tmp_path"))


def train(*options: str):
    return CliRunner().invoke(
        main, [*options, "--workers", "0"] if "--resume" not in options else options
    )


def test_a_run_leaves_what_it_promises(tmp_path):
    result = train("--batch", "4", "--steps", "3", "--checkpoint-every", "1")
    assert result.exit_code == 0, result.output
    (run,) = (tmp_path / "runs").iterdir()
    assert run.name.startswith("moving-shapes-")
    assert TrainConfig.load(run).steps == 3
    assert len(losses(run)) == 3
    assert list((run / "tensorboard").iterdir())
    kept = sorted(path.name for path in (run / "checkpoints").iterdir())
    assert kept == ["step-000002", "step-000003"]


def test_training_over_files_takes_their_classes(tmp_path):
    import cv2
    import numpy as np

    for name in ("HulaHoop", "archery"):
        (tmp_path / "clips" / name).mkdir(parents=True)
        file = str(tmp_path / "clips" / name / "a.avi")
        writer = cv2.VideoWriter(file, cv2.VideoWriter.fourcc(*"MJPG"), 10, (64, 64))
        for _ in range(10):
            writer.write(np.random.default_rng(0).integers(0, 255, (64, 64, 3), dtype=np.uint8))
        writer.release()
    (tmp_path / "labels.json").write_text(
        '[{"label": "hula hoop", "attributes": ["hoop"]}, {"label": "archery"}]'
    )
    result = train(
        "--data", "clips", "--labels", "labels.json", "--backbone", "small", "--steps", "1",
        "--batch", "2", "--frames", "4", "--output", "run",
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    from stzsar.models.checkpoint import newest_checkpoint, read_checkpoint

    newest = newest_checkpoint(tmp_path / "run")
    assert newest is not None
    found = read_checkpoint(newest)
    assert [label.name for label in found.labels] == ["hula hoop", "archery"]
    assert found.labels[0].attributes == ("hoop",)
    assert found.sampling.frames == 4


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--data", "nowhere"], "neither a folder"),
        (["--data", "."], "holds no videos"),
        (["--steps", "0"], "'--steps': 0 is not in the range"),
        (["--frames", "16"], "leave out --frames"),
        (["--precision", "fp16", "--device", "cpu"], "needs a GPU"),
        (["--device", "nonsense"], "cannot be used"),
        (["--resume"], "no run under runs/"),
        (["--resume", "elsewhere"], "is not a run of stzsar-train"),
        (["--resume", "elsewhere", "--seed", "3"], "leave out --seed"),
        (["--backbone", "ViT-B-32", "--pretrained", "none"], "64 px"),
    ],
)
def test_a_mistake_is_one_sentence_and_exit_code_2(options, sentence):
    result = train(*options)
    assert result.exit_code == 2
    assert sentence in result.output
    assert "Traceback" not in result.output


def test_a_folder_with_something_in_it_is_not_written_over(tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "precious").write_text("x")
    result = train("--output", "run")
    assert result.exit_code == 2
    assert "is not empty" in result.output


def test_the_rate_warms_up_and_falls_to_zero():
    factors = [rate_factor(step, steps=100, warmup_steps=10) for step in range(101)]
    assert factors[0] == 0.1
    assert max(factors) == factors[9] == factors[10] == 1
    assert factors[10:] == sorted(factors[10:], reverse=True)
    assert factors[100] < 1e-9


def test_defaults_follow_the_backbone():
    assert recipe().backbone == "small"
    assert recipe().train_text
    clip = recipe(data="videos", steps=None)
    assert (clip.backbone, clip.pretrained, clip.train_text) == ("ViT-B-32", "openai", False)
    assert recipe(data="videos", batch=7).batch == 7
