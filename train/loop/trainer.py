"""The training loop."""

import contextlib
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from ...models.checkpoint import Checkpoint, step_of
from ...models.stzsar import STZSAR
from ...models.transformer import has_batch_norm, recompute_activations
from ...runtime.bundle.manifest import SamplingSpec, WeightsOrigin
from ...runtime.errors import StzsarError
from ...runtime.terminal.commandline import say
from ...runtime.terminal.signals import StopSignals
from ..config import TrainConfig
from ..data.dataset import ClipDataset, StepSampler
from ..data.loader import loader, lost_worker
from .accuracy import HitRates, evaluate
from .log import SilentLog, TrainLog
from .objective import BatchTexts, Objective
from .optim import set_learning_rate
from .precision import Precision
from .processes import Processes, lost_others
from .run_folder import RunFolder
from .state import TrainState

_MAX_LOGIT_SCALE = math.log(100)
_MAX_GRADIENT_NORM = 1.0


class Trained(NamedTuple):
    checkpoint: Path  # the last one's folder
    network: STZSAR  # the network with its weights
    validated: HitRates | None  # its accuracy in the validation, or None without one


@dataclass(frozen=True, kw_only=True)
class Trainer:
    config: TrainConfig  # the run's configuration
    dataset: ClipDataset  # the training clips
    network: STZSAR  # the network to train, on its device
    origin: WeightsOrigin  # the origin of its weights, for checkpoints
    run: RunFolder  # the run's folder
    precision: Precision  # of the towers, on the network's device
    processes: Processes | None = None  # those of the run; None is this one alone
    validation: ClipDataset | None = None  # clips to test on during training, or None
    seen_bias: float | None = None  # see `Checkpoint`
    whole_run: RunFolder | None = None  # the run that this one is a part of, which a user resumes

    @property
    def together(self) -> Processes:
        """The processes of the run, never None."""
        return self.processes or Processes(self.precision.device)

    def train(self) -> Trained:
        """Train from the newest checkpoint of the run, if it has one.

        Raises:
            StzsarError: the loss is not finite, the GPU is out of memory, or the processes see
                different files.
        """
        together = self.together
        if self.config.checkpoint_activations:
            recompute_activations(self.network)
        state = self._begin()
        start = state.step
        signals = StopSignals(patient=together.count > 1)
        with self._log(start) as log, signals:
            try:
                validated = self._steps(state, log, signals)
            except torch.OutOfMemoryError as error:
                raise StzsarError(
                    f"{str(error).splitlines()[0]} {self._how_to_save_memory()}"
                ) from error
            except BaseException as error:
                signals.end_has_begun()
                stopped = isinstance(error, KeyboardInterrupt | SystemExit)
                keeps_state = stopped or lost_others(error) or lost_worker(error)
                if keeps_state and state.is_whole and state.step > start:
                    self._save(state)
                if stopped:
                    self._say_how_to_resume()
                if stopped and together.count > 1:
                    together.wait()  # torchrun kills the others when the first ends
                raise
            if self.validation is not None and validated is None:
                validated = self._validate(state, log)
        return Trained(self._save(state), state.kept, validated)

    def _say_how_to_resume(self) -> None:
        newest = self.run.newest
        if newest is None:
            say("No step was finished, so nothing is saved.")
            return
        say(
            f"Step {step_of(newest)} of {self.config.steps} is saved. To go on: "
            f"stzsar-train --resume {(self.whole_run or self.run).path}"
        )

    def _how_to_save_memory(self) -> str:
        """Return the options that are left to try; none of them works with --resume."""
        config = self.config
        ways = []
        if not (config.checkpoint_activations or has_batch_norm(self.network)):
            ways.append("--checkpoint-activations, which computes blocks twice")
        parts = 2 * config.accumulate
        if config.batch % (parts * self.together.count) == 0 and config.batch > parts:
            ways.append(f"--accumulate {parts}")
        ways.append(f"a --batch below {config.batch}")
        return f"Start a new run with {', or with '.join(ways)}."

    def _begin(self) -> TrainState:
        state = TrainState.begin(self.network, self.config, self.precision)
        # Only data sets of files can change.
        clips: str | None = getattr(self.dataset, "fingerprint", None)
        self.together.agree("clips", (len(self.dataset), self.dataset.labels, clips))
        if clips is not None and self.together.is_first:
            self.run.check_clips(clips, len(self.dataset))
        self.run.restore(state)
        self.together.agree("checkpoints", state.step)
        if self.together.is_first:
            self.run.forget_after(state.step)
        return state

    def _log(self, start: int) -> SilentLog:
        if not self.together.is_first:
            return SilentLog()
        config = self.config
        return TrainLog(self.run, start=start, steps=config.steps, batch=config.batch)

    def _steps(self, state: TrainState, log: SilentLog, signals: StopSignals) -> HitRates | None:
        """Take the remaining steps; return the accuracy after the last, if it was tested."""
        config, together = self.config, self.together
        texts = BatchTexts(self.dataset.labels, self.network, train_text=config.train_text)
        objective = Objective(self.network, texts, together, config.loss)
        model = together.parallel(objective, some_unused=objective.has_unused)
        sampler = StepSampler(
            len(self.dataset), config.batch, config.seed, state.step, config.steps,
            parts=config.accumulate, rank=together.rank, count=together.count,
        )  # fmt: skip
        parts: Iterator[tuple[Tensor, Tensor]] = iter(
            loader(self.dataset, sampler, workers=config.workers or 0)
        )
        validated = None
        self.network.train()
        while state.step < config.steps:
            set_learning_rate(state.optimizer, config, state.step)
            state.optimizer.zero_grad(set_to_none=True)
            loss = sum(
                self._part(model, next(parts), state, is_last=part + 1 == config.accumulate)
                for part in range(config.accumulate)
            )
            self._update(state)
            log.step(
                state.step - 1,
                loss=loss,
                learning_rate=state.optimizer.param_groups[-1]["lr"],
                scale=self.network.head.logit_scale.exp().item(),
            )
            validated = None
            if self.validation is not None and state.step % config.validate_every == 0:
                validated = self._validate(state, log)
            if state.step % config.checkpoint_every == 0 and state.step < config.steps:
                self._save(state)
            signals.raise_for(together.largest(signals.number))
        return validated

    def _part(
        self,
        model: nn.Module,
        clips: tuple[Tensor, Tensor],
        state: TrainState,
        *,
        is_last: bool,
    ) -> float:
        """Add the gradients of one part of a step, and return its share of the loss."""
        frames, classes = (value.to(self.precision.device) for value in clips)
        # Processes exchange the accumulated gradients once, with the last part.
        local = isinstance(model, DistributedDataParallel) and not is_last
        with model.no_sync() if local else contextlib.nullcontext():  # type: ignore[union-attr]
            loss = model(frames, classes, state.step)
            if not torch.isfinite(loss):
                raise StzsarError(
                    f"The loss is {loss.item()} at step {state.step}: start a new run with a lower "
                    "--learning-rate, or with --precision fp32."
                )
            loss = loss / self.config.accumulate
            state.scaler.scale(loss).backward()
        return loss.item()

    def _update(self, state: TrainState) -> None:
        state.scaler.unscale_(state.optimizer)
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), _MAX_GRADIENT_NORM)
        state.update(highest_logit_scale=_MAX_LOGIT_SCALE)

    def _validate(self, state: TrainState, log: SilentLog) -> HitRates:
        assert self.validation is not None
        rates = evaluate(
            state.kept,
            self.validation,
            self.validation.labels,
            workers=self.config.workers or 0,
            processes=self.together,
            watch=log.watch,
        )
        self.network.train()
        if self.config.keep_best and self.together.is_first:
            best = self.run.best_validation()
            if best is None or rates.top1 > best.top1:
                self.run.save_best(self._describe(state), state)
        log.validated(state.step - 1, rates)
        return rates

    def _save(self, state: TrainState) -> Path:
        if not self.together.is_first:
            return self.run.checkpoint(state.step)
        return self.run.save(self._describe(state), state)

    def _describe(self, state: TrainState) -> Checkpoint:
        return Checkpoint(
            model=self.network.config,
            labels=self.dataset.labels,
            sampling=SamplingSpec(frames=self.config.frames, rate_fps=self.config.rate_fps),
            origin=self.origin,
            step=state.step,
            seen_bias=self.seen_bias,
        )
