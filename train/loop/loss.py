"""The symmetric contrastive loss with several positives, as in BIKE."""

import torch.nn.functional as F
from torch import Tensor


def symmetric_loss(logits_bb: Tensor, classes_b: Tensor) -> Tensor:
    """Return the mean of the video-to-text and the text-to-video cross-entropy.

    Row i of the logits [B, B] is video i against the text of each clip. Clips of one class [B] are
    positives of each other and share the target equally.
    """
    same = (classes_b[:, None] == classes_b[None]).to(logits_bb.dtype)
    targets = same / same.sum(1, keepdim=True)
    to_text = F.cross_entropy(logits_bb, targets)
    to_video = F.cross_entropy(logits_bb.T, targets)
    return (to_text + to_video) / 2
