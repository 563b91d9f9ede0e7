"""The command itself: what a run leaves, and mistakes in one sentence."""

import dataclasses
import json
import os
import time
import types
from pathlib import Path

import psutil
import pytest
from click.testing import CliRunner

from stzsar.train.cli import main
from stzsar.train.config import TrainConfig

from .command import LONG_RUN, losses, train

pytestmark = pytest.mark.usefixtures("tiny_network", "in_tmp_path")


def test_a_run_leaves_what_it_promises(tmp_path):
    result = train("--batch", "4", "--steps", "3", "--checkpoint-every", "1")
    assert result.exit_code == 0, result.output
    (run,) = (tmp_path / "runs").iterdir()
    assert run.name.startswith("moving-shapes-")
    assert TrainConfig.load(run).steps == 3
    assert len(losses(run)) == 3
    assert set(json.loads((run / "accuracy.json").read_text())) == {
        f"{setting}, {test}"
        for setting in ("plain", "hard", "untrimmed")
        for kind in ("seen", "unseen")
        for test in (f"{kind} classes", f"{kind} among all classes")
    }
    assert result.output.count("harmonic mean of these two") == 3
    assert list((run / "tensorboard").iterdir())
    kept = sorted(path.name for path in (run / "checkpoints").iterdir())
    assert kept == ["step-000002", "step-000003"]


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--data", "nowhere"], "neither a folder"),
        (["--data", "."], "holds no videos"),
        (["--steps", "0"], "'--steps': 0 is not in the range"),
        (["--steps", "20", "--warmup-steps", "20"], "--warmup-steps 20 does not end within 20"),
        (["--data", ".", "--warmup-steps", "5000"], "does not end within 5000 steps"),
        (["--frames", "16"], "leave out --frames"),
        (["--lists", "x"], "leave out --lists"),
        (["--shots", "4"], "leave out --shots"),
        (["--augment"], "leave out --augment"),
        (["--no-augment"], "leave out --augment"),
        (["--flip", "0"], "leave out --flip"),
        (["--allow-missing"], "leave out --allow-missing"),
        (["--no-attributes"], "leave out --attributes"),
        (["--precision", "fp16", "--device", "cpu"], "requires a GPU"),
        (["--device", "nonsense"], "cannot be used"),
        (["--resume"], "no run under runs/"),
        (["--resume", "elsewhere"], "is not a run of stzsar-train"),
        (["--resume", "elsewhere", "--seed", "3"], "leave out --seed"),
        (["--resume", "elsewhere", "--rate", "3"], "leave out --rate,"),
        (["--resume", "elsewhere", "--no-augment"], "leave out --augment,"),
        (["--resume", "elsewhere", "--output", "run"], "leave out --output,"),
        (["--batch", "1"], "leaves one clip a part"),
        (["--backbone", "ViT-B-32", "--pretrained", "none"], "64 px"),
        (["--pretrained", "openai"], "--pretrained and --tokenizer require a --backbone"),
        (["--interaction", "mean", "--patch-path", "value"], "--patch-path has no effect"),
        (["--interaction", "off", "--patch-path", "block"], "with --interaction mean or off"),
        (["--interaction", "mean", "--frame-weights", "both"], "mean has weights of its own"),
        (["--interaction", "transport", "--learned-temperature"], "has weights of its own"),
        (["--tokenizer", "tokenizer.json"], "--tokenizer require a --backbone"),
        (["--data", ".", "--setting", "hard"], "--setting applies to MovingShapes only"),
        (["--data", ".", "--split", "1"], "--split and --classes require --lists"),
        (["--data", ".", "--classes", "x.csv"], "--classes require --lists"),
        (["--data", ".", "--lists", ".", "--classes", "x.csv"], "--classes applies to one list"),
        (["--data", ".", "--lists", "x.csv", "--split", "1"], "--split applies to a folder"),
        (["--data", ".", "--lists", "x.csv"], "Cannot read x.csv"),
        (["--data", ".", "--lists", "."], "holds no lists of training clips"),
        (["--data", ".", "--no-augment", "--flip", "0"], "--flip has no effect with --no-augment"),
        (["--data", ".", "--grey", "1.5"], "is not in the range"),
        (["--data", "gone.csv"], "Cannot read gone.csv"),
        (["--seed", "-1"], "is not in the range"),
    ],
)
def test_a_mistake_is_one_sentence_and_exit_code_2(options, sentence):
    result = train(*options)
    assert result.exit_code == 2
    assert sentence in " ".join(result.output.split())
    assert "Traceback" not in result.output
    assert not Path("runs").exists()


def test_a_refused_run_leaves_no_folder(tmp_path):
    train("--precision", "fp16", "--device", "cpu", "--output", "run")
    assert not (tmp_path / "run").exists()


def test_a_folder_with_something_in_it_is_not_written_over(tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "precious").write_text("x")
    result = train("--output", "run")
    assert result.exit_code == 2
    assert "is not empty" in result.output


def test_workers_without_room_are_refused_before_there_is_a_run(tmp_path, monkeypatch):
    free = types.SimpleNamespace(f_bavail=64, f_frsize=4096)
    monkeypatch.setattr(os, "statvfs", lambda _path: free)
    short = ["--steps", "1", "--batch", "2", "--output", "run"]
    result = CliRunner().invoke(main, [*short, "--workers", "1"])
    assert result.exit_code == 2
    assert "0.2 MiB free" in result.output
    assert not Path("run").exists()
    result = CliRunner().invoke(main, short)
    assert result.exit_code == 0, result.output
    assert " ".join(result.output.split()).count("so no worker fits") == 1
    # On a machine with less memory than the one of before.
    dataclasses.replace(TrainConfig.load(Path("run")), workers=1).save(Path("run"))
    assert CliRunner().invoke(main, ["--resume", "run"]).exit_code == 2
    assert CliRunner().invoke(main, ["--resume", "run", "--workers", "0"]).exit_code == 0


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--from", "nowhere"], "nowhere is neither a checkpoint nor a run with one"),
        (["--from", "first", "--no-temporal"], "--temporal has no effect with --from"),
        (["--from", "first", "--backbone", "small"], "--backbone has no effect with --from"),
        (["--from", "first", "--data", "clips", "--frames", "20"], "more than the 16 of the"),
    ],
)
def test_what_cannot_be_trained_further_is_one_sentence(clips, options, sentence):
    assert train("--steps", "1", "--batch", "2", "--output", "first").exit_code == 0
    result = train(*options)
    assert result.exit_code == 2
    assert sentence in " ".join(result.output.split())


def test_workers_end_with_a_process_that_is_killed(start, tmp_path):
    process = start(*LONG_RUN, "--workers", "2", "--output", "run")
    while not (tmp_path / "run/metrics.jsonl").exists() or not losses(Path("run")):
        assert process.poll() is None
        time.sleep(0.01)
    workers = psutil.Process(process.pid).children()
    assert len(workers) == 2
    process.kill()
    process.wait()
    _, left = psutil.wait_procs(workers, timeout=2)  # PyTorch's own watchdog takes five
    assert not left
