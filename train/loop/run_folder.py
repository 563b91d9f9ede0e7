"""The folder of a run: its configuration, checkpoints and losses on disk.

config.json             TrainConfig
clips.sha256            hash of the clips and their order, and their number
metrics.jsonl           one line a step, and one for each validation
tensorboard/            the same, for TensorBoard
accuracy.json           the accuracy at the end
.lock                   locked while a process trains the run
checkpoints/best        the checkpoint of the best validation, with --keep-best
checkpoints/step-000100 see models.checkpoint, and training.safetensors: the optimiser's moments,
                        and the raw weights if the checkpoint has their average
"""

import contextlib
import dataclasses
import fcntl
import json
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import torch
from msgspec import Struct

from ...models.checkpoint import (
    Checkpoint,
    load_weights,
    newest_checkpoint,
    read_checkpoint,
    save_checkpoint,
    step_of,
)
from ...models.tensor_file import load_tensors, save_tensors
from ...runtime.atomic import remove_leftovers, write_file, written_whole
from ...runtime.documents import (
    MIB,
    Count,
    DocumentError,
    from_json,
    open_to_append,
    read_file,
)
from ...runtime.errors import BundleError, SourceError, StzsarError
from ...runtime.terminal.commandline import log, say
from ..config import CONFIG, TrainConfig
from .accuracy import HitRates
from .state import TrainState

_TRAINING = "training.safetensors"
_METRICS = "metrics.jsonl"
_CLIPS = "clips.sha256"
_ACCURACY = "accuracy.json"
_LOCK = ".lock"
_RAW = "raw."
_KEEP = 2
_MOMENTS = ("step", "exp_avg", "exp_avg_sq")  # of AdamW, for each parameter
_MAX_BYTES = 1024 * MIB


class Validation(NamedTuple):
    step: int
    top1: float


@dataclass(frozen=True)
class RunFolder:
    path: Path

    @property
    def metrics(self) -> Path:
        """The file of losses, one JSON line a step."""
        return self.path / _METRICS

    @property
    def tensorboard(self) -> Path:
        return self.path / "tensorboard"

    @property
    def newest(self) -> Path | None:
        """The checkpoint of the last step, or None."""
        return next(iter(self.checkpoints), None)

    @property
    def best(self) -> Path:
        """The folder of the checkpoint of the best validation, which --keep-best writes."""
        return self.path / "checkpoints" / "best"

    @property
    def checkpoints(self) -> list[Path]:
        """The checkpoints that training can resume from, the last one first."""
        found = (self.path / "checkpoints").glob("step-*")
        return sorted(found, key=step_of, reverse=True)

    def checkpoint(self, step: int) -> Path:
        return self.path / "checkpoints" / f"step-{step:06d}"

    @contextlib.contextmanager
    def opened(self, config: TrainConfig) -> Iterator[None]:
        """Create the folder and hold it for this process, with its configuration.

        Raises:
            StzsarError: another process trains this run.
        """
        self.path.mkdir(parents=True, exist_ok=True)
        with open_to_append(self.path / _LOCK) as lock:
            try:
                # Held by this process alone, not by its workers, and never by a dead one.
                fcntl.lockf(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except (BlockingIOError, PermissionError) as error:
                raise StzsarError(
                    f"Another process is training {self.path}: wait for its end, or stop it first."
                ) from error
            except OSError as error:
                log.warning(
                    "%s cannot be locked (%s): start no second process on it.",
                    self.path,
                    error.strerror,
                )
            self._remove_leftovers()
            config.save(self.path)
            yield

    def _remove_leftovers(self) -> None:
        """Remove the temporary files and folders of processes that were killed."""
        for name in (CONFIG, _METRICS, _CLIPS, _ACCURACY):
            remove_leftovers(self.path / name)
        for hidden in (self.path / "checkpoints").glob(".*.*"):
            remove_leftovers(hidden.with_name(hidden.name[1:].rpartition(".")[0]))

    def check_clips(self, fingerprint: str, count: int) -> None:
        """Check clips, by the hash of their order, against the run's; its first start records them.

        A step's clips are indices into all: with others, a resumed run would be another run.

        Raises:
            SourceError: the clips have changed.
        """
        record = self.path / _CLIPS
        if not record.exists():  # or an older run, which has no such file
            write_file(record, f"{fingerprint}  {count} clips\n")
            return
        recorded, _, clips = _text_of(record).strip().partition("  ")
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
                f"{index}.{key}": value
                for index, values in moments.items()
                for key, value in values.items()
            }
            notes = {"scaler": json.dumps(state.scaler.state_dict())}
            if state.average is not None:
                notes["averaged"] = str(int(state.average.n_averaged))
                tensors |= {_RAW + name: value for name, value in _trainable(state).items()}
            save_tensors(folder / _TRAINING, tensors, notes)
        for old in self.checkpoints[_KEEP:]:
            shutil.rmtree(old)
        return target

    def save_best(self, checkpoint: Checkpoint, state: TrainState) -> None:
        """Write the checkpoint of the best validation, which replaces the one before."""
        with written_whole(self.best) as folder:
            save_checkpoint(folder, checkpoint, state.kept)

    def restore(self, state: TrainState) -> None:
        """Load the last checkpoint that is intact, if the run has one.

        Raises:
            BundleError: all checkpoints are corrupt, or have no training state.
        """
        corrupt: list[BundleError] = []
        for folder in self.checkpoints:
            try:
                _load(folder, state)
            except BundleError as error:
                corrupt.append(error)
                continue
            if corrupt:
                say(f"{corrupt[0]} Resuming from the checkpoint before it, {folder}.")
            return
        if corrupt:
            raise corrupt[0]

    def best_validation(self) -> "Validation | None":
        """Return the first of the best validations so far, or None."""
        if not self.metrics.exists():
            return None
        rows = map(_row_of, _text_of(self.metrics).split("\n"))
        results = (
            Validation(row.step + 1, row.validation_top1)
            for row in rows
            if row is not None and row.validation_top1 is not None
        )
        return max(results, key=lambda result: result.top1, default=None)

    def note(self, results: Mapping[str, HitRates]) -> None:
        document = {name: dataclasses.asdict(rates) for name, rates in results.items()}
        write_file(self.path / _ACCURACY, json.dumps(document, indent=1) + "\n")

    def forget_after(self, step: int) -> None:
        """Delete the losses and checkpoints of steps that a resumed run repeats."""
        for folder in self.checkpoints:
            if step_of(folder) > step:
                shutil.rmtree(folder, ignore_errors=True)
        if not self.metrics.exists():
            return
        rows = [(line, _row_of(line)) for line in _text_of(self.metrics).split("\n")[:-1]]
        lines = [line for line, row in rows if row is not None and row.step < step]
        write_file(self.metrics, "".join(f"{line}\n" for line in lines))


