"""Measures how far training puts the logits of its classes above those of new ones.

Two rehearsals, short trainings of the same kind, each leave out a quarter of the classes. The bias
is the number that balances clips of the left-out and of the other classes, all of which no
rehearsal trained on. So classes of a test play no part in it.
"""

import dataclasses
import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch

from ..models.label_texts import embed_labels, to_tensors
from ..models.stzsar import STZSAR
from ..runtime.atomic import write_file
from ..runtime.bundle.manifest import MAX_SEEN_BIAS, WeightsOrigin
from ..runtime.documents import MIB, from_json, read_file
from ..runtime.errors import StzsarError
from ..runtime.labels.labels import Label
from ..runtime.terminal.commandline import say
from .config import TrainConfig
from .data.dataset import LEFT_OUT, ClipDataset, ClipRequest, Example, ListedClips
from .loop.accuracy import TEST_BATCH
from .loop.precision import Precision
from .loop.processes import Processes
from .loop.run_folder import RunFolder
from .loop.trainer import Trainer
from .seen_curve import SeenCurve, best_bias

FOLDS = 2
_LEFT_OUT_SHARE = 4  # one of four classes
_TESTED = 20  # clips of a class, at most, and at most a fifth of them
_RECORD = "seen-bias.json"
_REHEARSALS = ".seen-bias"  # hidden, so that no command takes a rehearsal for a run

MakeNetwork = Callable[[], tuple[STZSAR, WeightsOrigin]]


@dataclass(frozen=True, kw_only=True)
class BiasMeasurement:
    """What a measurement is made of: a run's configuration, clips and first network.

    Attributes:
        config: the run's, with `rehearsal_steps` above 0.
        dataset: the training clips.
        tested: the same clips as an evaluation reads them.
        make_network: builds the network that the run starts from.
        run: the run's folder.
        precision: of the towers, on the network's device.
        processes: those of the run.
    """

    config: TrainConfig
    dataset: ListedClips
    tested: ClipDataset
    make_network: MakeNetwork
    run: RunFolder
    precision: Precision
    processes: Processes

    def bias(self) -> float | None:
        """Return the bias, measured now or when the run first started; None with few classes."""
        record = self.run.path / _RECORD
        if record.exists():
            return from_json(read_file(record, MIB), dict[str, float])["bias"]
        if len(self.dataset.labels) < 2 * _LEFT_OUT_SHARE:
            say(f"{len(self.dataset.labels)} classes are too few to measure the bias towards them.")
            return None
        classes = np.asarray([self.dataset.class_of(clip) for clip in range(len(self.dataset))])
        curves = [self._rehearse(fold, classes) for fold in range(FOLDS)]
        if not all(curve.has_both for curve in curves):
            say("There are too few clips to measure the bias towards the classes.")
            return None
        bias = round(min(best_bias(curves), MAX_SEEN_BIAS), 3)
        plain, balanced = (np.mean([c.harmonic(b) for c in curves]) for b in (0, bias))
        say(
            f"Training prefers its classes by {bias:.2f} logits. Without this bias, the harmonic "
            f"mean on trained and left-out classes is {balanced:.1%} instead of {plain:.1%}."
        )
        if self.processes.is_first:
            write_file(record, json.dumps({"bias": bias}) + "\n")
            shutil.rmtree(self.run.path / _REHEARSALS, ignore_errors=True)
        self.processes.wait()
        return bias

    def _rehearse(self, fold: int, classes: np.ndarray) -> SeenCurve:
        """Train without a quarter of the classes, and return the curve on clips it never saw."""
        count = len(self.dataset.labels)
        order = np.random.default_rng([self.config.seed, 1]).permutation(count)
        seen = ~np.isin(np.arange(count), order[fold::_LEFT_OUT_SHARE])
        tested = _tested_clips(classes, count)
        trained = np.setdiff1d(np.flatnonzero(seen[classes]), tested)
        say(f"Measuring the bias towards trained classes, {fold + 1} of {FOLDS}.")
        network, origin = self.make_network()
        network.to(self.precision.device)
        config = dataclasses.replace(
            self.config, steps=self.config.rehearsal_steps, validate=None, validate_labels=None,
            keep_best=False, warmup_steps=None,
        )  # fmt: skip
        folder = self.run.path / _REHEARSALS / f"fold-{fold + 1}"
        folder.mkdir(parents=True, exist_ok=True)
        kept = np.flatnonzero(seen)
        result = Trainer(
            config=config,
            dataset=_SomeClasses(self.dataset, trained, kept),
            network=network,
            origin=origin,
            run=RunFolder(folder),
            whole_run=self.run,
            precision=self.precision,
            processes=self.processes,
        ).train()
        logits, truth = _logits(result.network, self.tested, tested)
        return SeenCurve.of(logits, truth, seen)


class _SomeClasses:
    """The clips of some classes of a data set, under their new rows."""

    def __init__(self, dataset: ListedClips, clips: np.ndarray, rows: np.ndarray) -> None:
        self._dataset, self._clips = dataset, clips
        self._row_of = {int(row): place for place, row in enumerate(rows)}
        self.labels: tuple[Label, ...] = tuple(dataset.labels[row] for row in rows)

    def __len__(self) -> int:
        return len(self._clips)

    def class_of(self, clip: int) -> int:
        return self._row_of[self._dataset.class_of(int(self._clips[clip]))]

    def __getitem__(self, request: ClipRequest) -> Example:
        whole = self._dataset[request._replace(clip=int(self._clips[request.clip]))]
        # A broken file is replaced by the next one, perhaps of a class that is left out.
        row = self._row_of.get(whole.label)
        return self[ClipRequest((request.clip + 1) % len(self), request.draw)] if row is None else (
            Example(whole.frames, row)
        )  # fmt: skip


def _tested_clips(classes: np.ndarray, count: int) -> np.ndarray:
    """Return the last clips of each class, ascending."""
    chosen = []
    for row in range(count):
        clips = np.flatnonzero(classes == row)
        chosen.append(clips[len(clips) - min(_TESTED, len(clips) // 5) :])
    return np.sort(np.concatenate(chosen))


@torch.no_grad()
def _logits(
    network: STZSAR, dataset: ClipDataset, clips: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return the logits [N, C] of clips among all classes of their data set, and classes [N]."""
    network.eval()
    device = network.head.logit_scale.device
    bank = to_tensors(embed_labels(network, dataset.labels), device)
    logits, truth = [], []
    for start in range(0, len(clips), TEST_BATCH):
        read = [dataset[ClipRequest(int(c), int(c))] for c in clips[start : start + TEST_BATCH]]
        read = [example for example in read if example.label != LEFT_OUT]
        if read:
            frames = torch.stack([example.frames for example in read]).to(device)
            logits.append(network(frames, bank).float().cpu().numpy())
            truth += [example.label for example in read]
    if not truth:
        raise StzsarError("No clip to measure the bias with gives frames: convert the clips.")
    return np.concatenate(logits), np.asarray(truth)
