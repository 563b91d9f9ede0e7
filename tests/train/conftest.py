"""Small clips, and a network that trains in a fraction of a second."""

import importlib.util
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

TINY_CLI = Path(__file__).parent / "tiny_cli.py"


@pytest.fixture(scope="session")
def one_thread() -> Iterator[None]:
    """Computes in one thread: a tiny network has no work for more."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="session")
def tiny_cli() -> Path:
    """The script that runs stzsar-train with the tiny network."""
    return TINY_CLI


@pytest.fixture(scope="session")
def tiny(one_thread: None) -> Any:
    """The module tiny_cli.py."""
    spec = importlib.util.spec_from_file_location("tiny_cli", TINY_CLI)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def tiny_network(tiny: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Makes `small` tiny, and the test at the end short."""
    monkeypatch.setattr("stzsar.train.assemble.small_config", tiny.tiny_config)
    monkeypatch.setattr(
        "stzsar.train.data.moving_shapes._TEST_CLIPS_PER_CLASS", tiny.TEST_CLIPS_PER_CLASS
    )


@pytest.fixture(scope="session")
def write_noise() -> Callable[..., Path]:
    """Writes a clip of noise and returns its path."""

    def write(path: Path, *, frames: int = 10, seed: int = 0) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 10, (64, 64))
        for _ in range(frames):
            rng = np.random.default_rng(seed)
            writer.write(rng.integers(0, 255, (64, 64, 3), dtype=np.uint8))
        writer.release()
        return path

    return write


@pytest.fixture(scope="session")
def start(tiny_cli):
    """Starts stzsar-train in a process of its own."""

    def start(*options: str | Path, stderr: int | None = None) -> "subprocess.Popen[bytes]":
        # One thread: the sums of two threads need not have one order. PYTHONPATH as the tests have.
        path = os.pathsep.join(sys.path)
        environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": path}
        command = [sys.executable, str(tiny_cli), *map(str, options)]
        return subprocess.Popen(command, env=environment, stderr=stderr)

    return start


@pytest.fixture
def clips(tmp_path, write_noise):
    """clips/HulaHoop/a.avi and clips/archery/a.avi, of noise."""
    for name in ("HulaHoop", "archery"):
        write_noise(tmp_path / "clips" / name / "a.avi")
    return tmp_path / "clips"


@pytest.fixture
def in_tmp_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Works in an empty folder."""
    monkeypatch.chdir(tmp_path)
