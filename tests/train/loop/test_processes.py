"""Two real processes on a CPU: the run of one, told once, and no process left behind."""

import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import cv2
import numpy as np
import psutil
import pytest
from click.testing import CliRunner

from stzsar.models.checkpoint import newest_checkpoint, step_of
from stzsar.runtime.errors import StzsarError
from stzsar.train.cli import main
from stzsar.train.config import TrainConfig
from stzsar.train.loop.processes import Processes, joined
from stzsar.train.run import check_batch

STEPS = 16
RUN = [
    "--data", "clips", "--backbone", "small", "--device", "cpu", "--frames", "4",
    "--batch", "8", "--accumulate", "2", "--steps", str(STEPS), "--checkpoint-every", "5",
    "--learning-rate", "0.003", "--warmup-steps", "2", "--ema", "0.9",
    "--validate", "others", "--validate-every", "6", "--workers", "0",
]  # fmt: skip


pytestmark = pytest.mark.usefixtures("tiny_network")


def torchrun(*arguments: str | Path, cwd: Path | None = None) -> "subprocess.Popen[str]":
    """Start two processes."""
    launcher = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
    # PYTHONPATH as the tests see the package. One thread, as torchrun has it if nobody says.
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(
        [*launcher, "--nproc-per-node", "2", *map(str, arguments)],
        cwd=cwd,
        env=environment,
        stderr=subprocess.PIPE,
        text=True,
    )


def train(*options: str, cwd: Path | None = None) -> "subprocess.Popen[str]":
    return torchrun(Path(__file__).parents[1] / "tiny_cli.py", *options, cwd=cwd)


def rows(run: str) -> list[dict[str, float]]:
    with contextlib.suppress(FileNotFoundError):
        lines = (Path(run) / "metrics.jsonl").read_text().split("\n")[:-1]
        return [json.loads(line) for line in lines]
    return []


def losses(run: str) -> list[tuple[float, float]]:
    return [(row["step"], row["loss"]) for row in rows(run) if "loss" in row]


def wait_for(run: str, steps: int, process: "subprocess.Popen[str]") -> None:
    while len(losses(run)) < steps:
        assert process.poll() is None, process.communicate()[1]
        time.sleep(0.002)


def draw(folder: Path, classes: list[str]) -> None:
    """Write three clips of each class: noise with a block that is the class's."""
    for number, name in enumerate(classes):
        (folder / name).mkdir(parents=True)
        for clip in range(3):
            rng = np.random.default_rng([number, clip])
            file = f"{folder}/{name}/{clip}.avi"
            writer = cv2.VideoWriter(file, cv2.VideoWriter.fourcc(*"MJPG"), 10, (64, 64))
            for _ in range(6):
                picture = rng.integers(0, 90, (64, 64, 3), dtype=np.uint8)
                picture[10 * number : 10 * number + 20] += np.uint8(120)
                writer.write(picture)
            writer.release()


@pytest.fixture(scope="module")
def two(tmp_path_factory):
    """A folder with clips, and in it the run of two processes that nothing happened to."""
    folder = tmp_path_factory.mktemp("two")
    draw(folder / "clips", ["archery", "HulaHoop", "diving", "yawning"])
    draw(folder / "others", ["waving", "bowling"])
    process = train(*RUN, "--output", "whole", cwd=folder)
    _, heard = process.communicate()
    assert process.returncode == 0, heard
    assert heard.count("Training small") == heard.count("The checkpoint is") == 1
    return folder


def test_two_processes_take_the_steps_of_one(two, monkeypatch):
    monkeypatch.chdir(two)
    result = CliRunner().invoke(main, [*RUN, "--output", "alone"])
    assert result.exit_code == 0, result.output
    assert len(losses("alone")) == STEPS
    np.testing.assert_allclose(losses("whole"), losses("alone"), rtol=0, atol=1e-4)
    validated = [[r for r in rows(run) if "validation_top1" in r] for run in ("whole", "alone")]
    assert [row["step"] for row in validated[0]] == [5, 11, 15]
    assert validated[0] == validated[1]
    accuracies = [json.loads(Path(run, "accuracy.json").read_text()) for run in ("whole", "alone")]
    assert accuracies[0] == accuracies[1]
    assert accuracies[0]["validation"]["clips"] == 6
    from safetensors.torch import load_file

    for file in ("model.safetensors", "training.safetensors"):
        ours, theirs = (
            load_file(Path(run) / f"checkpoints/step-{STEPS:06d}" / file)
            for run in ("whole", "alone")
        )
        assert ours.keys() == theirs.keys()
        # But for biases: a key's has no gradient but rounding, of which AdamW makes whole steps.
        for name in (name for name, value in theirs.items() if value.ndim >= 2):
            assert (ours[name] - theirs[name]).norm() < 1e-2 * theirs[name].norm(), name


