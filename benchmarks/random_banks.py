"""Label banks of random unit vectors: the meaning of labels does not change a time."""

import numpy as np

from ..runtime.engines.graph import Array
from ..runtime.labels.bank import LabelBank, stack_banks
from ..runtime.labels.labels import Label


def random_bank(labels: int, attributes: int, dim: int) -> LabelBank:
    """Return a bank of so many labels with so many attributes each, always the same."""
    rng = np.random.default_rng(0)
    words = tuple(f"attribute {index + 1}" for index in range(attributes))
    return LabelBank(
        tuple(Label(f"random label {index + 1}", attributes=words) for index in range(labels)),
        _unit(rng.standard_normal((labels, dim), dtype=np.float32)),
        _unit(rng.standard_normal((labels, attributes, dim), dtype=np.float32)),
        np.ones((labels, attributes), bool),
    )


def resized(bank: LabelBank, labels: int) -> LabelBank:
    """Return the first `labels` labels of a bank, filled up with random ones.

    A random label has as many attributes as the bank has room for.
    """
    own = bank.select(range(min(labels, len(bank.labels))))
    missing = labels - len(own.labels)
    if missing <= 0:
        return own
    return stack_banks([own, random_bank(missing, *bank.attribute_embeddings.shape[1:])])


def _unit(vectors: Array) -> Array:
    return vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)
