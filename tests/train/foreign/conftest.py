"""Foreign files made from the records' recipes, once for all tests of this folder."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
from safetensors.torch import save_file


def _module(name: str) -> ModuleType:
    import importlib.util

    spec = importlib.util.spec_from_file_location(name, Path(__file__).with_name(f"{name}.py"))
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def seeded() -> Any:
    """The module seeded.py beside this file."""
    return _module("seeded")


@pytest.fixture(scope="session")
def streaming() -> Any:
    """The module streaming.py beside this file."""
    return _module("streaming")


@pytest.fixture(scope="session")
def original(seeded, tmp_path_factory) -> Path:
    """The file of the CLIP that every family's record was tuned from."""
    made = seeded.record("vifi-clip")["original"]
    path = tmp_path_factory.mktemp("original") / "clip.pt"
    torch.save(seeded.weights(made["shapes"], made["seed"]), path)
    return path


@pytest.fixture(scope="session")
def foreign(seeded, tmp_path_factory) -> Callable[[str], Path]:
    """Returns the file of a family's record, as its authors save it."""
    folder = tmp_path_factory.mktemp("foreign")
    makers = {
        "vifi-clip": _vifi,
        "maxi": _vifi,
        "ost": _vifi,
        "open-clip": _open_clip,
        "transformers": _transformers,
    }

    def make(name: str) -> Path:
        path = folder / name
        if not path.exists():
            makers[name](seeded, seeded.record(name), path)
        return path

    return make


def tuned_weights(seeded: Any, record: dict[str, Any]) -> dict[str, torch.Tensor]:
    """CLIP's weights with a share of others added, by the authors' names."""
    clip = seeded.weights(record["original"]["shapes"], record["original"]["seed"])
    tuned = record["tuned"]
    found = {}
    for name, change in seeded.weights(tuned["shapes"], tuned["seed"]).items():
        own = name.replace("image_encoder.", "visual.").replace("text_encoder.", "")
        found[name] = clip[own] + tuned["share"] * change if own in clip else change
    return found


def _vifi(seeded: Any, record: dict[str, Any], path: Path) -> None:
    """Write what their epoch_saving writes: all under `module.`, an optimiser, a configuration."""
    from collections import OrderedDict

    state = tuned_weights(seeded, record)
    torch.save(
        {
            "model": OrderedDict((f"module.{name}", value) for name, value in state.items()),
            "optimizer": {
                "state": {0: {"step": torch.tensor(1.0)}},
                "param_groups": [{"lr": 8e-6}],
            },
            "lr_scheduler": {"base_values": [8e-6]},
            "max_accuracy": 71.5,
            "epoch": 9,
        },
        path,
    )


def _open_clip(seeded: Any, record: dict[str, Any], path: Path) -> None:
    made = record["weights"]
    state = seeded.weights(made["shapes"], made["seed"])
    named = {f"module.{name}": value for name, value in state.items()}
    torch.save({"epoch": 3, "name": "run", "state_dict": named, "optimizer": {"state": {}}}, path)


def _transformers(seeded: Any, record: dict[str, Any], path: Path) -> None:
    made = record["weights"]
    path.mkdir()
    state = seeded.weights(made["shapes"], made["seed"])
    state["text_model.embeddings.position_ids"] = torch.arange(77)[None]  # of older files
    save_file(state, path / "model.safetensors")
    (path / "config.json").write_text(json.dumps(record["config"]))
