"""WiSE-FT (arXiv 2109.01903): weights on the line between a network and its fine-tuned form.

They keep most of what fine-tuning taught and most of what CLIP knew about everything else.
"""

import torch
from torch import Tensor

from ..runtime.errors import BundleError
from .stzsar import STZSAR

_TEMPORAL = "temporal."


def interpolate_weights(original: STZSAR, tuned: STZSAR, share: float) -> dict[str, Tensor]:
    """Return the state dict with `share` of the tuned weights and the rest of the original.

    Share 0 gives the original's exact weights, 1 the tuned network's. The towers, the logit scale
    γ and the head are interpolated: the head starts as the identity (ΔW = 0, β = 0), which is CLIP.
    The temporal transformer starts at random and keeps its tuned weights; so do counters.

    Raises:
        ValueError: the share is not within 0 and 1.
    """
    if not 0 <= share <= 1:
        raise ValueError(f"share must lie within 0 and 1, got {share}")
    start = original.state_dict()
    mixed = {}
    for name, end in tuned.state_dict().items():
        stays = name.startswith(_TEMPORAL) or not end.is_floating_point()
        # torch.lerp is exact at both ends and for equal weights.
        mixed[name] = end.clone() if stays else torch.lerp(start[name], end, share)
    return mixed


def check_related(
    original: STZSAR, tuned: STZSAR, name: str, *, option: str = "--original"
) -> None:
    """Refuse to mix two networks unless one was tuned from the other, which messages call `name`.

    Unrelated weights are about √2 times their norm distance, tuned ones a small fraction of it.
    Nothing between unrelated weights works.

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
        distance = sum(float((end - value).square().sum()) for value, end in pairs)
        norm = sum(float(value.square().sum()) for value, _ in pairs)
        if not distance < norm:  # so that NaN fails
            raise BundleError(
                f"The network was not tuned from {name}: its {tower} tower differs by "
                f"{(distance / norm) ** 0.5:.0%} of the norm. Name the weights that training "
                f"started from with {option}."
            )
