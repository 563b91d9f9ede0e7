"""The clips of --validate, usually of classes that the run does not train on."""

from collections.abc import Sequence
from pathlib import Path

from ...runtime.errors import SourceError
from ...runtime.labels.label_files import labels_from, origin_of
from ...runtime.labels.labels import Label
from ...runtime.terminal.commandline import say
from ..config import TrainConfig
from ..data.dataset import LEFT_OUT, ClipRequest
from ..data.videos import VideoFiles
from ..lists.class_labels import described, labels_of_classes, labels_of_model
from ..lists.training_clips import ClipChoice, find_training_clips


def validation_clips(
    config: TrainConfig, known: Sequence[Label], *, size_px: int
) -> VideoFiles | None:
    """Return the clips of `config.validate`, or None; only their classes compete.

    A class has the words and attributes that stzsar-eval gives it: from the file, else from the
    `known` labels of training, else those that ship for its name.

    Raises:
        SourceError: there are no clips, some are missing, or none gives frames.
        LabelError: the file of labels does not fit the clips.
    """
    if config.validate is None:
        return None
    allow = config.allow_missing
    found = find_training_clips(ClipChoice(data=Path(config.validate), allow_missing=allow))
    if found.missing or found.empty:
        say(f"--validate {config.validate} has {found}.")
    if config.validate_labels:
        where = origin_of(config.validate_labels, "--validate-labels")
        written = labels_from(config.validate_labels)
        labels = labels_of_classes(found.classes, (), written, where, allow_extra=allow)
    else:
        labels = labels_of_model(found.classes, known)
    if config.attributes and not config.is_moving_shapes:
        labels = described(labels, known)
    clips = VideoFiles(found.files, labels, frames=config.frames, size_px=size_px, training=False)
    # Checked before hours of training, up to the first readable clip.
    if all(clips[ClipRequest(place, 0)].label == LEFT_OUT for place in range(len(clips))):
        raise SourceError(
            f"None of the {len(clips):,} clips of --validate {config.validate} gives frames: "
            "convert them."
        )
    return clips
