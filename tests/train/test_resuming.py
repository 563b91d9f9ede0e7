"""A run that was stopped, killed, damaged or moved goes on where it was."""

import dataclasses
import errno
import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest

from stzsar.runtime.terminal.watchdog import exit_code
from stzsar.train.config import TrainConfig
from stzsar.train.loop import run_folder
from stzsar.train.loop.run_folder import RunFolder

from .command import LONG_RUN, OVER_FILES, SMALL_RUN, losses, train

pytestmark = pytest.mark.usefixtures("tiny_network", "in_tmp_path")


@pytest.fixture(scope="module")
def whole(start, tmp_path_factory):
    """A run that nobody stopped."""
    run = tmp_path_factory.mktemp("whole") / "run"
    assert start(*SMALL_RUN, "--output", run).wait() == 0
    return run


@pytest.mark.parametrize(
    "how",
    # All signals but SIGKILL take the same way; tests/runtime/terminal tells them apart.
    [
        pytest.param(how, marks=[pytest.mark.slow] * (how in (signal.SIGINT, signal.SIGHUP)))
        for how in (signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
    ],
    ids=lambda how: how.name,
)
def test_a_stopped_run_goes_on_with_the_losses_of_one_that_was_not(tmp_path, start, whole, how):
    killed = tmp_path / "killed"
    process = start(*SMALL_RUN, "--output", killed, stderr=subprocess.PIPE)
    metrics = killed / "metrics.jsonl"
    while not (metrics.exists() and len(losses(killed)) >= 5):
        assert process.poll() is None, "the run ended before it could be killed"
        time.sleep(0.002)
    process.send_signal(how)
    _, printed = process.communicate()
    assert process.returncode == (-how if how == signal.SIGKILL else exit_code(how))
    if how != signal.SIGKILL:
        step = len(losses(killed))
        sentence = f"Step {step} of 26 is saved. To go on: stzsar-train --resume {killed}"
        assert sentence in " ".join(printed.decode().split())
    assert len(losses(killed)) < 26
    assert start("--resume", killed).wait() == 0
    assert losses(killed) == losses(whole)
    assert len(losses(killed)) == 26


def test_a_run_goes_on_with_its_own_clips_alone(tmp_path, clips):
    assert train(*OVER_FILES, "--output", "run").exit_code == 0
    record = Path("run/clips.sha256")
    was = record.read_text()
    assert was.endswith("  2 clips\n")
    (tmp_path / "elsewhere").mkdir()
    moved = clips.rename(tmp_path / "elsewhere/clips")
    (tmp_path / "clips").symlink_to(moved)
    assert train("--resume", "run").exit_code == 0  # where they lie does not count
    (clips / "archery/a.avi").rename(clips / "archery/b.avi")
    result = train("--resume", "run")
    assert result.exit_code == 2
    said = "run started with 2 clips, which differ from the 2 that are there now: restore them"
    assert said in " ".join(result.output.split())
    record.unlink()  # as of a run that began before there was the file
    assert train("--resume", "run").exit_code == 0
    assert record.read_text() != was


def test_a_run_is_resumed_from_within_its_folder(tmp_path, monkeypatch):
    assert train("--batch", "4", "--steps", "1", "--output", "run").exit_code == 0
    monkeypatch.chdir(tmp_path / "run")
    assert train("--resume", ".").exit_code == 0


def test_the_newest_run_goes_on_also_where_only_an_older_one_has_a_checkpoint(tmp_path):
    assert train("--batch", "4", "--steps", "1", "--output", "runs/old").exit_code == 0
    config = dataclasses.replace(TrainConfig.load(Path("runs/old")), steps=2)
    new = tmp_path / "runs/new"
    new.mkdir()
    config.save(new)
    os.utime(new / "config.json", (2e9, 2e9))
    result = train("--resume")
    assert result.exit_code == 0, result.output
    said = " ".join(result.output.split())
    assert "runs/new has no checkpoint yet: it starts from the beginning." in said
    assert len(losses(new)) == 2
    # What was interpolated has no configuration, and is no run however new it is.
    shutil.copytree(new / "checkpoints", tmp_path / "runs/mixed/checkpoints")
    os.utime(tmp_path / "runs/old/metrics.jsonl", (2.1e9, 2.1e9))
    assert "The run is runs/old." in " ".join(train("--resume").output.split())


def test_the_last_step_is_the_newest_whatever_its_date(tmp_path):
    assert train("--batch", "4", "--steps", "2", "--checkpoint-every", "1", "--output", "run")
    first, last = sorted((tmp_path / "run/checkpoints").iterdir())
    os.utime(last / "checkpoint.json", (0, 0))
    assert RunFolder(tmp_path / "run").newest == last
    assert first.exists()


def cut(data):
    return data[: len(data) // 2]


def zeros_within(data):
    return data[:9000] + bytes(64) + data[9064:]


@pytest.mark.parametrize(
    ("file", "damage"),
    [
        ("model.safetensors", cut),
        ("model.safetensors", zeros_within),
        ("training.safetensors", cut),
        ("training.safetensors", zeros_within),
        ("checkpoint.json", lambda data: b""),
    ],
)
def test_a_run_whose_last_checkpoint_is_corrupt_resumes_from_the_one_before(tmp_path, file, damage):
    options = ["--batch", "4", "--steps", "3", "--checkpoint-every", "1", "--output", "run"]
    assert train(*options).exit_code == 0
    whole = losses(Path("run"))
    last = tmp_path / "run/checkpoints/step-000003"
    (last / file).write_bytes(damage((last / file).read_bytes()))
    result = train("--resume", "run")
    assert result.exit_code == 0, result.output
    said = " ".join(result.output.split())
    assert "Resuming from the checkpoint before it, run/checkpoints/step-000002." in said
    assert losses(Path("run")) == whole
    assert train("--resume", "run").exit_code == 0
    for name in ("step-000002", "step-000003"):
        path = tmp_path / "run/checkpoints" / name / "model.safetensors"
        path.write_bytes(cut(path.read_bytes()))
    result = train("--resume", "run")
    assert result.exit_code == 2
    assert "step-000003/model.safetensors is not a whole safetensors file" in result.output


def test_a_full_disk_is_one_sentence_and_the_run_goes_on(tmp_path, monkeypatch):
    def full(_folder, checkpoint, _network):
        if checkpoint.step == 2:
            raise OSError(errno.ENOSPC, "No space left on device")  # of a write, without a name

    options = ["--batch", "4", "--steps", "3", "--checkpoint-every", "1", "--output", "run"]
    with monkeypatch.context() as patched:
        save = run_folder.save_checkpoint
        patched.setattr(
            run_folder,
            "save_checkpoint",
            lambda *arguments: (full(*arguments), save(*arguments)),
        )
        result = train(*options)
    assert result.exit_code == 2
    assert "Cannot write into run: No space left on device. Make room" in result.output
    assert [path.name for path in (tmp_path / "run/checkpoints").iterdir()] == ["step-000001"]
    assert train("--resume", "run").exit_code == 0
    assert [step for step, _ in losses(Path("run"))] == [0, 1, 2]


def test_two_processes_do_not_train_one_run(start, tmp_path):
    holder = start(*LONG_RUN, "--output", "run")
    while not (tmp_path / "run/metrics.jsonl").exists():
        assert holder.poll() is None
        time.sleep(0.01)
    result = train("--resume", "run")
    assert result.exit_code == 2
    assert "Another process is training run" in result.output
    holder.kill()
    holder.wait()
    steps = len(losses(Path("run")))
    config = TrainConfig.load(Path("run"))
    dataclasses.replace(config, steps=steps + 3).save(Path("run"))
    assert train("--resume", "run").exit_code == 0


def test_a_run_is_resumed_from_another_folder_and_with_its_clips_moved(
    clips, tmp_path, monkeypatch
):
    (clips / "archery" / "b.avi").write_bytes((clips / "archery" / "a.avi").read_bytes())
    options = [*OVER_FILES, "--steps", "1", "--shots", "1", "--output", "run"]
    assert train(*options).exit_code == 0
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert train("--resume", "../run").exit_code == 0
    clips.rename(tmp_path / "moved")
    result = train("--resume", "../run")
    assert result.exit_code == 2
    assert "clips" in result.output
    result = train("--resume", "../run", "--data", "../moved")
    assert result.exit_code == 0, result.output
    assert train("--resume", "../run").exit_code == 0  # the run knows the place now
    assert str(tmp_path / "moved") in (tmp_path / "run/few-shot.csv").read_text()


def test_a_run_is_resumed_without_the_weights_that_it_started_from(backbones, tmp_path, clips):
    import torch

    torch.save(backbones.make_source("tiny-ViT").state_dict(), "clip.pt")
    over_clip = ["--backbone", "tiny-ViT", "--pretrained", "clip.pt", "--frames", "2"]
    result = train("--data", "clips", *over_clip, "--steps", "1", "--batch", "2", "--output", "run")
    assert result.exit_code == 0, result.output
    Path("clip.pt").unlink()
    dataclasses.replace(TrainConfig.load(Path("run")), steps=2).save(Path("run"))
    result = train("--resume", "run")
    assert result.exit_code == 0, result.output
    assert [step for step, _ in losses(Path("run"))] == [0, 1]


@pytest.mark.parametrize(
    ("option", "sentence"),
    [
        (["--data", "clips"], "The run started without --data"),
        (["--labels", "labels.json"], "The run started without --labels"),
        (["--validate", "clips"], "The run started without --validate"),
    ],
)
def test_what_a_run_did_not_start_with_is_not_taken_by_resume(tmp_path, option, sentence):
    TrainConfig().save(tmp_path)
    result = train("--resume", ".", *option)
    assert result.exit_code == 2
    assert sentence in result.output
