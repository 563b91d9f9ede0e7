"""CLIP's plain ViT: one embedding for the frame and one for each patch."""

from typing import NamedTuple, cast

import torch
from torch import Tensor, nn

from .config import VisionConfig
from .transformer import Block, Transformer


class FrameFeatures(NamedTuple):
    """Embeddings in the joint space, not normalised."""

    frame: Tensor  # the whole frame, [N, D]
    patches: Tensor  # [N, P, D]


class Pixels(nn.Module):
    """Converts OpenCV's frames to the pixels that a backbone was trained on."""

    mean: Tensor
    std: Tensor

    def __init__(self, mean: tuple[float, float, float], std: tuple[float, float, float]) -> None:
        super().__init__()
        # Not persistent: they belong to the configuration, and CLIP's files lack them.
        self.register_buffer("mean", torch.tensor(mean).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(std).view(1, 3, 1, 1), persistent=False)

    def forward(self, frames_nhwc: Tensor) -> Tensor:
        """Convert uint8 BGR [N, H, W, 3] to normalised RGB [N, 3, H, W]."""
        # Cast first: TensorRT supports uint8 in inputs and in Cast only.
        rgb = frames_nhwc.to(self.mean.dtype).flip(-1).permute(0, 3, 1, 2) / 255
        return (rgb - self.mean) / self.std


class FrameEncoder(nn.Module):
    """CLIP's visual tower, with open_clip's state-dict keys (`visual.*`)."""

    def __init__(self, config: VisionConfig, dim: int) -> None:
        super().__init__()
        width, scale = config.width, config.width**-0.5
        self.patch_path = config.patch_path
        self.conv1 = nn.Conv2d(3, width, config.patch_px, config.patch_px, bias=False)
        self.class_embedding = nn.Parameter(scale * torch.randn(width))
        self.positional_embedding = nn.Parameter(scale * torch.randn(config.patches + 1, width))
        self.ln_pre = nn.LayerNorm(width) if config.pre_norm else nn.Identity()
        self.transformer = Transformer(
            width, config.layers, config.heads, config.mlp_width, config.activation
        )
        self.ln_post = nn.LayerNorm(width)
        self.proj = nn.Parameter(scale * torch.randn(width, dim))
        self.pixels = Pixels(config.mean, config.std)

    def forward(self, frames_nhwc: Tensor) -> FrameFeatures:
        """Encode frames, uint8 BGR [N, S, S, 3], S = `image_px`."""
        tokens = self._embed(self.pixels(frames_nhwc))
        blocks = self.transformer.resblocks
        for block in blocks[:-1]:
            tokens = block(tokens)
        last = cast(Block, blocks[-1])
        seen = last(tokens)
        patches = seen[:, 1:]
        if self.patch_path == "value":
            patches = last.value_path(tokens[:, 1:])
        return FrameFeatures(
            self.ln_post(seen[:, 0]) @ self.proj, self.ln_post(patches) @ self.proj
        )

    def _embed(self, pixels_nchw: Tensor) -> Tensor:
        patches = self.conv1(pixels_nchw).flatten(2).transpose(1, 2)
        cls = self.class_embedding.expand(patches.shape[0], 1, -1)
        return self.ln_pre(torch.cat([cls, patches], 1) + self.positional_embedding)
