"""OST's matching: optimal transport between a window's frames and a class's descriptors.

Shapes: B windows, T frames, C classes, W attributes. It needs nothing but the cosines of frames
with attributes, so it streams as the other heads do. A class's attributes are two groups: the first
half describes what is seen, the second what is done. A single attribute is both groups.
After Chen et al., "OST: Refining Text Knowledge with Optimal Spatio-Temporal Descriptor".
"""

import torch
from torch import Tensor

_SMOOTHING = 0.1  # ε of the entropic transport
_SETTLED = 1e-2  # mean change of the row scaling at which a window stops iterating
# OST allows 100 rounds, which a graph would have to write out. Windows settle in 3 to 4 where
# cosines differ by 0.04, as CLIP's do, and in 5 to 11 where they differ by 0.15 (standard
# deviation; 8 and 32 frames, 4 and 8 attributes).
_ROUNDS = 12


def transport(cosines_btcw: Tensor, mask_cw: Tensor) -> tuple[Tensor, Tensor]:
    """Match the frames of windows with the attributes of classes, group by group.

    Args:
        cosines_btcw: of unit frames with unit attributes, [B, T, C, W].
        mask_cw: bool [C, W], false where a class has fewer attributes.

    Returns:
        Similarities [B, C], the mean over both groups of transported plus mean cosines; and the
        share of each frame in the transport, [B, T, C], which sums to 1 over the frames.
    """
    groups = _groups(mask_cw).to(cosines_btcw.dtype)  # [2, C, W]
    share = groups / groups.sum(-1, keepdim=True)
    cosines = cosines_btcw.permute(0, 2, 1, 3).unsqueeze(1)  # [B, 1, C, T, W]
    plan = _plan(cosines.detach().expand(-1, 2, -1, -1, -1), groups, share)
    transported = (plan * cosines).sum((-1, -2))
    pooled = (cosines * share.unsqueeze(-2)).sum(-1).mean(-1)
    similarity = (transported + pooled).mean(1)
    return similarity, plan.sum(-1).mean(1).transpose(1, 2)


def _groups(mask_cw: Tensor) -> Tensor:
    """Return which attributes are in the first and in the second group, bool [2, C, W]."""
    count = mask_cw.sum(-1, keepdim=True)
    place = torch.arange(mask_cw.shape[-1], device=mask_cw.device)
    half = count // 2
    return torch.stack([place < count - half, (place >= half) & mask_cw])


def _plan(cosines: Tensor, groups: Tensor, share: Tensor) -> Tensor:
    """Return the transport plans [B, 2, C, T, W]: Sinkhorn, as long as OST iterates.

    OST stops a batch of videos at once. Here every window stops by itself, as with one video at a
    time, so that its scores do not depend on its neighbours. Rounds after the end change nothing.
    """
    there, share = groups.unsqueeze(-2), share.unsqueeze(-2)  # [2, C, 1, W]
    kernel = ((cosines - 1) / _SMOOTHING).exp()
    rows = torch.ones_like(kernel[..., :1])  # [B, 2, C, T, 1]
    columns = there + torch.zeros_like(kernel[..., :1, :])  # [B, 2, C, 1, W]; 0 where there is none
    even = rows / rows.shape[-2]
    going = rows[:, :, :1, :1] > 0  # [B, 2, 1, 1, 1]: until the window has settled
    for _ in range(_ROUNDS):
        new_rows = even / (kernel * columns).sum(-1, keepdim=True)
        new_columns = share / (kernel * new_rows).sum(-2, keepdim=True)
        change = (new_rows - rows).abs().mean((-1, -2, -3), keepdim=True)
        rows = torch.where(going, new_rows, rows)
        columns = torch.where(going, new_columns, columns)
        going = going & (change >= _SETTLED)
    return rows * columns * kernel
