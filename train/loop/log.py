"""What a run reports as it trains: a progress bar, TensorBoard, and one JSON line a step."""

import io
import json
import time
from collections.abc import Iterable, Iterator
from typing import Any

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from ...runtime.documents import open_to_append
from ...runtime.terminal.commandline import console
from ..data.loader import ReportingLoader
from .accuracy import HitRates
from .run_folder import RunFolder


class SilentLog:
    """The log of all processes but the first, and the interface of the other."""

    def step(self, step: int, *, loss: float, learning_rate: float, scale: float) -> None:
        """Record one optimiser step (counted from 0)."""

    def validated(self, step: int, rates: HitRates) -> None:
        """Record the accuracy after `step`."""

    def watch(self, batches: ReportingLoader) -> Iterable[Any]:
        """Iterate over the batches of a validation and show progress."""
        return batches

    def __enter__(self) -> "SilentLog":
        return self

    def __exit__(self, *_: object) -> None:
        """Close what is open."""


class TrainLog(SilentLog):
    """Records the steps of a run, of which `start` were taken before, in files and in a bar."""

    def __init__(self, run: RunFolder, *, start: int, steps: int, batch: int) -> None:
        from torch.utils.tensorboard.writer import SummaryWriter

        self._batch = batch
        self._metrics = io.TextIOWrapper(
            open_to_append(run.metrics), encoding="utf-8", line_buffering=True
        )
        self._board = SummaryWriter(str(run.tensorboard), purge_step=start)
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[status]}"),
            TimeRemainingColumn(),
            console=console,
        )
        self._task = self._bar.add_task("training", total=steps, completed=start, status="")
        self._loss = 0.0
        self._accuracy = ""
        self._last = time.monotonic()

    def step(self, step: int, *, loss: float, learning_rate: float, scale: float) -> None:
        now = time.monotonic()
        speed = self._batch / max(now - self._last, 1e-9)
        self._last = now
        values = {"loss": loss, "learning_rate": learning_rate, "logit_scale": scale}
        self._write(step, values)
        for name, value in {**values, "clips_per_s": speed}.items():
            self._board.add_scalar(f"train/{name}", value, step)
        self._loss = loss if self._loss == 0 else 0.95 * self._loss + 0.05 * loss
        status = f"loss {self._loss:.3f}  {speed:.0f} clips/s{self._accuracy}"
        self._bar.update(self._task, completed=step + 1, status=status)

    def validated(self, step: int, rates: HitRates) -> None:
        values = {"top1": rates.top1, "top5": rates.top5}
        self._write(step, {f"validation_{name}": value for name, value in values.items()})
        for name, value in values.items():
            self._board.add_scalar(f"validation/{name}", value, step)
        self._accuracy = f"  top-1 {rates.top1:.1%}"
        self._last = time.monotonic()  # the speed of training does not include it

    def watch(self, batches: ReportingLoader) -> Iterator[Any]:
        task = self._bar.add_task("validating", total=len(batches), status="")
        try:
            yield from self._bar.track(batches, task_id=task)
        finally:
            self._bar.remove_task(task)

    def _write(self, step: int, values: dict[str, float]) -> None:
        self._metrics.write(json.dumps({"step": step, **values}) + "\n")

    def __enter__(self) -> "TrainLog":
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()
        self._board.close()
        self._metrics.close()
