"""Merges the parallel branches of MobileCLIP before tracing."""

import copy
from typing import Any

from ..models.stzsar import STZSAR
from ..models.timm_vision import TimmFrameEncoder


def folded_for_inference(network: STZSAR) -> STZSAR:
    """Return `network` with the branches of its frame encoder merged, as it should be traced.

    MobileCLIP trains several convolutions side by side that are one at inference. The numbers stay
    the same up to rounding; `network` itself, and the text encoder, are not copied or changed.
    """
    visual = network.visual
    if not isinstance(visual, TimmFrameEncoder):
        return network
    from timm.utils.model import reparameterize_model

    folded_trunk = reparameterize_model(visual.trunk)
    # A deep copy takes what its memo holds as it is.
    shared: dict[int, Any] = {id(network.text): network.text, id(visual.trunk): folded_trunk}
    folded = copy.deepcopy(network, shared)
    return folded.eval()
