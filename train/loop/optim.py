"""AdamW's groups, and the learning rate as a function of the step."""

import math

import torch
from torch import nn

from ...models.stzsar import STZSAR
from ..config import TrainConfig

_BETA1 = 0.9


def make_optimizer(network: STZSAR, config: TrainConfig) -> torch.optim.AdamW:
    """Return AdamW over all trainable parameters; each group has its peak rate in "peak"."""
    network.text.requires_grad_(config.train_text)
    towers: list[nn.Module] = [network.visual, network.text]
    in_towers = {id(p) for tower in towers for p in tower.parameters()}
    tower_peak = config.learning_rate
    if config.clip_learning_rate is not None:
        tower_peak = config.clip_learning_rate
    groups = []
    for is_tower, peak in ((True, tower_peak), (False, config.learning_rate)):
        part = [p for p in network.parameters() if (id(p) in in_towers) == is_tower]
        for is_matrix, decay in ((True, config.weight_decay), (False, 0.0)):
            params = [p for p in part if p.requires_grad and (p.ndim >= 2) == is_matrix]
            groups.append({"params": params, "peak": peak, "weight_decay": decay})
    return torch.optim.AdamW([g for g in groups if g["params"]], betas=(_BETA1, config.beta2))


def set_learning_rate(optimizer: torch.optim.Optimizer, config: TrainConfig, step: int) -> None:
    """Set every group's rate at `step`: linear warm-up, then a cosine to zero."""
    factor = rate_factor(step, steps=config.steps, warmup_steps=config.warmup)
    for group in optimizer.param_groups:
        group["lr"] = group["peak"] * factor


def rate_factor(step: int, *, steps: int, warmup_steps: int) -> float:
    """Return the fraction of the peak rate at `step`."""
    if step < warmup_steps:
        return (step + 1) / warmup_steps
    done = (step - warmup_steps) / max(1, steps - warmup_steps)
    return 0.5 * (1 + math.cos(math.pi * min(1.0, done)))
