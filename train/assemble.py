"""A configuration made real: the device, the clips, the network and its data set."""

import dataclasses
from pathlib import Path
from typing import Any

import torch

from ..models.config import HeadConfig, TemporalConfig, small_config
from ..models.pretrained import load_clip
from ..models.stzsar import STZSAR
from ..runtime.errors import StzsarError
from ..runtime.labelled_videos import VideoFile, find_videos
from ..runtime.labels import as_labels, read_labels
from ..runtime.manifest import WeightsOrigin
from .config import SMALL, TrainConfig
from .data import ClipDataset, ClipRequest
from .moving_shapes import KNOWS, MovingShapes
from .videos import VideoFiles


def find_device(name: str) -> torch.device:
    """Return the device called `name`; "auto" is a GPU if there is one.

    Raises:
        StzsarError: it cannot be used.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
        torch.zeros(1, device=device)
    except (RuntimeError, AssertionError) as error:
        reason = str(error).splitlines()[0].rstrip(".")
        raise StzsarError(f"--device {name} cannot be used: {reason}.") from error
    return device


def find_clips(config: TrainConfig) -> list[VideoFile]:
    """List the files, none for MovingShapes.

    This comes before a network is loaded, so that a wrong path is answered at once.

    Raises:
        SourceError: nothing is there.
    """
    return [] if config.is_moving_shapes else find_videos(Path(config.data))


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


def make_dataset(config: TrainConfig, files: list[VideoFile], size_px: int) -> ClipDataset:
    """Return the training clips: those of `files`, or MovingShapes.

    Raises:
        LabelError: the labels cannot be read, or lack a class of the clips.
        SourceError: no file gives frames.
    """
    if config.is_moving_shapes:
        return MovingShapes("train", config.setting, seed=config.seed)
    names = sorted({file.label for file in files})
    labels = read_labels(Path(config.labels)) if config.labels else as_labels(names)
    dataset = VideoFiles(files, labels, frames=config.frames, size_px=size_px)
    # Here an error is a sentence; out of a worker it would be a traceback.
    dataset[ClipRequest(0, 0)]
    return dataset
