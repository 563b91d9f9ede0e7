"""Foreign weights and frames from seeds: the recipe behind the numbers of the authors' code.

A record in tests/data/foreign holds the shapes of a family's state dict and a seed. Their own code,
filled with `weights` of them, gave the features and scores beside them. Only numbers are kept.
"""

import json
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import torch

DATA = Path(__file__).parents[2] / "data" / "foreign"


def record(name: str) -> dict[str, Any]:
    return json.loads((DATA / f"{name}.json").read_text())


def weights(shapes: dict[str, list[int]], seed: int) -> dict[str, torch.Tensor]:
    """Each tensor from the seed and its own name, of a size that keeps activations near one."""
    return {name: _tensor(name, shape, seed) for name, shape in shapes.items()}


def _tensor(name: str, shape: list[int], seed: int) -> torch.Tensor:
    noise = np.random.default_rng([seed, zlib.crc32(name.encode())]).standard_normal(shape)
    last = name.rsplit(".", 2)
    if name.endswith("logit_scale"):
        values = np.full(shape, 4.0)
    elif "ln_" in name or "norm" in name.lower():
        values = 0.1 * noise + name.endswith("weight")
    elif last[-1].endswith("bias"):
        values = 0.05 * noise
    elif "embedding" in name:
        values = 0.5 * noise
    elif len(shape) > 1:
        # conv1 and in_proj read along all axes but the first, projections along the first.
        reads = shape[0] if last[-1] in ("proj", "text_projection") else np.prod(shape[1:])
        values = noise * (1.5 / np.sqrt(reads))
    else:
        values = 0.1 * noise
    return torch.from_numpy(np.asarray(values, np.float32))


def frames(count: int, size_px: int, seed: int) -> torch.Tensor:
    """Frames as OpenCV gives them, uint8 BGR [T, S, S, 3]: a square that moves over noise."""
    noise = np.random.default_rng(seed).integers(0, 120, (count, size_px, size_px, 3))
    for place in range(count):
        at = place * (size_px // 2) // max(count - 1, 1)
        noise[place, at : at + size_px // 2, at : at + size_px // 2] += (20 * place) % 130
    return torch.from_numpy(noise.astype(np.uint8))
