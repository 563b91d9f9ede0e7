"""Label banks of any size, of random unit vectors: what labels mean does not change a time."""

import numpy as np

from ..runtime.engines.graph import Array
from ..runtime.labels.bank import LabelBank
from ..runtime.labels.labels import Label


def random_bank(labels: int, attributes: int, dim: int) -> LabelBank:
    """Return a bank of so many labels with so many attributes each, the same at each call.

    Raises:
        LabelError: they are more than are scored at once.
    """
    rng = np.random.default_rng(0)
    words = tuple(f"attribute {index + 1}" for index in range(attributes))
    return LabelBank(
        tuple(Label(f"random label {index + 1}", attributes=words) for index in range(labels)),
        _unit(rng.standard_normal((labels, dim), dtype=np.float32)),
        _unit(rng.standard_normal((labels, attributes, dim), dtype=np.float32)),
        np.ones((labels, attributes), bool),
    )


def _unit(vectors: Array) -> Array:
    return vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)
