"""Merges MobileCLIP's parallel branches before tracing."""

import copy
from typing import Any

from ..models.stzsar import STZSAR
from ..models.timm_vision import TimmFrameEncoder


def folded_for_inference(network: STZSAR) -> STZSAR:
    """Return `network` for tracing, with the branches of its frame encoder merged.

    MobileCLIP trains parallel convolutions that are one convolution at inference. The result equals
    `network` up to rounding and shares its text encoder. `network` does not change.
    """
    visual = network.visual
    if not isinstance(visual, TimmFrameEncoder):
        return network
    from timm.utils.model import reparameterize_model

    folded_trunk = reparameterize_model(visual.trunk)
    # deepcopy takes objects in its memo as they are.
    memo: dict[int, Any] = {id(network.text): network.text, id(visual.trunk): folded_trunk}
    return copy.deepcopy(network, memo).eval()
