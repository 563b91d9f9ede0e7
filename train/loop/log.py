"""What a run says while it goes: a progress bar, TensorBoard, and one JSON line a step."""

import json
import time
from collections.abc import Iterable, Iterator
from types import TracebackType
from typing import Any, Protocol

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from ...runtime.terminal.commandline import console
from ..data.dataset import NotedBatches
from .accuracy import Accuracy
from .run_folder import RunFolder


class Log(Protocol):
    """What hears of a run."""

    def step(self, step: int, *, loss: float, learning_rate: float, scale: float) -> None:
        """Record one optimiser step (counted from 0)."""

    def validated(self, step: int, found: Accuracy) -> None:
        """Record what the network was worth after `step`."""

    def watched(self, batches: NotedBatches) -> Iterable[Any]:
        """Show how far a validation is."""
        ...


class Silence:
    """The log of all processes but one: it hears and says nothing."""

    def step(self, step: int, *, loss: float, learning_rate: float, scale: float) -> None:
        """Drop it."""

    def validated(self, step: int, found: Accuracy) -> None:
        """Drop it."""

    def watched(self, batches: NotedBatches) -> Iterable[Any]:
        """Return the batches."""
        return batches


class TrainLog:
    """Records the steps of a run; a context manager, since it holds files and a progress bar.

    Args:
        run: where.
        start: steps taken before.
        steps: of the whole run.
        batch: clips of a step, of all processes together.
    """

    def __init__(self, run: RunFolder, *, start: int, steps: int, batch: int) -> None:
        from torch.utils.tensorboard.writer import SummaryWriter

        self._batch = batch
        self._metrics = run.metrics.open("a", encoding="utf-8", buffering=1)
        self._board = SummaryWriter(str(run.tensorboard), purge_step=start)
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[said]}"),
            TimeRemainingColumn(),
            console=console,
        )
        self._task = self._bar.add_task("training", total=steps, completed=start, said="")
        self._loss = 0.0
        self._accuracy = ""
        self._last = time.monotonic()

    def step(self, step: int, *, loss: float, learning_rate: float, scale: float) -> None:
        """Record one optimiser step (counted from 0)."""
        now = time.monotonic()
        speed = self._batch / max(now - self._last, 1e-9)
        self._last = now
        values = {"loss": loss, "learning_rate": learning_rate, "logit_scale": scale}
        self._write(step, values)
        for name, value in {**values, "clips_per_s": speed}.items():
            self._board.add_scalar(f"train/{name}", value, step)
        self._loss = loss if self._loss == 0 else 0.95 * self._loss + 0.05 * loss
        said = f"loss {self._loss:.3f}  {speed:.0f} clips/s{self._accuracy}"
        self._bar.update(self._task, completed=step + 1, said=said)

    def validated(self, step: int, found: Accuracy) -> None:
        """Record what the network was worth after `step`."""
        values = {"top1": found.top1, "top5": found.top5}
        self._write(step, {f"validation_{name}": value for name, value in values.items()})
        for name, value in values.items():
            self._board.add_scalar(f"validation/{name}", value, step)
        self._accuracy = f"  top-1 {found.top1:.1%}"
        self._last = time.monotonic()  # it is no part of the speed of training

    def watched(self, batches: NotedBatches) -> Iterator[Any]:
        """Show a bar over the batches of a validation."""
        task = self._bar.add_task("validating", total=len(batches), said="")
        try:
            for batch in batches:
                yield batch
                self._bar.advance(task)
        finally:
            self._bar.remove_task(task)

    def _write(self, step: int, values: dict[str, float]) -> None:
        self._metrics.write(json.dumps({"step": step, **values}) + "\n")

    def __enter__(self) -> "TrainLog":
        """Start the bar."""
        self._bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> Any:
        """Close what is open."""
        self._bar.stop()
        self._board.close()
        self._metrics.close()
