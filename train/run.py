"""A run, from its configuration to its end."""

import contextlib
from collections.abc import Iterator

import torch
from rich.table import Table

from ..models.stzsar import STZSAR
from ..models.transformer import has_batch_norm
from ..runtime.errors import StzsarError
from ..runtime.terminal.commandline import console, say
from .assemble import find_clips, make_dataset, make_network
from .config import TrainConfig
from .data.dataset import lost_worker
from .data.videos import VideoFiles
from .loop.accuracy import Accuracy, evaluate_moving_shapes
from .loop.precision import Precision
from .loop.processes import Processes
from .loop.run_folder import RunFolder
from .loop.trainer import Trained, Trainer
from .loop.validation import validation_clips


def run_training(config: TrainConfig, run: RunFolder, processes: Processes) -> None:
    """Train as `config` says, test what came out, and say where it is.

    Raises:
        StzsarError: something that the configuration names cannot be used, or a process that
            makes clips was killed.
    """
    check_batch(config, processes)
    where = processes.device
    precision = Precision.choose(config.precision, where)
    torch.manual_seed(config.seed)
    clips = find_clips(config)
    network, origin = make_network(config)
    _check_recomputing(config, network)
    network.to(where)
    size_px = network.config.vision.image_px
    dataset = make_dataset(config, clips, size_px)
    validation = validation_clips(config, dataset.labels, size_px=size_px)
    if processes.is_first:
        run.begin(config)
        if clips is not None:
            clips.record(run.path)
    processes.wait()  # for the folder
    # What gave no frames when the data were looked at is written down too.
    of_files = [found for found in (dataset, validation) if isinstance(found, VideoFiles)]
    for found in of_files:
        found.broken.keep_in(run.path)
    millions = sum(p.numel() for p in network.parameters()) / 1e6
    others = f" in {processes.count} processes" if processes.count > 1 else ""
    say(
        f"Training {config.backbone} ({millions:.1f} M parameters, {where}{others}) on "
        f"{config.data}: {clips or f'{len(dataset.labels)} classes'}. The run is {run.path}."
    )
    trainer = Trainer(
        config=config,
        dataset=dataset,
        network=network,
        origin=origin,
        run=run,
        precision=precision,
        processes=processes,
        validation=validation,
    )
    with _lost_workers_told(run):
        trained = trainer.train()
        processes.wait()  # for what the others found broken
        for found in of_files:
            if summary := found.broken.summary(len(found)):
                say(summary)
        table = _tested(trained, config, processes)
    if table and processes.is_first:
        console.print(_as_table(table, config))
        run.note(table)
    say(f"The checkpoint is {trained.checkpoint}. Export it: stzsar-export {trained.checkpoint}")


def _check_recomputing(config: TrainConfig, network: STZSAR) -> None:
    if config.checkpoint_activations and has_batch_norm(network):
        raise StzsarError(
            "--checkpoint-activations computes blocks twice, and the BatchNorm of "
            f"{config.backbone} would take in every clip twice: start a run without it, with "
            "--accumulate for less memory."
        )


@contextlib.contextmanager
def _lost_workers_told(run: RunFolder) -> Iterator[None]:
    try:
        yield
    except RuntimeError as error:
        if not lost_worker(error):
            raise
        raise StzsarError(
            f"{str(error).splitlines()[0].strip().rstrip('.')}: was it killed, for want of memory "
            f"perhaps? Go on with --resume {run.path}, or start a new run with fewer --workers."
        ) from error


def _tested(trained: Trained, config: TrainConfig, processes: Processes) -> dict[str, Accuracy]:
    """Return what the network is worth, on each of the tests that the run has."""
    table: dict[str, Accuracy] = {}
    if trained.validated is not None:
        table["validation"] = trained.validated
    if config.is_moving_shapes:
        table |= evaluate_moving_shapes(
            trained.network, workers=config.workers, processes=processes
        )
    return table


def check_batch(config: TrainConfig, processes: Processes) -> None:
    """Hold that a step's clips can be shared.

    Raises:
        StzsarError: they cannot.
    """
    among = processes.count * config.accumulate
    if config.batch % among:
        less = config.batch - config.batch % among
        sizes = " or ".join(str(size) for size in (less, less + among) if size)
        raise StzsarError(
            f"--batch {config.batch} cannot be shared by {processes.count} processes in "
            f"--accumulate {config.accumulate} parts: give {sizes}, or start another number of "
            "processes."
        )
    if config.batch // config.accumulate < 2:
        raise StzsarError(
            f"--batch {config.batch} in --accumulate {config.accumulate} parts is one clip a part, "
            "which has nothing to be told from: give a larger --batch."
        )


def _as_table(accuracies: dict[str, Accuracy], config: TrainConfig) -> Table:
    name = "MovingShapes" if config.is_moving_shapes else "clips of"
    table = Table(name, "top-1", "top-5", "clips", "candidates")
    for name, found in accuracies.items():
        table.add_row(
            name, f"{found.top1:.1%}", f"{found.top5:.1%}", str(found.clips), str(found.candidates)
        )
    return table
