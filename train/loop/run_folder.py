"""The folder of a run: its configuration, checkpoints and losses on disk.

runs/<name>/config.json             TrainConfig
clips.sha256            which clips it trains on, in which order, and how many
metrics.jsonl           one line a step, and one for each validation
tensorboard/            the same, for TensorBoard
accuracy.json           what the network is worth at the end
checkpoints/step-000100 see models.checkpoint, and training.safetensors: the optimiser's moments,
                        and the weights themselves where the checkpoint has their average
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
from ...runtime.atomic import written_whole
from ...runtime.errors import BundleError, SourceError
from ..config import CONFIG, TrainConfig
from .accuracy import Accuracy
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

    def checkpoint(self, step: int) -> Path:
        """The folder of the checkpoint after `step` steps."""
        return self.path / "checkpoints" / f"step-{step:06d}"

    def begin(self, config: TrainConfig) -> None:
        """Make the folder, with the configuration that every later start of the run takes."""
        if not (self.path / CONFIG).exists():
            self.path.mkdir(parents=True, exist_ok=True)
            config.save(self.path)

    def hold_to(self, fingerprint: str, count: int) -> None:
        """Hold the run to the clips that it began with, which the first start writes down.

        A step's clips are numbers in the order of all: with others, a resumed run is another run.

        Args:
            fingerprint: of the clips in their order.
            count: how many they are.

        Raises:
            SourceError: it began with others.
        """
        record = self.path / _CLIPS
        if not record.exists():  # also of runs that began before there was this file
            record.write_text(f"{fingerprint}  {count} clips\n", encoding="utf-8")
            return
        was, _, clips = record.read_text(encoding="utf-8").strip().partition("  ")
        if was != fingerprint:
            raise SourceError(
                f"{self.path} began with {clips}, and now there are {count}, which are not the "
                "same: bring those back, or start a new run."
            )

    def save(self, checkpoint: Checkpoint, state: TrainState) -> Path:
        """Write a checkpoint that training can go on from, and drop the oldest ones."""
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
                for name, value in _learning(state).items():
                    tensors[_RAW + name] = value.detach().contiguous()
            (folder / _TRAINING).write_bytes(safetensors.torch.save(tensors, extra))
        self._drop_old()
        return target

    def restore(self, folder: Path, state: TrainState) -> None:
        """Load weights and training state from the checkpoint `folder`.

        Raises:
            BundleError: the checkpoint cannot be used, or holds no training state.
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
                    for name, parameter in _learning(state).items():
                        parameter.copy_(raw[name])
        except (
            OSError, safetensors.SafetensorError, ValueError, KeyError, TypeError, RuntimeError,
        ) as error:  # fmt: skip
            raise BundleError(f"{folder} cannot be resumed: {error}.") from error
        if scale:  # else the run so far needed none, and the scaler begins at its start
            state.scaler.load_state_dict(scale)
        state.step = step_of(folder)

    def note(self, accuracies: Mapping[str, Accuracy]) -> None:
        """Write what the network is worth, on each of the tests that are named."""
        document = {name: dataclasses.asdict(found) for name, found in accuracies.items()}
        (self.path / "accuracy.json").write_text(json.dumps(document, indent=1) + "\n")

    def forget_after(self, step: int) -> None:
        """Drop the losses of steps that a resumed run takes again, and lines that are none."""
        if not self.metrics.exists():
            return
        # Of a machine that lost its power the file may hold anything.
        text = self.metrics.read_text(encoding="utf-8", errors="replace")
        lines = [line for line in text.split("\n")[:-1] if _is_before(step, line)]
        self.metrics.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")

    def _drop_old(self) -> None:
        for folder in sorted((self.path / "checkpoints").glob("step-*"), key=step_of)[:-_KEEP]:
            shutil.rmtree(folder)


def _is_before(step: int, line: str) -> bool:
    """Whether `line` is of a step before `step`; what is no line of metrics is of none."""
    try:
        return bool(json.loads(line)["step"] < step)
    except (ValueError, TypeError, KeyError):
        return False


def _learning(state: TrainState) -> dict[str, torch.nn.Parameter]:
    """Return the parameters that learn, by name: all others are those of the average."""
    return {name: p for name, p in state.network.named_parameters() if p.requires_grad}


def newest_run(root: Path) -> Path | None:
    """Return the run below `root` that was trained last, or None, with a checkpoint or without.

    A folder with checkpoints and no configuration, such as an interpolated one, is no run.
    """
    runs = [path.parent for path in root.glob(f"**/{CONFIG}")]
    return max(runs, key=_last_change, default=None)


def newest_trained_run(root: Path) -> Path | None:
    """Return the run below `root` whose checkpoint was written last, or None.

    Checkpoints that training cannot go on from, such as interpolated ones, do not count.
    """
    newest = newest_checkpoint(root, beside=_TRAINING)
    return None if newest is None else newest.parent.parent


def _last_change(run: Path) -> int:
    """Return when the run began or took its last step, whichever came later, in ns."""
    files = (run / name for name in (CONFIG, _METRICS))
    return max(file.stat().st_mtime_ns for file in files if file.exists())
