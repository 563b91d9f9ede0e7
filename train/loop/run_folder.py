"""The folder of a run: its configuration, checkpoints and losses on disk.

config.json             TrainConfig
clips.sha256            hash of the clips and their order, and their number
metrics.jsonl           one line a step, and one for each validation
tensorboard/            the same, for TensorBoard
accuracy.json           the accuracy at the end
checkpoints/step-000100 see models.checkpoint, and training.safetensors: the optimiser's moments,
                        and the raw weights if the checkpoint has their average
"""

import dataclasses
import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import safetensors
import safetensors.torch
import torch

from ...models.checkpoint import (
    Checkpoint,
    load_weights,
    newest_checkpoint,
    save_checkpoint,
    step_of,
)
from ...runtime.atomic import write_file, written_whole
from ...runtime.errors import BundleError, SourceError
from ..config import CONFIG, TrainConfig
from .accuracy import HitRates
from .state import TrainState

_TRAINING = "training.safetensors"
_METRICS = "metrics.jsonl"
_CLIPS = "clips.sha256"
_RAW = "raw."
_KEEP = 2


@dataclass(frozen=True)
class RunFolder:
    """A run's folder."""

    path: Path

    @property
    def metrics(self) -> Path:
        """The file of losses, one JSON line a step."""
        return self.path / _METRICS

    @property
    def tensorboard(self) -> Path:
        """The folder that TensorBoard reads."""
        return self.path / "tensorboard"

    @property
    def newest(self) -> Path | None:
        """The last complete checkpoint, or None."""
        return newest_checkpoint(self.path / "checkpoints")

    def checkpoint(self, step: int) -> Path:
        """Return the folder of the checkpoint after `step` steps."""
        return self.path / "checkpoints" / f"step-{step:06d}"

    def begin(self, config: TrainConfig) -> None:
        """Create the folder with the run's configuration, unless it exists."""
        if not (self.path / CONFIG).exists():
            self.path.mkdir(parents=True, exist_ok=True)
            config.save(self.path)

    def check_clips(self, fingerprint: str, count: int) -> None:
        """Check that the clips are those the run started with; the first start records them.

        A step's clips are indices into all: with others, a resumed run would be another run.

        Args:
            fingerprint: hash of the clips and their order.
            count: their number.

        Raises:
            SourceError: the clips have changed.
        """
        record = self.path / _CLIPS
        if not record.exists():  # or an older run, which has no such file
            record.write_text(f"{fingerprint}  {count} clips\n", encoding="utf-8")
            return
        recorded, _, clips = record.read_text(encoding="utf-8").strip().partition("  ")
        if recorded != fingerprint:
            raise SourceError(
                f"{self.path} started with {clips}, which differ from the {count} that are there "
                "now: restore them, or start a new run."
            )

    def save(self, checkpoint: Checkpoint, state: TrainState) -> Path:
        """Write a checkpoint that training can resume from, and delete the oldest ones."""
        target = self.checkpoint(checkpoint.step)
        with written_whole(target) as folder:
            save_checkpoint(folder, checkpoint, state.kept)
            moments = state.optimizer.state_dict()["state"]
            tensors = {
                f"{index}.{key}": value.contiguous()
                for index, values in moments.items()
                for key, value in values.items()
            }
            extra = {"scaler": json.dumps(state.scaler.state_dict())}
            if state.average is not None:
                extra["averaged"] = str(int(state.average.n_averaged))
                for name, value in _trainable(state).items():
                    tensors[_RAW + name] = value.detach().contiguous()
            (folder / _TRAINING).write_bytes(safetensors.torch.save(tensors, extra))
        for old in sorted(target.parent.glob("step-*"), key=step_of)[:-_KEEP]:
            shutil.rmtree(old)
        return target

    def restore(self, folder: Path, state: TrainState) -> None:
        """Load weights and training state from the checkpoint `folder`.

        Raises:
            BundleError: the checkpoint is corrupt, or has no training state.
        """
        load_weights(folder, state.network)
        document = state.optimizer.state_dict()
        raw = {}
        try:
            with safetensors.safe_open(folder / _TRAINING, "pt") as file:
                for name in file.keys():  # noqa: SIM118
                    if name.startswith(_RAW):
                        raw[name.removeprefix(_RAW)] = file.get_tensor(name)
                        continue
                    index, key = name.split(".")
                    document["state"].setdefault(int(index), {})[key] = file.get_tensor(name)
                notes = file.metadata()
            scale = json.loads(notes["scaler"])
            state.optimizer.load_state_dict(document)
            if state.average is not None:
                state.kept.load_state_dict(state.network.state_dict())
                state.average.n_averaged.fill_(int(notes["averaged"]))
                with torch.no_grad():
                    for name, parameter in _trainable(state).items():
                        parameter.copy_(raw[name])
        except (
            OSError, safetensors.SafetensorError, ValueError, KeyError, TypeError, RuntimeError,
        ) as error:  # fmt: skip
            raise BundleError(f"{folder} cannot be resumed: {error}.") from error
        if scale:  # empty unless training is in fp16
            state.scaler.load_state_dict(scale)
        state.step = step_of(folder)

    def note(self, results: Mapping[str, HitRates]) -> None:
        """Write the accuracy on each of the run's tests."""
        document = {name: dataclasses.asdict(rates) for name, rates in results.items()}
        write_file(self.path / "accuracy.json", json.dumps(document, indent=1) + "\n")

    def forget_after(self, step: int) -> None:
        """Delete the losses of steps that a resumed run repeats, and corrupt lines."""
        if not self.metrics.exists():
            return
        # After a power cut the file may hold anything.
        text = self.metrics.read_text(encoding="utf-8", errors="replace")
        lines = [line for line in text.split("\n")[:-1] if _is_before(step, line)]
        write_file(self.metrics, "".join(f"{line}\n" for line in lines))


def _is_before(step: int, line: str) -> bool:
    """Whether `line` belongs to a step before `step`; corrupt lines do not."""
    try:
        return bool(json.loads(line)["step"] < step)
    except (ValueError, TypeError, KeyError):
        return False


def _trainable(state: TrainState) -> dict[str, torch.nn.Parameter]:
    """Return the trainable parameters by name; the average has the same values of all others."""
    return {name: p for name, p in state.network.named_parameters() if p.requires_grad}


def newest_run(root: Path) -> Path | None:
    """Return the run below `root` that was trained last, or None; it may have no checkpoint.

    A folder without configuration, such as an interpolated one, does not count.
    """
    runs = [path.parent for path in root.glob(f"**/{CONFIG}")]
    return max(runs, key=_last_change, default=None)


def newest_trained_run(root: Path) -> Path | None:
    """Return the run below `root` whose checkpoint was written last, or None.

    Checkpoints that training cannot resume from, such as interpolated ones, do not count.
    """
    newest = newest_checkpoint(root, beside=_TRAINING)
    return None if newest is None else newest.parent.parent


def _last_change(run: Path) -> int:
    """Return the time of the run's start or last step, whichever came later, in ns."""
    files = (run / name for name in (CONFIG, _METRICS))
    return max(file.stat().st_mtime_ns for file in files if file.exists())
