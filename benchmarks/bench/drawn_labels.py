"""As many labels as are asked for: the bundle's own, and beyond them random ones."""

from ...runtime.labels.bank import LabelBank, stack_banks
from ..random_banks import random_bank


def draw_labels(bank: LabelBank, count: int) -> LabelBank:
    """Return the first `count` labels of a bank, filled up with random ones.

    A random label has as many attributes as the bank has room for.

    Raises:
        LabelError: there would be more labels or attributes than are scored at once.
    """
    own = bank.select(range(min(count, len(bank.labels))))
    missing = count - len(own.labels)
    if missing <= 0:
        return own
    return stack_banks([own, random_bank(missing, *bank.attribute_embeddings.shape[1:])])
