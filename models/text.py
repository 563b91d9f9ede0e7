"""The text encoder: CLIP's text tower, with open_clip's state-dict keys."""

import torch
from torch import Tensor, nn

from .config import TextConfig
from .transformer import Transformer


class TextEncoder(nn.Module):
    """Tokens to one embedding in the joint space, read at the end-of-text or the last token."""

    def __init__(self, config: TextConfig, dim: int) -> None:
        super().__init__()
        self.pool = config.pool
        self.token_embedding = nn.Embedding(config.vocab_size, config.width)
        self.positional_embedding = nn.Parameter(
            0.01 * torch.randn(config.context_length, config.width)
        )
        self.transformer = Transformer(
            config.width, config.layers, config.heads, config.mlp_width, config.activation,
            causal=config.causal, norm_eps=config.norm_eps,
        )  # fmt: skip
        self.ln_final = nn.LayerNorm(config.width, eps=config.norm_eps)
        self.text_projection: nn.Linear | nn.Parameter
        if config.projection_bias:
            self.text_projection = nn.Linear(config.width, dim)
        else:
            start = config.width**-0.5 * torch.randn(config.width, dim)
            self.text_projection = nn.Parameter(start)
        nn.init.normal_(self.token_embedding.weight, std=0.02)

    def forward(self, tokens_nl: Tensor) -> Tensor:
        """Encode zero-padded int64 tokens [N, L] to [N, D], not normalised."""
        x = self.token_embedding(tokens_nl) + self.positional_embedding
        x = self.ln_final(self.transformer(x))
        if self.pool == "last":
            chosen = x[:, -1]
        else:
            # End-of-text has the largest id of the vocabulary. As int32: ONNX Runtime before 1.20
            # has no ArgMax of int64.
            ends = tokens_nl.int().argmax(-1)
            chosen = x[torch.arange(x.shape[0], device=x.device), ends]
        if isinstance(self.text_projection, nn.Linear):
            return self.text_projection(chosen)
        return chosen @ self.text_projection
