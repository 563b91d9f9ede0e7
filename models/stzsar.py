"""STZSAR: frame encoder, temporal transformer, text encoder and STI head as one network."""

import dataclasses
from collections.abc import Sequence

import torch.nn.functional as F
from torch import Tensor, nn

from .config import ModelConfig, TimmConfig
from .interaction import Bank, FrameState, STIHead, WindowScores
from .temporal import TemporalTransformer
from .text import TextEncoder
from .timm_vision import TimmFrameEncoder
from .vision import FrameEncoder


class STZSAR(nn.Module):
    """The whole network.

    `forward` composes `encode_frames` and `score_window`. Export traces the same two, so a clip and
    a stream are one computation. A `config.text.tokenizer` of "file" needs `tokenizer_json`.
    """

    def __init__(self, config: ModelConfig, tokenizer_json: str | None = None) -> None:
        super().__init__()
        self.config = config
        self.tokenizer_json = tokenizer_json
        self.visual: FrameEncoder | TimmFrameEncoder
        if isinstance(config.vision, TimmConfig):
            self.visual = TimmFrameEncoder(config.vision, config.dim)
        else:
            self.visual = FrameEncoder(config.vision, config.dim)
        self.text = TextEncoder(config.text, config.dim)
        self.temporal = config.temporal and TemporalTransformer(config.temporal, config.dim)
        self.head = STIHead(config.head, config.dim, contextual=self.temporal is not None)

    @property
    def state_names(self) -> tuple[str, ...]:
        """Names of the tensors of a frame state, in the order of the graphs' outputs."""
        return self.head.state_names

    @property
    def feature_names(self) -> tuple[str, ...]:
        """Names of the features, in the order of the graphs' outputs."""
        return self.head.feature_names

    def use_prompts(self, prompts: Sequence[str]) -> None:
        """Put labels into other sentences from now on; no weight depends on them."""
        self.config = dataclasses.replace(self.config, prompts=tuple(prompts))

    def forward(self, video_bthwc: Tensor, bank: Bank) -> Tensor:
        """Return logits [B, C] of clips, uint8 BGR [B, T, S, S, 3], where S is `image_px`."""
        batch, frames = video_bthwc.shape[:2]
        state = self.encode_frames(video_bthwc.flatten(0, 1), bank)
        over_time = {name: value.unflatten(0, (batch, frames)) for name, value in state.items()}
        return self.score_window(over_time, bank).logits

    def encode_frames(self, frames_bhwc: Tensor, bank: Bank) -> FrameState:
        """Return the frame states [B, …] of uint8 BGR frames [B, H, W, 3]."""
        return self.encode_with_features(frames_bhwc, bank)[0]

    def encode_with_features(
        self, frames_bhwc: Tensor, bank: Bank
    ) -> tuple[FrameState, dict[str, Tensor]]:
        """Return the states of frames and the features behind them, see `STIHead`."""
        frame, patches = self.visual(frames_bhwc)
        features = self.head.features(frame, patches)
        return self.head.frame_state(frame, features, bank), features

    def score_window(self, state: FrameState, bank: Bank) -> WindowScores:
        """Score windows of frame states with a time axis, [B, T, …]."""
        if self.temporal is not None:
            classes = bank.class_embeddings
            state = {**state, "frame": self.temporal(state["frame"], classes)}
        return self.head.score(state, bank)

    def encode_text(self, tokens_nl: Tensor) -> Tensor:
        """Return unit embeddings [N, D] of int64 tokens [N, L]."""
        return F.normalize(self.text(tokens_nl), dim=-1)
