"""As many labels as are asked for: the bundle's own, and beyond them random ones.

Speed does not depend on what labels mean, so random unit vectors weigh as much as embedded texts.
"""

import numpy as np

from ..runtime.labels import Label, LabelBank, stack_banks


def draw_labels(bank: LabelBank, count: int) -> LabelBank:
    """Return the first `count` labels of a bank, filled up with random ones.

    A random label has as many attributes as the bank has room for; the seed is fixed.

    Raises:
        LabelError: there would be more labels or attributes than are scored at once.
    """
    own = bank.select(range(min(count, len(bank.labels))))
    missing = count - len(own.labels)
    if missing <= 0:
        return own
    words, dim = bank.attribute_embeddings.shape[1:]
    rng = np.random.default_rng(0)
    names = tuple(f"attribute {index + 1}" for index in range(words))
    drawn = LabelBank(
        tuple(Label(f"random label {index + 1}", attributes=names) for index in range(missing)),
        _unit(rng.standard_normal((missing, dim), dtype=np.float32)),
        _unit(rng.standard_normal((missing, words, dim), dtype=np.float32)),
        np.ones((missing, words), bool),
    )
    return stack_banks([own, drawn])


def _unit(vectors: np.ndarray) -> np.ndarray:
    return vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)
