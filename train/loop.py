"""The training loop."""

import dataclasses
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from ..models.checkpoint import Checkpoint, step_of
from ..models.interaction import Bank
from ..models.label_texts import LabelTexts
from ..models.stzsar import STZSAR
from ..runtime.errors import StzsarError
from ..runtime.labels import Label
from ..runtime.manifest import SamplingSpec, WeightsOrigin
from .config import TrainConfig
from .data import ClipDataset, StepSampler, loader
from .log import TrainLog
from .loss import symmetric_loss
from .optim import make_optimizer, set_learning_rate
from .precision import Precision
from .run_folder import RunFolder

_MAX_LOGIT_SCALE = math.log(100)
_MAX_GRADIENT_NORM = 1.0


@dataclass(frozen=True, kw_only=True)
class Trainer:
    """One run: everything that the loop needs, in one place.

    Attributes:
        config: the run's configuration.
        dataset: the training clips.
        network: what is trained, on its device.
        origin: what the checkpoint will say of its weights.
        run: the run's folder.
        precision: of the towers, on the network's device.
    """

    config: TrainConfig
    dataset: ClipDataset
    network: STZSAR
    origin: WeightsOrigin
    run: RunFolder
    precision: Precision

    def train(self) -> Path:
        """Train from the newest checkpoint of the run, if it has one, and return the last.

        Raises:
            StzsarError: the loss is no longer a number.
        """
        config, network, device = self.config, self.network, self.precision.device
        optimizer = make_optimizer(network, config)
        self.precision.apply_to(network)
        scaler = self.precision.scaler()
        start = 0
        newest = self.run.newest
        if newest is not None:
            self.run.restore(newest, network, optimizer, scaler)
            start = step_of(newest)
        self.run.forget_after(start)
        texts = BatchTexts(self.dataset.labels, network, train_text=config.train_text)
        sampler = StepSampler(len(self.dataset), config.batch, config.seed, start, config.steps)
        network.train()
        step = start
        is_whole = True  # weights, optimiser and `step` are of the same moment
        with TrainLog(self.run, start=start, steps=config.steps, batch=config.batch) as log:
            try:
                for frames, classes in loader(self.dataset, sampler, workers=config.workers):
                    set_learning_rate(optimizer, config, step)
                    loss = self._loss(frames.to(device), classes.to(device), texts, step)
                    self._backward(loss, optimizer, scaler, step)
                    is_whole = False
                    self._update(optimizer, scaler)
                    step += 1
                    is_whole = True
                    log.step(
                        step - 1,
                        loss=loss.item(),
                        learning_rate=optimizer.param_groups[-1]["lr"],
                        scale=network.head.logit_scale.exp().item(),
                    )
                    if step % config.checkpoint_every == 0 and step < config.steps:
                        self._save(step, optimizer, scaler)
            except KeyboardInterrupt:
                if is_whole and step > start:
                    self._save(step, optimizer, scaler)
                raise
        return self._save(step, optimizer, scaler)

    def _loss(self, frames: Tensor, classes: Tensor, texts: "BatchTexts", step: int) -> Tensor:
        present, places = classes.unique(return_inverse=True)
        bank = texts.bank(self.network, present, step)
        logits = self.network(frames, bank)
        return symmetric_loss(logits[:, places], classes)

    def _backward(
        self,
        loss: Tensor,
        optimizer: torch.optim.Optimizer,
        scaler: torch.amp.GradScaler,
        step: int,
    ) -> None:
        if not torch.isfinite(loss):
            raise StzsarError(
                f"The loss is {loss.item()} at step {step}: start a new run with a lower "
                "--learning-rate, or with --precision fp32."
            )
        optimizer.zero_grad(set_to_none=True)
        scaler.scale(loss).backward()
        scaler.unscale_(optimizer)
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), _MAX_GRADIENT_NORM)

    def _update(self, optimizer: torch.optim.Optimizer, scaler: torch.amp.GradScaler) -> None:
        scaler.step(optimizer)
        scaler.update()
        with torch.no_grad():
            self.network.head.logit_scale.clamp_(max=_MAX_LOGIT_SCALE)

    def _save(
        self, step: int, optimizer: torch.optim.Optimizer, scaler: torch.amp.GradScaler
    ) -> Path:
        sampling = SamplingSpec(frames=self.config.frames, rate_fps=self.config.rate_fps)
        checkpoint = Checkpoint(
            model=self.network.config,
            labels=self.dataset.labels,
            sampling=sampling,
            origin=self.origin,
            step=step,
        )
        return self.run.save(checkpoint, self.network, optimizer, scaler)


class BatchTexts:
    """The classes' text embeddings, step by step.

    Where a label's name and text differ (an ambiguous text), steps take turns between the two, so
    that the network learns both. A frozen text tower is run once.
    """

    def __init__(self, labels: Sequence[Label], network: STZSAR, *, train_text: bool) -> None:
        device = network.head.logit_scale.device
        named = [dataclasses.replace(label, text=label.name) for label in labels]
        wordings = [list(labels)] if named == list(labels) else [list(labels), named]
        self._texts = [
            LabelTexts(wording, network.config, network.tokenizer_json).to(device)
            for wording in wordings
        ]
        self._fixed = None if train_text else [texts.embeddings(network) for texts in self._texts]

    def bank(self, network: STZSAR, classes: Tensor, step: int) -> Bank:
        """Return the bank of `classes` at `step`."""
        turn = step % len(self._texts)
        if self._fixed is None:
            return self._texts[turn].bank(network, classes)
        return self._texts[turn].fixed_bank(self._fixed[turn], classes)
