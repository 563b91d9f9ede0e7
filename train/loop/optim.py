"""AdamW's groups, and the learning rate as a function of the step."""

import math

import torch
from torch import nn

from ...models.stzsar import STZSAR
from ..config import TrainConfig

_BETA1 = 0.9


def make_optimizer(network: STZSAR, config: TrainConfig) -> torch.optim.AdamW:
    """Return AdamW over everything that learns; each group keeps its peak rate in "peak"."""
    network.text.requires_grad_(config.train_text)
    towers: list[nn.Module] = [network.visual, network.text]
    clip = {id(p) for tower in towers for p in tower.parameters()}
    groups = []
    for of_clip, peak in ((True, config.clip_learning_rate), (False, config.learning_rate)):
        mine = [p for p in network.parameters() if p.requires_grad and (id(p) in clip) == of_clip]
        for is_matrix, decay in ((True, config.weight_decay), (False, 0.0)):
            params = [p for p in mine if (p.ndim >= 2) == is_matrix]
            groups.append({"params": params, "peak": peak, "weight_decay": decay})
    return torch.optim.AdamW([g for g in groups if g["params"]], betas=(_BETA1, config.beta2))


def set_learning_rate(optimizer: torch.optim.Optimizer, config: TrainConfig, step: int) -> None:
    """Give every group its rate at `step`: linear warm-up, then a cosine to zero."""
    factor = rate_factor(step, steps=config.steps, warmup_steps=config.warmup_steps)
    for group in optimizer.param_groups:
        group["lr"] = group["peak"] * factor


def rate_factor(step: int, *, steps: int, warmup_steps: int) -> float:
    """Return the part of the peak rate at `step`, 0 to 1."""
    if step < warmup_steps:
        return (step + 1) / warmup_steps
    done = (step - warmup_steps) / max(1, steps - warmup_steps)
    return 0.5 * (1 + math.cos(math.pi * min(1.0, done)))
