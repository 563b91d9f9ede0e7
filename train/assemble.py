"""A configuration made real: the device, the clips, the network and its data set."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..models.config import HeadConfig, TemporalConfig, small_config
from ..models.pretrained import load_clip
from ..models.stzsar import STZSAR
from ..runtime.bundle.manifest import WeightsOrigin
from ..runtime.labels.labels import Label, as_labels, read_labels
from ..runtime.labels.shipped import with_shipped_attributes
from ..runtime.terminal.commandline import say
from .config import SMALL, TrainConfig
from .data.augment import Augmentation
from .data.dataset import ClipDataset, ClipRequest
from .data.moving_shapes import KNOWS, MovingShapes
from .data.videos import VideoFiles
from .lists.class_labels import labels_of_file
from .lists.training_clips import ClipChoice, TrainingClips, find_training_clips


def find_clips(config: TrainConfig) -> TrainingClips | None:
    """Find the files, None for MovingShapes.

    This comes before a network is loaded, so that a wrong path is answered at once.

    Raises:
        LabelError: a list does not tell the classes.
        SourceError: nothing is there, or something is missing.
    """
    if config.is_moving_shapes:
        return None
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


def make_network(config: TrainConfig) -> tuple[STZSAR, WeightsOrigin]:
    """Build the network of `config`, and say where its weights come from.

    Raises:
        BundleError: there is no such backbone, or its weights cannot be had.
    """
    knows = KNOWS if config.is_moving_shapes else f"the classes of {config.data_name}"
    trained = f"stzsar-train on {config.data_name}"
    switches: dict[str, Any] = {
        "interaction": config.interaction,
        "projections": config.projections,
    }
    small = small_config()
    temporal = small.temporal if config.backbone == SMALL else TemporalConfig()
    if temporal is not None:
        # It begins untrained, so that it can be made as long as the windows are.
        longest = max(temporal.max_frames, config.frames)
        temporal = dataclasses.replace(temporal, max_frames=longest) if config.temporal else None
    if config.backbone == SMALL:
        head = dataclasses.replace(small.head, **switches)
        vision = dataclasses.replace(small.vision, patch_path=config.patch_path)
        network = STZSAR(dataclasses.replace(small, head=head, vision=vision, temporal=temporal))
        return network, WeightsOrigin(source=f"small network, {trained}", knows=knows)
    network, origin = load_clip(
        config.backbone,
        config.pretrained,
        head=HeadConfig(**switches),
        temporal=temporal,
        patch_path=config.patch_path,
        tokenizer=config.tokenizer,
    )
    return network, WeightsOrigin(source=f"{origin.source}, {trained}", knows=knows)


def make_dataset(config: TrainConfig, clips: TrainingClips | None, size_px: int) -> ClipDataset:
    """Return the training clips: those that were found, or MovingShapes.

    Raises:
        LabelError: the labels cannot be read, or are not those of the clips.
        SourceError: no file gives frames.
    """
    if clips is None:
        return MovingShapes("train", config.setting, seed=config.seed)
    dataset = VideoFiles(
        clips.files,
        labels_of(config, clips.classes),
        frames=config.frames,
        size_px=size_px,
        augmentation=(
            Augmentation(size_px, flip=config.flip, grey=config.grey) if config.augment else None
        ),
    )
    # Here an error is a sentence; out of a worker it would be a traceback.
    dataset[ClipRequest(0, 0)]
    return dataset


def labels_of(config: TrainConfig, classes: Sequence[str]) -> tuple[Label, ...]:
    """Return the labels of the classes: the file's in its order, or their names.

    Raises:
        LabelError: the file cannot be read, or is not of these classes.
    """
    if config.labels:
        path = Path(config.labels)
        written = read_labels(path)
        fitting = labels_of_file(classes, (), written, path, allow_extra=config.allow_missing)
        labels = tuple(label for label in written if label in fitting)
    else:
        labels = as_labels(classes)
    return with_shipped_attributes(labels, tell=say) if config.attributes else labels