class _Row(Struct):
    """What is read of a line of the losses."""

    step: Count
    validation_top1: float | None = None


def _row_of(line: str) -> _Row | None:
    """Return a line of the losses; after a power cut it may be anything."""
    try:
        return from_json(line, _Row)
    except DocumentError:
        return None


def _text_of(path: Path) -> str:
    return read_file(path, _MAX_BYTES).decode(errors="replace")


def _load(folder: Path, state: TrainState) -> None:
    read_checkpoint(folder)  # it describes the weights to all other commands
    load_weights(folder, state.network)
    tensors, notes = load_tensors(folder / _TRAINING)
    raw = {name: value for name, value in tensors.items() if name.startswith(_RAW)}
    document = state.optimizer.state_dict()
    try:
        for name in tensors.keys() - raw.keys():
            index, key = name.split(".")
            document["state"].setdefault(int(index), {})[key] = tensors[name]
        scale = from_json(notes["scaler"], dict[str, float])
        state.optimizer.load_state_dict(document)
        for parameter, moments in state.optimizer.state.items():
            shapes = {name: value.shape for name, value in moments.items()}
            if shapes != {name: (() if name == "step" else parameter.shape) for name in _MOMENTS}:
                raise ValueError("its moments are those of another network")
        if state.average is not None:
            state.kept.load_state_dict(state.network.state_dict())
            state.average.n_averaged.fill_(int(notes["averaged"]))
            with torch.no_grad():
                for name, parameter in _trainable(state).items():
                    parameter.copy_(raw[_RAW + name])
        if scale:  # empty unless training is in fp16
            state.scaler.load_state_dict(scale)
    except (ValueError, KeyError, TypeError, AttributeError, RuntimeError) as error:
        raise BundleError(f"{folder} cannot be resumed: {error}.") from error
    state.step = step_of(folder)


def _trainable(state: TrainState) -> dict[str, torch.nn.Parameter]:
    """Return the trainable parameters by name; the average has the same values of all others."""
    return {name: p for name, p in state.network.named_parameters() if p.requires_grad}


def run_of(checkpoint: Path) -> Path:
    """Return the run of a checkpoint, or its own folder without a run."""
    whole = checkpoint.resolve()
    return whole.parent.parent if whole.parent.name == "checkpoints" else whole


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
