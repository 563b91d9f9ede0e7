"""Builds what a configuration names: the clips, the network and the data set."""

import contextlib
import dataclasses
from collections.abc import Sequence
from pathlib import Path

from ..models.checkpoint import (
    find_checkpoint,
    load_checkpoint,
    open_checkpoint,
    read_checkpoint,
)
from ..models.config import HeadConfig, TemporalConfig, small_config
from ..models.pretrained import load_clip
from ..models.stzsar import STZSAR
from ..runtime.bundle.manifest import WeightsOrigin
from ..runtime.errors import BundleError, StzsarError
from ..runtime.labels.label_files import labels_from, origin_of
from ..runtime.labels.labels import Label, actions, as_labels
from ..runtime.labels.shipped import with_shipped_attributes
from ..runtime.terminal.commandline import say
from .config import CONFIG, SMALL, TrainConfig
from .data.augment import Augmentation
from .data.dataset import ClipRequest, ListedClips
from .data.moving_shapes import KNOWS, MovingShapes
from .data.videos import VideoFiles
from .lists.class_labels import labels_of_classes
from .lists.training_clips import ClipChoice, TrainingClips, find_training_clips
from .loop.run_folder import RunFolder, run_of


def find_clips(config: TrainConfig) -> TrainingClips | None:
    """Find the files, None for MovingShapes.

    This precedes the network, so that a wrong path is reported at once.

    Raises:
        LabelError: a list does not name its classes.
        SourceError: there are no clips, or some are missing.
        StzsarError: an option does not apply to the kind of list.
    """
    if config.is_moving_shapes:
        return None
    if config.lists is not None:
        _check_lists(config, Path(config.lists))
    choice = ClipChoice(
        data=Path(config.data),
        lists=Path(config.lists) if config.lists else None,
        split=config.split,
        classes=Path(config.classes) if config.classes else None,
        shots=config.shots,
        seed=config.seed,
        allow_missing=config.allow_missing,
    )
    return find_training_clips(choice)


def _check_lists(config: TrainConfig, lists: Path) -> None:
    if lists.is_dir() and config.classes:
        raise StzsarError(
            f"--classes applies to one list, and {lists} is a folder of official lists, which name "
            "their classes: leave it out."
        )
    if not lists.is_dir() and config.split:
        raise StzsarError(
            f"--split applies to a folder of official lists, and {lists} is one list: leave it out."
        )


def with_network_of_checkpoint(config: TrainConfig) -> TrainConfig:
    """Describe the network of `config.from_checkpoint`, if there is one, in the configuration.

    Raises:
        BundleError: it is not a checkpoint, or a corrupt one.
        StzsarError: windows are longer than its temporal transformer.
    """
    if config.from_checkpoint is None:
        return config
    folder = find_checkpoint(Path(config.from_checkpoint))
    model = read_checkpoint(folder).model
    if model.temporal is not None and config.frames > model.temporal.max_frames:
        raise StzsarError(
            f"--frames {config.frames} is more than the {model.temporal.max_frames} of the "
            f"temporal transformer of {folder}: give fewer."
        )
    run = run_of(folder)
    started_from = TrainConfig.load(run).pretrained if (run / CONFIG).exists() else "none"
    return dataclasses.replace(
        config,
        backbone=model.name,
        pretrained=started_from,
        interaction=model.head.interaction,
        frame_weights=model.head.frame_weights,
        learned_temperature=model.head.learned_temperature,
        patch_path=getattr(model.vision, "patch_path", config.patch_path),
        projections=model.head.projections,
        temporal=model.temporal is not None,
    )


def make_network(config: TrainConfig, run: RunFolder) -> tuple[STZSAR, WeightsOrigin]:
    """Build the network of a run, and say where its weights come from.

    A run with a checkpoint needs nothing else: training loads the weights from there.

    Raises:
        BundleError: there is no such backbone, or its weights cannot be loaded.
    """
    for folder in run.checkpoints:
        with contextlib.suppress(BundleError):  # it may be corrupt, and the one before intact
            checkpoint, network = open_checkpoint(folder)
            return network, checkpoint.origin
    return first_network(config)


def first_network(config: TrainConfig) -> tuple[STZSAR, WeightsOrigin]:
    """Build the network that a run starts with, and say where its weights come from.

    Raises:
        BundleError: there is no such backbone, or its weights cannot be loaded.
    """
    small = small_config()
    trained = f"stzsar-train on {config.data_name}"
    if config.from_checkpoint is not None:
        checkpoint, network = load_checkpoint(find_checkpoint(Path(config.from_checkpoint)))
        source = f"{checkpoint.origin.source}, {trained}"
    elif config.backbone == SMALL:
        network = STZSAR(
            dataclasses.replace(
                small,
                head=_head(config, small.head),
                vision=dataclasses.replace(small.vision, patch_path=config.patch_path),
                temporal=_temporal(config, small.temporal),
            )
        )
        source = f"small network, {trained}"
    else:
        network, clip = load_clip(
            config.backbone,
            config.pretrained,
            head=_head(config, HeadConfig()),
            temporal=_temporal(config, TemporalConfig()),
            patch_path=config.patch_path,
            tokenizer=config.tokenizer,
        )
        source = f"{clip.source}, {trained}"
    knows = KNOWS if config.is_moving_shapes else f"the classes of {config.data_name}"
    return network, WeightsOrigin(source=source, knows=knows)


def _head(config: TrainConfig, usual: HeadConfig) -> HeadConfig:
    return dataclasses.replace(
        usual,
        interaction=config.interaction,
        frame_weights=config.frame_weights,
        learned_temperature=config.learned_temperature,
        projections=config.projections,
    )


def _temporal(config: TrainConfig, usual: TemporalConfig | None) -> TemporalConfig | None:
    if not config.temporal or usual is None:
        return None
    # It starts untrained, so it can be as long as the windows.
    return dataclasses.replace(usual, max_frames=max(usual.max_frames, config.frames))


def make_dataset(config: TrainConfig, clips: TrainingClips | None, size_px: int) -> ListedClips:
    """Return the training clips: those that were found, or MovingShapes.

    Raises:
        LabelError: the labels cannot be read, or are not those of the clips.
        SourceError: no file gives frames.
    """
    if clips is None:
        return MovingShapes("train", config.setting, seed=config.seed)
    dataset = VideoFiles(
        clips.files,
        _labels(config, clips.classes),
        frames=config.frames,
        size_px=size_px,
        augmentation=(
            Augmentation(size_px, flip=config.flip, grey=config.grey) if config.augment else None
        ),
    )
    # An error here is a sentence; in a worker it would be a traceback.
    dataset[ClipRequest(0, 0)]
    return dataset


def _labels(config: TrainConfig, classes: Sequence[str]) -> tuple[Label, ...]:
    """Return the labels of the classes: those written, in their order, or their names."""
    if config.labels:
        where = origin_of(config.labels, "--labels")
        written = actions(labels_from(config.labels))
        fitting = labels_of_classes(classes, (), written, where, allow_extra=config.allow_missing)
        labels = tuple(label for label in written if label in fitting)
    else:
        labels = as_labels(classes)
    return with_shipped_attributes(labels, tell=say) if config.attributes else labels
