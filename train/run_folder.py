"""The folder of a run: its configuration, checkpoints and losses on disk.

runs/<name>/config.json             TrainConfig
metrics.jsonl           one line a step
tensorboard/            the same, for TensorBoard
checkpoints/step-000100 see models.checkpoint, and training.safetensors
"""

import json
import shutil
from dataclasses import dataclass
from pathlib import Path

import safetensors
import safetensors.torch
import torch

from ..models.checkpoint import (
    Checkpoint,
    load_weights,
    newest_checkpoint,
    save_checkpoint,
    step_of,
)
from ..models.folder import written_whole
from ..models.stzsar import STZSAR
from ..runtime.errors import BundleError
from .config import CONFIG, TrainConfig

_TRAINING = "training.safetensors"
_METRICS = "metrics.jsonl"
_KEEP = 2


@dataclass(frozen=True)
class RunFolder:
    """A run's folder."""

    path: Path

    @property
    def metrics(self) -> Path:
        """The losses, one JSON line a step."""
        return self.path / _METRICS

    @property
    def tensorboard(self) -> Path:
        """The folder that TensorBoard reads."""
        return self.path / "tensorboard"

    @property
    def newest(self) -> Path | None:
        """The complete checkpoint of the last step, or None."""
        return newest_checkpoint(self.path / "checkpoints")

    def begin(self, config: TrainConfig) -> None:
        """Make the folder, with the configuration that every later start of the run takes."""
        if not (self.path / CONFIG).exists():
            self.path.mkdir(parents=True, exist_ok=True)
            config.save(self.path)

    def save(
        self,
        checkpoint: Checkpoint,
        network: STZSAR,
        optimizer: torch.optim.Optimizer,
        scaler: torch.amp.GradScaler,
    ) -> Path:
        """Write a checkpoint that training can go on from, and drop the oldest ones."""
        target = self.path / "checkpoints" / f"step-{checkpoint.step:06d}"
        with written_whole(target) as folder:
            save_checkpoint(folder, checkpoint, network)
            state = optimizer.state_dict()["state"]
            tensors = {
                f"{index}.{key}": value.contiguous()
                for index, values in state.items()
                for key, value in values.items()
            }
            extra = {"scaler": json.dumps(scaler.state_dict())}
            (folder / _TRAINING).write_bytes(safetensors.torch.save(tensors, extra))
        self._drop_old()
        return target

    def restore(
        self,
        folder: Path,
        network: STZSAR,
        optimizer: torch.optim.Optimizer,
        scaler: torch.amp.GradScaler,
    ) -> None:
        """Load weights and training state from the checkpoint `folder`.

        Raises:
            BundleError: the checkpoint cannot be used, or holds no training state.
        """
        load_weights(folder, network)
        document = optimizer.state_dict()
        try:
            with safetensors.safe_open(folder / _TRAINING, "pt") as file:
                for name in file.keys():  # noqa: SIM118
                    index, key = name.split(".")
                    document["state"].setdefault(int(index), {})[key] = file.get_tensor(name)
                scale = json.loads(file.metadata()["scaler"])
            optimizer.load_state_dict(document)
        except (OSError, safetensors.SafetensorError, ValueError, KeyError, TypeError) as error:
            raise BundleError(f"{folder} cannot be resumed: {error}.") from error
        if scale:  # else the run so far needed none, and the scaler begins at its start
            scaler.load_state_dict(scale)

    def forget_after(self, step: int) -> None:
        """Drop the losses of steps that a resumed run takes again."""
        if not self.metrics.exists():
            return
        lines = self.metrics.read_text(encoding="utf-8").splitlines(keepends=True)
        kept = [line for line in lines if line.endswith("\n") and json.loads(line)["step"] < step]
        self.metrics.write_text("".join(kept), encoding="utf-8")

    def _drop_old(self) -> None:
        for folder in sorted((self.path / "checkpoints").glob("step-*"), key=step_of)[:-_KEEP]:
            shutil.rmtree(folder)


def newest_run(root: Path) -> Path | None:
    """Return the run below `root` that was trained last, or None.

    Checkpoints that training cannot go on from, such as interpolated ones, do not count.
    """
    newest = newest_checkpoint(root, beside=_TRAINING)
    return None if newest is None else newest.parent.parent
