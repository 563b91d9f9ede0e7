"""What a run says while it goes: a progress bar, TensorBoard, and one JSON line a step."""

import json
import time
from types import TracebackType
from typing import Any

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from ..runtime.commandline import console
from .run_folder import RunFolder


class TrainLog:
    """Records the steps of a run; a context manager, since it holds files and a progress bar."""

    def __init__(self, run: RunFolder, *, start: int, steps: int, batch: int) -> None:
        from torch.utils.tensorboard.writer import SummaryWriter

        self._batch = batch
        self._metrics = run.metrics.open("a", encoding="utf-8", buffering=1)
        self._board = SummaryWriter(str(run.tensorboard), purge_step=start)
        self._bar = Progress(
            TextColumn("training"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("loss {task.fields[loss]:.3f}  {task.fields[speed]:.0f} clips/s"),
            TimeRemainingColumn(),
            console=console,
        )
        self._task = self._bar.add_task("train", total=steps, completed=start, loss=0.0, speed=0.0)
        self._loss = 0.0
        self._last = time.monotonic()

    def step(self, step: int, *, loss: float, learning_rate: float, scale: float) -> None:
        """Record one optimiser step (counted from 0)."""
        now = time.monotonic()
        speed = self._batch / max(now - self._last, 1e-9)
        self._last = now
        values = {"loss": loss, "learning_rate": learning_rate, "logit_scale": scale}
        self._metrics.write(json.dumps({"step": step, **values}) + "\n")
        for name, value in {**values, "clips_per_s": speed}.items():
            self._board.add_scalar(f"train/{name}", value, step)
        self._loss = loss if self._loss == 0 else 0.95 * self._loss + 0.05 * loss
        self._bar.update(self._task, completed=step + 1, loss=self._loss, speed=speed)

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