def test_processes_that_were_killed_go_on_in_two_or_in_one(two, monkeypatch):
    monkeypatch.chdir(two)
    process = train(*RUN, "--output", "killed")
    wait_for("killed", 7, process)
    for child in psutil.Process(process.pid).children():
        child.kill()
    assert process.wait() != 0
    process.communicate()
    newest = newest_checkpoint(Path("killed"))
    assert newest is not None
    assert step_of(newest) >= 5
    shutil.copytree("killed", "alone-after")
    process = train("--resume", "killed", "--device", "cpu")
    _, heard = process.communicate()
    assert process.returncode == 0, heard
    assert rows("killed") == rows("whole")
    result = CliRunner().invoke(main, ["--resume", "alone-after", "--device", "cpu"])
    assert result.exit_code == 0, result.output
    np.testing.assert_allclose(losses("alone-after"), losses("whole"), rtol=0, atol=1e-4)


def test_a_signal_ends_all_processes_after_a_whole_step(two, monkeypatch):
    monkeypatch.chdir(two)
    process = train(*RUN, "--output", "stopped")
    wait_for("stopped", 2, process)
    children = psutil.Process(process.pid).children()
    process.send_signal(signal.SIGINT)
    _, heard = process.communicate()
    assert process.returncode != 0
    assert not any(child.is_running() for child in children)
    assert heard.count("Stopped.") == 1
    newest = newest_checkpoint(Path("stopped"))
    assert newest is not None
    taken = losses("stopped")
    assert step_of(newest) == len(taken) < STEPS
    assert taken == losses("whole")[: len(taken)]


def test_gradients_losses_and_accuracy_of_two_are_those_of_one_and_a_failure_is_told_once(
    tmp_path, root
):
    process = torchrun(root / "tests/train/two_processes.py", tmp_path)
    _, heard = process.communicate()
    assert {path.name for path in tmp_path.glob("*-is-done")} == {"0-is-done", "1-is-done"}, heard
    assert process.returncode != 0
    said = [line for line in heard.splitlines() if line.startswith("Error")]
    assert said == ["Error: Process 1 has had enough."]
    codes = re.findall(r"exitcode *: *(-?\d+)", heard)
    assert "2" in codes
    assert set(codes) <= {"2", str(-signal.SIGTERM)}  # torchrun's to whoever is left


@pytest.mark.parametrize(
    ("options", "count", "sentence"),
    [
        ({"batch": 9}, 2, "9 cannot be divided among 2 processes in --accumulate 1 .* 8 or 10"),
        ({"batch": 10, "accumulate": 4}, 2, "give 8 or 16"),
        ({"batch": 8, "accumulate": 3}, 2, "give 6 or 12"),
    ],
)
def test_a_batch_that_cannot_be_divided_is_one_sentence(options, count, sentence):
    import torch

    processes = Processes(torch.device("cpu"), 0, count)
    with pytest.raises(StzsarError, match=sentence):
        check_batch(TrainConfig(**options), processes)
    check_batch(TrainConfig(batch=16, accumulate=2), processes)


def test_half_an_environment_of_torchrun_is_one_sentence(monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(StzsarError, match=r"WORLD_SIZE is 2 but RANK is not set"), joined("cpu"):
        pass


@pytest.mark.parametrize("written", ["", "two", "-1", "0", "2.0"])
def test_a_number_of_processes_that_is_none_is_one_sentence(monkeypatch, written):
    monkeypatch.setenv("WORLD_SIZE", written)
    with pytest.raises(StzsarError, match=f"WORLD_SIZE is '{written}' and must"), joined("cpu"):
        pass
