"""The temporal transformer: frame embeddings that know the frames around them."""

import torch
from torch import Tensor, nn

from .config import TemporalConfig
from .transformer import Transformer


class TemporalTransformer(nn.Module):
    """Pre-LN blocks over the frames of a window, added to what goes in (as in BIKE)."""

    def __init__(self, config: TemporalConfig, dim: int) -> None:
        super().__init__()
        self.positional_embedding = nn.Parameter(0.01 * torch.randn(config.max_frames, dim))
        self.transformer = Transformer(dim, config.layers, config.heads, 4 * dim)

    def forward(self, frames_btd: Tensor) -> Tensor:
        """Return CLS + temporal(CLS + position), [B, T, D]; T is at most `max_frames`."""
        placed = frames_btd + self.positional_embedding[: frames_btd.shape[1]]
        return frames_btd + self.transformer(placed)
