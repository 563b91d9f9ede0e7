"""A run from start to end: its clips and network, the training, and the test at its end."""

import contextlib
import dataclasses
import errno
import time
from collections.abc import Iterator
from pathlib import Path

import torch
from rich.table import Table

from ..models.stzsar import STZSAR
from ..models.transformer import has_batch_norm
from ..runtime.bundle.bundle import RUNS
from ..runtime.bundle.manifest import WeightsOrigin
from ..runtime.errors import StzsarError
from ..runtime.shapes.clip_settings import CLIP_SETTINGS
from ..runtime.terminal.commandline import console, say
from .assemble import (
    find_clips,
    first_network,
    make_dataset,
    make_network,
    with_network_of_checkpoint,
)
from .config import TrainConfig
from .data.dataset import ClipDataset, ClipRequest, ListedClips
from .data.loader import choose_workers, lost_worker
from .data.videos import VideoFiles
from .loop.accuracy import TEST_BATCH, HitRates, evaluate_moving_shapes
from .loop.precision import Precision
from .loop.processes import Processes, joined
from .loop.run_folder import RunFolder, newest_run
from .loop.trainer import Trained, Trainer
from .loop.validation import validation_clips
from .options import ResumeOptions, TrainOptions
from .seen_bias import BiasMeasurement
from .seen_curve import harmonic_mean


def train(options: TrainOptions | ResumeOptions) -> Path:
    """Start or resume a run, test what it learned, and return its last checkpoint.

    Raises:
        StzsarError: something that the options name cannot be used, or a process was lost.
    """
    with joined(options.device) as processes:
        config, run = processes.from_first(
            lambda: _started(options) if isinstance(options, TrainOptions) else _resumed(options)
        )
        return _train(config, run, processes)


def _started(options: TrainOptions) -> tuple[TrainConfig, RunFolder]:
    config = with_network_of_checkpoint(options.config)
    name = f"{config.data_name}-{time.strftime('%Y%m%d-%H%M%S')}"
    run = RunFolder(options.output or RUNS / name)
    if run.path.exists() and any(run.path.iterdir()):
        raise StzsarError(
            f"{run.path} is not empty: take another --output, or --resume {run.path}."
        )
    return config, run


def _resumed(options: ResumeOptions) -> tuple[TrainConfig, RunFolder]:
    folder = options.run or newest_run(RUNS)
    if folder is None:
        raise StzsarError("There is no run under runs/ to resume: start one without --resume.")
    run = RunFolder(folder)
    config = options.applied_to(TrainConfig.load(folder))
    if not run.checkpoints:
        say(f"{folder} has no checkpoint yet: it starts from the beginning.")
    return config, run


def _train(config: TrainConfig, run: RunFolder, processes: Processes) -> Path:
    check_batch(config, processes)
    device = processes.device
    precision = Precision.choose(config.precision, device)
    torch.manual_seed(config.seed)
    clips = find_clips(config)
    network, origin = make_network(config, run)
    _refuse_batch_norm(config, network)
    network.to(device)
    size_px = network.config.vision.image_px
    dataset = make_dataset(config, clips, size_px)
    validation = validation_clips(config, dataset.labels, size_px=size_px)
    trainer = Trainer(
        config=dataclasses.replace(
            config, workers=_workers(config, dataset, validation, processes)
        ),
        dataset=dataset,
        network=network,
        origin=origin,
        run=run,
        precision=precision,
        processes=processes,
        validation=validation,
    )
    with contextlib.ExitStack() as held:
        if processes.is_first:
            held.enter_context(run.opened(config.located()))
            if clips is not None:
                clips.record(run.path)
        processes.wait()  # for the folder
        held.enter_context(_explaining_losses(run))
        millions = sum(p.numel() for p in network.parameters()) / 1e6
        if config.rehearsal_steps:
            trainer = dataclasses.replace(trainer, seen_bias=_seen_bias(trainer, dataset))
        others = f" in {processes.count} processes" if processes.count > 1 else ""
        say(
            f"Training {config.backbone} ({millions:.1f} M parameters, {device}{others}) on "
            f"{config.data}: {clips or f'{len(dataset.labels)} classes'}. The run is {run.path}."
        )
        return _train_and_test(trainer, processes)


