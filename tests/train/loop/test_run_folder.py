"""A run's folder: what killed processes left, and the best validation."""

import json

from stzsar.train.config import TrainConfig
from stzsar.train.loop.run_folder import RunFolder


def test_what_killed_processes_left_is_removed_when_the_run_is_opened(tmp_path):
    left = [
        tmp_path / ".config.json.0123456789abcdef",
        tmp_path / "checkpoints/.step-000100.a1b2c3d4",
        tmp_path / "checkpoints/.best.a_b2c3d4",
    ]
    kept = [
        tmp_path / ".gitignore",
        tmp_path / ".config.json.orig",
        tmp_path / "checkpoints/step-000100",
    ]
    for path in [*left, *kept]:
        path.parent.mkdir(exist_ok=True)
        if path.parent.name == "checkpoints":
            path.mkdir()
            (path / "model.safetensors").touch()
        else:
            path.touch()
    with RunFolder(tmp_path).opened(TrainConfig()):
        assert not any(path.exists() for path in left)
        assert all(path.exists() for path in kept)


def test_a_checkpoint_that_was_moved_aside_is_moved_back(tmp_path):
    aside = tmp_path / "checkpoints/.best.a1b2c3d4/best"
    aside.mkdir(parents=True)
    (aside / "model.safetensors").touch()
    run = RunFolder(tmp_path)
    with run.opened(TrainConfig()):
        assert (run.best / "model.safetensors").exists()
        assert [path.name for path in run.best.parent.iterdir()] == ["best"]


def test_the_best_validation_is_the_first_of_those_with_the_best_top1(tmp_path):
    run = RunFolder(tmp_path)
    assert run.best_validation() is None
    rows = [{"step": 4, "loss": 1.0}] + [
        {"step": step, "validation_top1": top1} for step, top1 in ((4, 0.2), (9, 0.5), (14, 0.5))
    ]
    run.metrics.write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert run.best_validation() == (10, 0.5)
