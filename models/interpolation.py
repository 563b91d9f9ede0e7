"""Weights between the original network and the one that was tuned from it.

WiSE-FT (arXiv 2109.01903): on the straight line between CLIP and its tuned form lie networks that
keep most of both, what training taught and what CLIP knew of everything else.
"""

import torch
from torch import Tensor

from ..runtime.errors import BundleError
from .stzsar import STZSAR

_TEMPORAL = "temporal."


def interpolate_weights(original: STZSAR, tuned: STZSAR, share: float) -> dict[str, Tensor]:
    """Return the state dict of the network that has `share` of the tuned weights.

    The line goes from the network at its first step to the one at its last, so it takes all that
    CLIP's towers have, the logit scale γ (a line of logarithms), and the head's own parameters:
    these began as the identity (ΔW = 0, β = 0), which is CLIP. The temporal transformer has no such
    beginning: it stays as tuned, and so do counters.

    Args:
        original: the network at its start: CLIP's towers and an untrained head.
        tuned: the same network after training.
        share: 0 gives the original's bytes, 1 the tuned network's.

    Raises:
        ValueError: the share is not within 0 and 1.
    """
    if not 0 <= share <= 1:
        raise ValueError(f"a share is within 0 and 1, got {share}")
    start = original.state_dict()
    mixed = {}
    for name, end in tuned.state_dict().items():
        stays = name.startswith(_TEMPORAL) or not end.is_floating_point()
        # torch.lerp gives its ends exactly, and equal weights as they are.
        mixed[name] = end.clone() if stays else torch.lerp(start[name], end, share)
    return mixed


def check_related(original: STZSAR, tuned: STZSAR, name: str) -> None:
    """Refuse to mix networks of which one was not tuned from the other.

    Between unrelated weights lies nothing that works. They are about √2 of their length apart (two
    random vectors of many dimensions), tuned ones a small part of it.

    Args:
        original: the network at its start.
        tuned: the network after training.
        name: what the original's weights are called.

    Raises:
        BundleError: a tower is further from its original than from zero.
    """
    for tower in ("visual", "text"):
        pairs = [
            (value.detach(), end.detach())
            for (_, value), (_, end) in zip(
                getattr(original, tower).named_parameters(),
                getattr(tuned, tower).named_parameters(),
                strict=True,
            )
        ]
        apart = sum(float((end - value).square().sum()) for value, end in pairs)
        length = sum(float(value.square().sum()) for value, _ in pairs)
        if not apart < length:  # so that NaN fails
            raise BundleError(
                f"The network was not tuned from {name}: its {tower} tower differs from it by "
                f"{(apart / length) ** 0.5:.0%} of its length; name the weights that training "
                "began with by --original."
            )
