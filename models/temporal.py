"""The temporal transformer: frame embeddings that know the frames around them."""

import torch
from torch import Tensor, nn

from .config import TemporalConfig
from .transformer import Transformer


class TemporalTransformer(nn.Module):
    """Pre-LN blocks over the frames of a window, added to what goes in (as in BIKE).

    Beside a position, each frame is given how it differs from the one before (after ATM, arXiv
    2307.08908). Opposite directions share their frames, so that only pairs of frames tell them
    apart: attention alone did not learn that from scratch, and with differences it is at once.
    """

    def __init__(self, config: TemporalConfig, dim: int) -> None:
        super().__init__()
        self.positional_embedding = nn.Parameter(0.01 * torch.randn(config.max_frames, dim))
        self.difference = nn.Linear(dim, dim, bias=False)
        self.transformer = Transformer(dim, config.layers, config.heads, 4 * dim)

    def forward(self, frames_btd: Tensor) -> Tensor:
        """Return CLS + temporal(CLS + position + difference), [B, T, D]; T up to `max_frames`."""
        previous = torch.cat([frames_btd[:, :1], frames_btd[:, :-1]], dim=1)
        position = self.positional_embedding[: frames_btd.shape[1]]
        placed = frames_btd + position + self.difference(frames_btd - previous)
        return frames_btd + self.transformer(placed)
