"""The text encoder: CLIP's text tower, with open_clip's state-dict keys."""

import torch
from torch import Tensor, nn

from .config import TextConfig
from .transformer import Transformer


class TextEncoder(nn.Module):
    """Tokens to one embedding in the joint space, read at the end-of-text token."""

    def __init__(self, config: TextConfig, dim: int) -> None:
        super().__init__()
        self.token_embedding = nn.Embedding(config.vocab_size, config.width)
        self.positional_embedding = nn.Parameter(
            0.01 * torch.randn(config.context_length, config.width)
        )
        self.transformer = Transformer(
            config.width, config.layers, config.heads, config.mlp_width, config.activation,
            causal=True,
        )  # fmt: skip
        self.ln_final = nn.LayerNorm(config.width)
        self.text_projection = nn.Parameter(config.width**-0.5 * torch.randn(config.width, dim))
        nn.init.normal_(self.token_embedding.weight, std=0.02)

    def forward(self, tokens_nl: Tensor) -> Tensor:
        """Encode int64 tokens [N, L], zero-padded, to [N, D], not normalised."""
        x = self.token_embedding(tokens_nl) + self.positional_embedding
        x = self.ln_final(self.transformer(x))
        # End-of-text is the vocabulary's last id, hence the largest of each row.
        at_end = x[torch.arange(x.shape[0], device=x.device), tokens_nl.argmax(-1)]
        return at_end @ self.text_projection
