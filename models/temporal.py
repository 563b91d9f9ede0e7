"""The temporal transformer: frames of a window, each seen in the light of the others."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .config import TemporalConfig
from .transformer import Transformer

# Of MoTE's gate: how many labels a window may mean, and how fast the gate closes
_NEAREST = 5
_GATE_TEMPERATURE = 0.05


class TemporalTransformer(nn.Module):
    """Pre-LN blocks over the frames of a window with a residual connection around them, as in BIKE.

    Each frame gets its position and its difference from the previous frame (ATM, arXiv 2307.08908).
    Only pairs of frames distinguish opposite directions. Trained from scratch, attention alone does
    not learn to compare them; with differences it does at once.
    """

    def __init__(self, config: TemporalConfig, dim: int) -> None:
        super().__init__()
        self.positional_embedding = nn.Parameter(0.01 * torch.randn(config.max_frames, dim))
        self.difference = nn.Linear(dim, dim, bias=False) if config.difference else None
        self.transformer = Transformer(
            dim,
            config.layers,
            config.heads,
            4 * dim,
            config.activation,
            norm_eps=config.norm_eps,
        )
        self.gate = SeenGate(config.gate_classes, dim) if config.gate_classes else None
        if config.initial == "bert":
            self._start_as_bert()

    def _start_as_bert(self) -> None:
        nn.init.normal_(self.positional_embedding, std=0.02)
        # Attention's packed input weights are no nn.Linear and stay, in BIKE too.
        for module in self.modules():
            if isinstance(module, nn.Linear):
                nn.init.normal_(module.weight, std=0.02)
                if module.bias is not None:
                    nn.init.zeros_(module.bias)

    def forward(self, frames_btd: Tensor, class_embeddings: Tensor) -> Tensor:
        """Return CLS + temporal(CLS + position + difference), [B, T, D]; T up to `max_frames`.

        `class_embeddings` [C, D] are the labels'; only the gate looks at them.
        """
        placed = frames_btd + self.positional_embedding[: frames_btd.shape[1]]
        if self.difference is not None:
            previous = torch.cat([frames_btd[:, :1], frames_btd[:, :-1]], dim=1)
            placed = placed + self.difference(frames_btd - previous)
        change = self.transformer(placed)
        if self.gate is not None:
            change = self.gate(frames_btd, class_embeddings) * change
        return frames_btd + change


class SeenGate(nn.Module):
    """How far a window's labels are from those of the training: MoTE's temporal feature modulation.

    The transformer learned from the classes of its training. The gate is 1 for a window that looks
    like labels which are among them, and near 0 for labels that are far from all of them.
    """

    def __init__(self, classes: int, dim: int) -> None:
        super().__init__()
        # Unit embeddings of the classes of the training, [K, D]
        self.register_buffer("seen_embeddings", torch.zeros(classes, dim))
        self.seen_embeddings: Tensor

    def forward(self, frames_btd: Tensor, class_embeddings: Tensor) -> Tensor:
        """Return factors [B, 1, 1] in (0, 1]; `class_embeddings` [C, D] are unit vectors."""
        video = F.normalize(frames_btd.mean(1), dim=-1)
        # Zero rows stand in where there are fewer labels than a window may mean.
        missing = class_embeddings.new_zeros(_NEAREST - 1, class_embeddings.shape[1])
        rows = torch.cat([class_embeddings, missing])
        real = torch.cat([torch.ones_like(class_embeddings[:, 0]), missing[:, 0]])
        near = (video @ rows.T - 3 * (1 - real)).topk(_NEAREST).indices  # no cosine is so low
        seen = (video @ self.seen_embeddings.T).topk(min(_NEAREST, len(self.seen_embeddings)))
        closeness = rows[near] @ self.seen_embeddings[seen.indices].transpose(-1, -2)
        counts = real[near]
        mean = (closeness.amax(-1) * counts).sum(-1) / counts.sum(-1)
        return torch.exp((mean - 1) / _GATE_TEMPERATURE)[:, None, None]
