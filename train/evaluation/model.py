"""The models under test: a checkpoint or a bundle, behind one protocol."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from ...runtime.labels.labels import Label

Array = npt.NDArray[Any]
# CLIP's logit scale, which frame voting uses.
VOTING_SCALE = 100.0
CHECKPOINT, BUNDLE = "checkpoint", "bundle"


@dataclass(frozen=True, eq=False)
class ClipScores:
    """A model's scores of one clip for C candidates.

    Attributes:
        head_vc: logits of each view, [V, C].
        voting_fc: logits of each frame of all views, [V * T, C]: the frame's embedding, not
            normalised, times 100, times the class's unit embedding. Temporal transformer and head
            have no part in it; BIKE's zero-shot figures are computed this way. None if the model
            does not give frame embeddings.
    """

    head_vc: Array
    voting_fc: Array | None


class Classifier(Protocol):
    """A model with its candidate labels.

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
    """A checkpoint or a bundle, before labels are chosen.

    Attributes:
        path: its folder.
        kind: "checkpoint" or "bundle".
        knows: what its weights were trained on, in words.
        labels: the labels it was trained on, or those of its bank.
        seen_bias: how far its training put the logits of seen labels above others; None if unknown.
        frames: T of a view.
        size_px: S, the side of a frame.
    """

    path: Path
    kind: str
    knows: str
    labels: tuple[Label, ...]
    seen_bias: float | None
    frames: int
    size_px: int

    def with_labels(self, labels: Sequence[Label]) -> Classifier:
        """Load the classifier for these labels, in this order."""
        ...


def voting_logits(frames_fd: Array, classes_cd: Array) -> Array:
    """Return frame-voting logits [F, C] from embeddings [F, D] and unit embeddings [C, D]."""
    return VOTING_SCALE * (frames_fd.astype(np.float64) @ classes_cd.astype(np.float64).T)
