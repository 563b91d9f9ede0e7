"""Frame encoders from timm: MobileCLIP's FastViT, SigLIP2's and PE-Core's ViTs.

Each returns the embedding of open_clip's visual tower, and patch embeddings in the same space.
CLIP's plain ViT is in `vision.py`.
"""

from typing import Any

from torch import Tensor, nn

from ..runtime.errors import BundleError
from .config import TimmConfig
from .quiet import quiet
from .vision import FrameFeatures, Pixels


class TimmFrameEncoder(nn.Module):
    """A vision model of timm with its pool and head; raises BundleError if timm lacks it."""

    def __init__(self, config: TimmConfig, dim: int) -> None:
        import timm

        super().__init__()
        self.pool = config.pool
        self.pixels = Pixels(config.mean, config.std)
        # timm would look up other names on the network (`hf-hub:…`) or in folders; this one may
        # come from a stranger's checkpoint.
        if not timm.is_model(config.model):
            raise BundleError(
                f"timm {timm.__version__} has no frame encoder {config.model!r:.80}: upgrade timm, "
                "or check where the checkpoint comes from."
            )
        try:
            with quiet():
                self.trunk: Any = timm.create_model(
                    config.model,
                    pretrained=False,
                    num_classes=dim if config.projected else 0,
                    global_pool=config.pool,
                )
        except (RuntimeError, ValueError, TypeError) as error:
            raise BundleError(
                f"timm {timm.__version__} cannot build the frame encoder {config.model!r} "
                f"({error}). Upgrade timm."
            ) from error

    def forward(self, frames_nhwc: Tensor) -> FrameFeatures:
        """Encode frames, uint8 BGR [N, S, S, 3], S = `image_px`."""
        # Without contiguous(), the backward pass of MobileCLIP's first convolution writes past its
        # buffer on CPUs with AVX-512 (torch 2.14, oneDNN).
        pixels = self.pixels(frames_nhwc).contiguous()
        features = self.trunk.forward_features(pixels)
        return FrameFeatures(self.trunk.forward_head(features), self._patches(features))

    def _patches(self, features: Tensor) -> Tensor:
        """Apply pool and head to each patch by itself, [N, P, D]."""
        trunk = self.trunk
        if self.pool == "avg":
            # The mean commutes with a linear map: the frame's embedding is the mean of these
            # (class activation maps, arXiv 1512.04150).
            return trunk.head.fc(features.flatten(2).transpose(1, 2))
        patches = features[:, trunk.num_prefix_tokens :]
        if self.pool == "map":
            patches = attended_alone(trunk.attn_pool, patches)
        return trunk.head(trunk.fc_norm(patches))


def attended_alone(pool: Any, tokens_nld: Tensor) -> Tensor:
    """Return the output of timm's AttentionPoolLatent for each token [N, L, D] alone.

    Attention to a single token is its value path, as in MaskCLIP (arXiv 2112.01071). The pool has
    no position embedding.
    """
    values = pool.kv(tokens_nld).chunk(2, -1)[1]
    mixed = pool.proj(values)
    return mixed if pool.mlp is None else mixed + pool.mlp(pool.norm(mixed))
