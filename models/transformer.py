"""The transformer block of CLIP, with open_clip's state-dict keys.

Shapes: N sequences, L tokens, D width, H heads.
"""

import functools
from collections import OrderedDict
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from .config import Activation


class QuickGELU(nn.Module):
    """x·sigmoid(1.702x), the activation of OpenAI's CLIP."""

    def forward(self, x: Tensor) -> Tensor:
        return x * torch.sigmoid(1.702 * x)


class Attention(nn.Module):
    """Multi-head self-attention with the packed input weights of nn.MultiheadAttention.

    `fused` selects PyTorch's fused kernel. Export clears it: engines recognise attention as matrix
    products around a softmax.
    """

    def __init__(self, width: int, heads: int, *, causal: bool = False) -> None:
        super().__init__()
        if width % heads:
            raise ValueError(f"{width = } is not a multiple of {heads = }")
        self.heads = heads
        self.causal = causal
        self.fused = True
        self.in_proj_weight = nn.Parameter(torch.empty(3 * width, width))
        self.in_proj_bias = nn.Parameter(torch.zeros(3 * width))
        self.out_proj = nn.Linear(width, width)
        nn.init.xavier_uniform_(self.in_proj_weight)
        nn.init.zeros_(self.out_proj.bias)

    def forward(self, x_nld: Tensor) -> Tensor:
        """Map [N, L, D] to [N, L, D]."""
        n, length, width = x_nld.shape
        packed = F.linear(x_nld, self.in_proj_weight, self.in_proj_bias)
        packed = packed.view(n, length, 3, self.heads, width // self.heads)
        q, k, v = packed.permute(2, 0, 3, 1, 4).unbind(0)
        if self.fused:
            mixed = F.scaled_dot_product_attention(q, k, v, is_causal=self.causal)
        else:
            mixed = self._written_out(q, k, v)
        return self.out_proj(mixed.transpose(1, 2).reshape(n, length, width))

    def values(self, x_nld: Tensor) -> Tensor:
        """Return the value path alone, [N, L, D]: each token attends to itself only."""
        width = x_nld.shape[-1]
        weight, bias = self.in_proj_weight[2 * width :], self.in_proj_bias[2 * width :]
        return self.out_proj(F.linear(x_nld, weight, bias))

    def _written_out(self, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        scores = (q * q.shape[-1] ** -0.5) @ k.transpose(-1, -2)
        if self.causal:
            length = scores.shape[-1]
            later = torch.ones(length, length, dtype=torch.bool, device=scores.device).triu(1)
            scores = scores.masked_fill(later, -1e4)  # finite in fp16
        return scores.softmax(-1) @ v


_ACTIVATIONS: dict[Activation, Callable[[], nn.Module]] = {
    "gelu": nn.GELU,
    "quick_gelu": QuickGELU,
    "gelu_tanh": functools.partial(nn.GELU, approximate="tanh"),
}


class Block(nn.Module):
    """Pre-LN residual block: attention, then an MLP.

    With `recomputed`, training stores the block's input only and recomputes the rest in the
    backward pass: a third more time for a fraction of the memory.
    """

    def __init__(
        self,
        width: int,
        heads: int,
        mlp_width: int,
        activation: Activation = "gelu",
        *,
        causal: bool = False,
        norm_eps: float = 1e-5,
    ) -> None:
        super().__init__()
        self.recomputed = False
        self.ln_1 = nn.LayerNorm(width, eps=norm_eps)
        self.attn = Attention(width, heads, causal=causal)
        self.ln_2 = nn.LayerNorm(width, eps=norm_eps)
        act = _ACTIVATIONS[activation]()
        self.mlp = nn.Sequential(
            OrderedDict(
                c_fc=nn.Linear(width, mlp_width), gelu=act, c_proj=nn.Linear(mlp_width, width)
            )
        )

    def forward(self, x_nld: Tensor) -> Tensor:
        """Map [N, L, D] to [N, L, D]."""
        if self.recomputed and self.training:
            # Nothing in a block is random.
            return checkpoint(self._both, x_nld, use_reentrant=False, preserve_rng_state=False)
        return self._both(x_nld)

    def _both(self, x_nld: Tensor) -> Tensor:
        x_nld = x_nld + self.attn(self.ln_1(x_nld))
        return x_nld + self.mlp(self.ln_2(x_nld))

    def value_path(self, x_nld: Tensor) -> Tensor:
        """Like `forward`, but with attention's value path alone (MaskCLIP, arXiv 2112.01071)."""
        x_nld = x_nld + self.attn.values(self.ln_1(x_nld))
        return x_nld + self.mlp(self.ln_2(x_nld))


class Transformer(nn.Module):
    """A stack of blocks; `resblocks` is open_clip's name for them."""

    def __init__(
        self,
        width: int,
        layers: int,
        heads: int,
        mlp_width: int,
        activation: Activation = "gelu",
        *,
        causal: bool = False,
        norm_eps: float = 1e-5,
    ) -> None:
        super().__init__()
        self.resblocks = nn.ModuleList(
            Block(width, heads, mlp_width, activation, causal=causal, norm_eps=norm_eps)
            for _ in range(layers)
        )

    def forward(self, x_nld: Tensor) -> Tensor:
        """Map [N, L, D] to [N, L, D]."""
        for block in self.resblocks:
            x_nld = block(x_nld)
        return x_nld


def write_out_attention(model: nn.Module) -> None:
    """Make every attention of `model` trace as matrix products and a softmax."""
    for module in model.modules():
        if isinstance(module, Attention):
            module.fused = False
        elif hasattr(module, "fused_attn"):  # timm's name for the same switch
            setattr(module, "fused_attn", False)  # noqa: B010 - unknown to pyright


def recompute_activations(model: nn.Module, *, on: bool = True) -> None:
    """Make training recompute every block's activations in the backward pass, or stop it."""
    for module in model.modules():
        if isinstance(module, Block):
            module.recomputed = on
        elif hasattr(module, "set_grad_checkpointing"):  # timm's name for the same switch
            getattr(module, "set_grad_checkpointing")(on)  # noqa: B009 - unknown to pyright


def has_batch_norm(model: nn.Module) -> bool:
    """Return whether `model` has BatchNorm, which updates its statistics in each forward pass."""
    return any(
        isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d | nn.SyncBatchNorm)
        for module in model.modules()
    )