def _seen_bias(trainer: Trainer, dataset: ListedClips) -> float | None:
    config, run = trainer.config, trainer.run

    def make() -> tuple[STZSAR, WeightsOrigin]:
        torch.manual_seed(config.seed)
        return first_network(config)

    return BiasMeasurement(
        config=config,
        dataset=dataset,
        tested=dataset.tested() if isinstance(dataset, VideoFiles) else dataset,
        make_network=make,
        run=run,
        precision=trainer.precision,
        processes=trainer.together,
    ).bias()


def _workers(
    config: TrainConfig,
    dataset: ClipDataset,
    validation: ClipDataset | None,
    processes: Processes,
) -> int:
    """Return how many workers each process starts, see `choose_workers`."""
    clips = config.batch // (processes.count * config.accumulate)
    if validation is not None:
        clips += TEST_BATCH
    elif config.is_moving_shapes:
        clips = max(clips, TEST_BATCH)
    clip_bytes = dataset[ClipRequest(0, 0)].frames.nbytes
    return choose_workers(config.workers, clips * clip_bytes)


def _train_and_test(trainer: Trainer, processes: Processes) -> Path:
    config, run = trainer.config, trainer.run
    # Also what was found broken before the folder was there.
    both = (trainer.dataset, trainer.validation)
    video_sets = [videos for videos in both if isinstance(videos, VideoFiles)]
    for videos in video_sets:
        videos.broken.keep_in(run.path)
    trained = trainer.train()
    processes.wait()  # for the broken files of the others
    for videos in video_sets:
        if summary := videos.broken.summary(len(videos)):
            say(summary)
    results = _test(trained, trainer, processes)
    if results and processes.is_first:
        console.print(_as_table(results, config))
        run.note(results)
    if config.keep_best and (best := run.best_validation()):
        say(f"The best checkpoint, step {best.step} with top-1 {best.top1:.1%}, is {run.best}.")
    say(f"The checkpoint is {trained.checkpoint}. Export it: stzsar-export {trained.checkpoint}")
    return trained.checkpoint


def check_batch(config: TrainConfig, processes: Processes) -> None:
    """Check that the processes can share a step's clips; raise StzsarError if they cannot."""
    shares = processes.count * config.accumulate
    if config.batch % shares:
        fewer = config.batch - config.batch % shares
        sizes = " or ".join(str(size) for size in (fewer, fewer + shares) if size)
        raise StzsarError(
            f"--batch {config.batch} cannot be divided among {processes.count} processes in "
            f"--accumulate {config.accumulate} parts: give {sizes}, or start another number of "
            "processes."
        )


def _refuse_batch_norm(config: TrainConfig, network: STZSAR) -> None:
    if config.checkpoint_activations and has_batch_norm(network):
        raise StzsarError(
            f"--checkpoint-activations would update the BatchNorm of {config.backbone} twice with "
            "every clip: start a run without it, with --accumulate for less memory."
        )


@contextlib.contextmanager
def _explaining_losses(run: RunFolder) -> Iterator[None]:
    """Name the run, and how to go on, where a full disk or a lost worker ends it."""
    try:
        yield
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        raise StzsarError(
            f"Cannot write into {run.path}: {error.strerror}. Make room, and go on with --resume "
            f"{run.path}."
        ) from error
    except RuntimeError as error:
        if not lost_worker(error):
            raise
        raise StzsarError(
            f"{str(error).splitlines()[0].strip().rstrip('.')}, possibly out of memory: go on with "
            f"--resume {run.path}, or start a new run with fewer --workers."
        ) from error


def _test(trained: Trained, trainer: Trainer, processes: Processes) -> dict[str, HitRates]:
    results: dict[str, HitRates] = {}
    if trained.validated is not None:
        results["validation"] = trained.validated
    if trainer.config.is_moving_shapes:
        results |= evaluate_moving_shapes(
            trained.network,
            seen_bias=trainer.seen_bias,
            workers=trainer.config.workers or 0,
            processes=processes,
        )
    return results


def _as_table(results: dict[str, HitRates], config: TrainConfig) -> Table:
    first = "MovingShapes" if config.is_moving_shapes else "clips of"
    table = Table(first, "top-1", "top-5", "clips", "candidates")
    for name, rates in results.items():
        table.add_row(
            name, f"{rates.top1:.1%}", f"{rates.top5:.1%}", str(rates.clips), str(rates.candidates)
        )
    for setting in CLIP_SETTINGS if config.is_moving_shapes else ():
        both = (results[f"{setting}, {kind} among all classes"].top1 for kind in ("seen", "unseen"))
        table.add_row(f"{setting}, harmonic mean of these two", f"{harmonic_mean(*both):.1%}")
    return table
