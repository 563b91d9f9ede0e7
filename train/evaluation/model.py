"""What is tested, seen from the test: a checkpoint or a bundle that scores clips."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from ...runtime.labels.labels import Label

Array = npt.NDArray[Any]
# CLIP's scale of logits, by which frames vote.
VOTING_SCALE = 100.0
CHECKPOINT, BUNDLE = "checkpoint", "bundle"


@dataclass(frozen=True, eq=False)
class ClipScores:
    """What a model says of one clip, for C candidates.

    Attributes:
        head_vc: logits of each view, [V, C].
        voting_fc: logits of each frame of all views, [V * T, C]: its embedding as it comes, not
            normalised, times 100, times a class's unit embedding. This is what BIKE's zero-shot
            figures are of; transformer and head have no part in it. None where frames' embeddings
            are not to be had.
    """

    head_vc: Array
    voting_fc: Array | None


class Classifier(Protocol):
    """A model with the labels that compete.

    Attributes:
        device: where it runs.
        no_voting: why there is no frame voting; None if there is.
    """

    device: str
    no_voting: str | None

    def score(self, images_vthwc: Array) -> ClipScores:
        """Score the views of one clip, uint8 [V, T, S, S, 3]."""
        ...


class Model(Protocol):
    """A checkpoint or a bundle before labels are chosen.

    Attributes:
        path: its folder.
        kind: "checkpoint" or "bundle".
        knows: what its weights know, in words.
        labels: those that it was trained on, or has in its bank.
        frames: T of a view.
        size_px: S, the side of a frame.
    """

    path: Path
    kind: str
    knows: str
    labels: tuple[Label, ...]
    frames: int
    size_px: int

    def with_labels(self, labels: Sequence[Label]) -> Classifier:
        """Load what scores clips, for these labels in this order."""
        ...


def voting_logits(frames_fd: Array, classes_cd: Array) -> Array:
    """Return by what frames vote, [F, C], of embeddings [F, D] and unit embeddings [C, D]."""
    return VOTING_SCALE * (frames_fd.astype(np.float64) @ classes_cd.astype(np.float64).T)
