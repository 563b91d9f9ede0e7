"""What a run has learned so far: the weights, their average, and the optimiser's moments."""

from dataclasses import dataclass
from typing import cast

import torch
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from ...models.stzsar import STZSAR
from ..config import TrainConfig
from .optim import make_optimizer
from .precision import Precision


@dataclass
class TrainState:
    """Everything that a step changes."""

    network: STZSAR  # the network in training
    optimizer: torch.optim.AdamW  # AdamW, with its moments
    scaler: torch.amp.GradScaler  # of gradients, active in fp16
    average: AveragedModel | None  # the moving average of the weights, or None
    step: int = 0  # optimiser steps taken
    is_whole: bool = True  # False while a step has changed some of these and not yet all

    @classmethod
    def begin(cls, network: STZSAR, config: TrainConfig, precision: Precision) -> "TrainState":
        """Return the state before the first step, and make `network` compute in `precision`."""
        optimizer = make_optimizer(network, config)
        average = None
        if config.ema:
            # Before the precision, whose wrapped forward would still use the original's weights.
            average = AveragedModel(network, multi_avg_fn=get_ema_multi_avg_fn(config.ema))
            average.requires_grad_(requires_grad=False)
            precision.apply_to(cast(STZSAR, average.module))
        precision.apply_to(network)
        return cls(network, optimizer, precision.scaler(), average)

    @property
    def kept(self) -> STZSAR:
        """The network to test, save and export: the average, if there is one."""
        return self.network if self.average is None else cast(STZSAR, self.average.module)

    def update(self, *, highest_logit_scale: float) -> None:
        """Take one step along the gradients; γ stays below `highest_logit_scale`."""
        self.is_whole = False
        self.scaler.step(self.optimizer)
        self.scaler.update()
        with torch.no_grad():
            self.network.head.logit_scale.clamp_(max=highest_logit_scale)
        if self.average is not None:
            self.average.update_parameters(self.network)
        self.step += 1
        self.is_whole = True
