"""The bias of a trained network towards the labels of its training, taken out of their logits.

A network that was trained on some labels prefers them where they compete with others (calibrated
stacking, Chao et al. 2016, arXiv 1605.04253). Training measures by how much, on classes that it
holds out for this, and the manifest carries the number.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from ..bundle.manifest import Manifest
from ..errors import LabelError
from ..labels.labels import Label
from ..labels.names import name_key

Array = npt.NDArray[Any]


def biases_of(manifest: Manifest, labels: Sequence[Label], logits: float | None) -> Array | None:
    """Return what to subtract from the labels' logits, [C]; None if nothing is.

    Args:
        manifest: says which labels training saw, and the bias that it measured.
        labels: C labels; one is seen if training saw its name, in any spelling.
        logits: the bias of seen labels; None takes the manifest's.

    Raises:
        LabelError: a bias is asked for, and the bundle does not say which labels training saw.
    """
    seen = manifest.seen
    if seen is None:
        if logits:
            raise LabelError(
                f"A bias of seen labels has no effect: the bundle {manifest.name} does not say "
                "which labels its training saw. Leave --seen-bias out, or export it again from its "
                "checkpoint."
            )
        return None
    bias = seen.bias if logits is None else logits
    if not bias:
        return None
    known = set(map(name_key, seen.labels))
    return np.asarray([bias if name_key(label.name) in known else 0.0 for label in labels])
