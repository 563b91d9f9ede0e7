"""Frame states for other labels than those that a frame was encoded with."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from ..bundle.manifest import PATCH_EMBEDDINGS
from ..engines.graph import BoundGraph
from ..labels.bank import LabelBank
from ..scoring.scorer import frames_at_once

Array = npt.NDArray[Any]


def of_features(
    graph: BoundGraph, bank: LabelBank, frames: Mapping[str, Array]
) -> Mapping[str, Array]:
    """Return frames with the states that the state graph computes from their features.

    Args:
        graph: the state graph, bound to the bank.
        bank: the labels.
        frames: features and states that know no labels, float32 [N, ...] each.
    """
    patches = frames[PATCH_EMBEDDINGS].shape[1] if PATCH_EMBEDDINGS in frames else 0
    step, count = frames_at_once(bank, patches), len(next(iter(frames.values())))
    parts = [
        graph({name: value[start : start + step] for name, value in frames.items()})
        for start in range(0, count, step)
    ]
    made = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    return {**frames, **made}


def of_labels(
    rows: Array, label_states: Sequence[str], frames: Mapping[str, Array]
) -> dict[str, Array]:
    """Return the states of some of the labels."""
    return {
        name: np.ascontiguousarray(value[:, rows]) if name in label_states else value
        for name, value in frames.items()
    }
