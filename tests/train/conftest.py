"""Small clips, and a network that trains in a fraction of a second."""

import importlib.util
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
