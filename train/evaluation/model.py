"""The models under test: a checkpoint or a bundle, behind one protocol."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np

from ...runtime.engines.graph import Array
from ...runtime.labels.labels import Label

# CLIP's logit scale, which frame voting uses.
VOTING_SCALE = 100.0
CHECKPOINT, BUNDLE = "checkpoint", "bundle"


@dataclass(frozen=True, eq=False)
class ClipScores:
    # Logits of each view, [V, C]; if softmaxes are averaged over K prompts, [K * V, C]. The test
    # averages the softmax of rows.
    head_vc: Array
    # Logits of each frame of all views, [V * T, C], or [K * V * T, C]: the frame's embedding, not
    # normalised, times 100, times the class's unit embedding. Temporal transformer and head have
    # no part in it; BIKE's zero-shot figures are computed this way. None if the model does not
    # give frame embeddings.
    voting_fc: Array | None


class Classifier(Protocol):
    device: str  # where it runs
    no_voting: str | None  # why there is no frame voting; None if there is

    def score(self, images_vthwc: Array) -> ClipScores:
        """Score the views of one clip, uint8 [V, T, S, S, 3]."""
        ...


class Model(Protocol):
    """A checkpoint or a bundle, before labels are chosen."""

    path: Path  # its folder
    kind: str  # "checkpoint" or "bundle"
    knows: str  # what its weights were trained on, in words
    labels: tuple[Label, ...]  # the labels it was trained on, or those of its bank
    # How far its training put the logits of seen labels above others; None if unknown.
    seen_bias: float | None
    frames: int  # T of a view
    size_px: int  # S, the side of a frame
    prompts: tuple[str, ...] | None  # around labels; None if it cannot embed any

    def with_labels(self, labels: Sequence[Label]) -> Classifier:
        """Load the classifier for these labels, in this order."""
        ...


def voting_logits(frames_fd: Array, classes_cd: Array) -> Array:
    """Return frame-voting logits [F, C] from embeddings [F, D] and unit embeddings [C, D]."""
    return VOTING_SCALE * (frames_fd.astype(np.float64) @ classes_cd.astype(np.float64).T)
