"""The temporal transformer, which puts frame embeddings into the context of their window."""

import torch
from torch import Tensor, nn

from .config import TemporalConfig
from .transformer import Transformer


class TemporalTransformer(nn.Module):
    """Pre-LN blocks over the frames of a window with a residual connection around them, as in BIKE.

    Each frame gets its position and its difference from the previous frame (ATM, arXiv 2307.08908).
    Only pairs of frames distinguish opposite directions. Trained from scratch, attention alone does
    not learn to compare them; with differences it does at once.
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
