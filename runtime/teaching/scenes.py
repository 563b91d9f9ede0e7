"""What a label must be told apart from: the kinds of scenes of ordinary footage, and the examples.

The model is linear discriminant analysis. Examples and ordinary scenes are classes with means of
their own and one covariance; each class gets a logit that is linear in the similarities. Ordinary
footage is not one class: it is cut into as many kinds of scenes as it shows, so that one of them
that looks like a label competes with it by itself. The covariance is that within these kinds, of
which there are hundreds of windows; nothing is estimated from a handful of examples but their mean.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

# Chosen on MovingShapes, see docs/calibration.md. More kinds and less shrinkage change little.
_MOST_KINDS, _WINDOWS_PER_KIND = 120, 120
_SHRINKAGE = 0.1
# More windows of footage only take time.
_MOST_WINDOWS, _ROUNDS = 20_000, 15


def discriminants(ordinary: Array, examples: Sequence[Array]) -> tuple[Array, Array]:
    """Return weights [T + K, F] and offsets [T + K]: logits of T labels and K kinds of scenes.

    Args:
        ordinary: similarities of the windows of ordinary footage, [N, F].
        examples: of the windows of the examples of each label, T arrays [n, F].
    """
    ordinary = ordinary[:: 1 + len(ordinary) // _MOST_WINDOWS].astype(np.float64)
    centre = ordinary.mean(axis=0)
    rows = ordinary - centre
    root = np.linalg.cholesky(np.linalg.inv(_shrunk(np.atleast_2d(np.cov(rows.T)))))
    kinds = _kinds_of(rows @ root)
    counts = np.bincount(kinds).astype(np.float64)
    sums = np.zeros((len(counts), rows.shape[1]))
    np.add.at(sums, kinds, rows)
    means = sums / counts[:, None]
    within = rows - means[kinds]
    taught = np.stack([clips.astype(np.float64).mean(axis=0) - centre for clips in examples])
    every = np.concatenate([taught, means])
    weights = np.linalg.solve(_shrunk(within.T @ within / len(within)), every.T).T
    offsets = -0.5 * (weights * every).sum(axis=1) - weights @ centre
    offsets[len(examples) :] += np.log(counts / counts.sum())
    return weights, offsets


def _shrunk(covariance: Array) -> Array:
    """Return it pulled towards equal variances, so that it has an inverse."""
    size = len(covariance)
    mean = max(float(np.trace(covariance)) / size, 1e-12)
    return (1 - _SHRINKAGE) * covariance + _SHRINKAGE * mean * np.eye(size)


def _kinds_of(points: Array) -> Array:
    """Return the kind of each point [N, F] by k-means, numbered without gaps, [N]."""
    count = max(1, min(_MOST_KINDS, len(points) // _WINDOWS_PER_KIND))
    rng = np.random.default_rng(0)  # the same footage gives the same detector
    centres = points[rng.choice(len(points), count, replace=False)]
    kinds = np.zeros(len(points), np.intp)
    for _ in range(_ROUNDS):
        kinds = ((centres**2).sum(axis=1) - 2 * points @ centres.T).argmin(axis=1)
        for kind in np.unique(kinds):
            centres[kind] = points[kinds == kind].mean(axis=0)
    return np.unique(kinds, return_inverse=True)[1]
