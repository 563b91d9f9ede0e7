"""Runs whose folders a stranger wrote, or a power cut spoilt: refused in a sentence, or resumed."""

import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from click.testing import CliRunner

from stzsar.models.tensor_file import load_tensors, save_tensors
from stzsar.runtime.errors import SourceError, StzsarError
from stzsar.train.cli import main
from stzsar.train.config import TrainConfig
from stzsar.train.loop.run_folder import RunFolder

pytestmark = pytest.mark.usefixtures("tiny_network")
HUGE = int("1" + 400 * "0")
OPTIONS = ["--steps", "2", "--batch", "2", "--checkpoint-every", "1", "--workers", "0"]


@pytest.fixture(scope="module")
def trained(tiny, tmp_path_factory) -> Path:
    """A run of two steps."""
    folder = tmp_path_factory.mktemp("trained") / "run"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("stzsar.train.assemble.small_config", tiny.tiny_config)
        patch.setattr(
            "stzsar.train.data.moving_shapes._TEST_CLIPS_PER_CLASS", tiny.TEST_CLIPS_PER_CLASS
        )
        result = CliRunner().invoke(main, [*OPTIONS, "--output", str(folder)])
    assert result.exit_code == 0, result.output
    return folder


@pytest.fixture
def run(trained, tmp_path) -> Path:
    """A copy of it, to be resumed for a step more."""
    shutil.copytree(trained, tmp_path / "run")
    write_config(tmp_path / "run", steps=3)
    return tmp_path / "run"


def write_config(run: Path, **changes: object) -> None:
    document = json.loads((run / "config.json").read_text())
    (run / "config.json").write_text(json.dumps(document | changes))


def resume(run: Path):
    """Resume it; whatever the end, it is no crash and no page of text."""
    result = CliRunner().invoke(main, ["--resume", str(run)])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exc_info
    if result.exit_code:
        assert result.exit_code == 2
        assert len(result.output.splitlines()[-1]) < 600
        assert result.output.splitlines()[-1].startswith("Error: ")
    return result


@pytest.mark.parametrize(
    "changes",
    [
        {"steps": HUGE},
        {"steps": 0},
        {"steps": True},
        {"batch": 2**60},
        {"seed": -1},
        {"frames": 10**9},
        {"rate_fps": 0},
        {"flip": 5},
        {"workers": 10**6},
        {"checkpoint_every": 0},
        {"beta2": 1},
        {"learning_rate": -1},
        {"data": 5},
        {"data": "a\0b"},
        {"data": "x" * 10**5},
        {"lists": ["a"]},
        {"setting": "odd"},
        {"steps": 1, "warmup_steps": 5},
        {"from_checkpoint": {"a": 1}},
    ],
)
def test_a_configuration_that_no_run_can_have_is_refused(run, changes):
    write_config(run, **changes)

    assert resume(run).exit_code == 2


def test_a_configuration_in_python_is_held_to_the_same(tmp_path):
    wrong: list[tuple[dict[str, Any], str]] = [
        ({"steps": 0}, "steps cannot be 0: expected int >= 1"),
        ({"flip": 5.0}, "flip cannot be 5.0: expected float <= 1.0"),
        ({"data": tmp_path}, "data cannot be PosixPath"),
    ]
    for changes, sentence in wrong:
        with pytest.raises(StzsarError, match=sentence):
            TrainConfig(**changes)


@pytest.mark.parametrize("name", ["metrics.jsonl", ".lock"])
@pytest.mark.parametrize("kind", ["pipe", "folder", "bytes", "lines"])
def test_what_is_no_file_of_a_run_is_refused_or_left_and_waited_for_never(run, name, kind):
    path = run / name
    path.unlink(missing_ok=True)
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    elif kind == "loop":
        path.symlink_to(name)
    else:
        path.write_bytes(
            bytes(range(256)) * 20 if kind == "bytes" else
            b'[1]\n{"step": "a"}\n{}\n{"step": 1e400}\na\tb\n\n' + b"[" * 100_000
        )  # fmt: skip

    said = resume(run)
    if kind in ("pipe", "folder"):
        assert said.exit_code == 2


@pytest.mark.parametrize("content", [None, b"\xff\xfe\0" * 99, b"a"])
def test_a_record_of_clips_that_is_none_is_refused(tmp_path, content):
    record = tmp_path / "clips.sha256"
    if content is None:
        os.mkfifo(record)
    else:
        record.write_bytes(content)

    with pytest.raises((SourceError, OSError), match=r"started with|Not a regular file"):
        RunFolder(tmp_path).check_clips("ab", 3)


@pytest.mark.parametrize("name", ["step-", "step-x", "step-" + 200 * "9", "step--1", "step-1e3"])
def test_a_checkpoint_of_no_step_is_no_checkpoint(run, name):
    (run / "checkpoints" / "step-000002").rename(run / "checkpoints" / name)

    resume(run)


@pytest.mark.parametrize(
    ("notes", "tensors"),
    [
        ({}, {}),
        ({"scaler": "{"}, {}),
        ({"scaler": "[" * 100_000}, {}),
        ({"scaler": '{"scale": "a"}'}, {}),
        ({"scaler": "{}"}, {"x": 1}),
        ({"scaler": "{}"}, {"99999999999.exp_avg": 1}),
        ({"scaler": "{}"}, {"0.exp_avg": 1, "0.step": 7}),
        ({"scaler": "{}"}, {"0.exp_avg.x": 1}),
        ({"scaler": "{}"}, {"raw.x": 1}),
    ],
)
def test_moments_of_another_network_are_refused(run, notes, tensors):
    for step in (1, 2):
        file = run / "checkpoints" / f"step-00000{step}" / "training.safetensors"
        known, _ = load_tensors(file)
        save_tensors(file, {**known, **{n: torch.ones(s) for n, s in tensors.items()}}, notes)

    result = resume(run)
    assert (result.exit_code == 2) == ("raw.x" not in tensors)
