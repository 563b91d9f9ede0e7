"""Frame encoders that are timm's own modules: MobileCLIP's FastViT, SigLIP2's and PE-Core's ViTs.

Each gives the embedding of open_clip's visual tower, and embeddings of its places in the same
space. CLIP's own ViT is `vision.py`.
"""

from typing import TYPE_CHECKING, Any

from torch import Tensor, nn

from ..runtime.errors import BundleError
from .config import TimmConfig
from .quiet import quiet
from .vision import FrameFeatures, Pixels

if TYPE_CHECKING:
    pass


class TimmFrameEncoder(nn.Module):
    """One of timm's vision models with its pool and head.

    Raises:
        BundleError: the installed timm has no such model.
    """

    def __init__(self, config: TimmConfig, dim: int) -> None:
        import timm

        super().__init__()
        self.pool = config.pool
        self.pixels = Pixels(config.mean, config.std)
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
                f"The installed timm {timm.__version__} cannot make the frame encoder "
                f"{config.model!r} ({error}): upgrade timm."
            ) from error

    def forward(self, frames_nhwc: Tensor) -> FrameFeatures:
        """Encode frames.

        Args:
            frames_nhwc: uint8 [N, H, W, 3], BGR as OpenCV gives them, H = W = `image_px`.
        """
        # As they come, colours lie side by side in memory, and the backward pass of MobileCLIP's
        # first convolution then writes past its buffer on a CPU with AVX-512 (torch 2.14, oneDNN).
        pixels = self.pixels(frames_nhwc).contiguous()
        features = self.trunk.forward_features(pixels)
        return FrameFeatures(self.trunk.forward_head(features), self._patches(features))

    def _patches(self, features: Tensor) -> Tensor:
        """Return what the pool and the head make of each place by itself, [N, P, D]."""
        trunk = self.trunk
        if self.pool == "avg":
            # The mean and a linear map commute, so that a frame is the mean of its patches
            # (class activation maps, arXiv 1512.04150).
            return trunk.head.fc(features.flatten(2).transpose(1, 2))
        places = features[:, trunk.num_prefix_tokens :]
        if self.pool == "map":
            places = attended_alone(trunk.attn_pool, places)
        return trunk.head(trunk.fc_norm(places))


def attended_alone(pool: Any, tokens_nld: Tensor) -> Tensor:
    """Return what timm's AttentionPoolLatent gives if it attends to one token only, for each token.

    Attention that is sure of one token is its value path, after MaskCLIP (arXiv 2112.01071).

    Args:
        pool: the pool, without a position embedding of its own.
        tokens_nld: [N, L, D].

    Returns:
        [N, L, D].
    """
    values = pool.kv(tokens_nld).chunk(2, -1)[1]
    mixed = pool.proj(values)
    return mixed if pool.mlp is None else mixed + pool.mlp(pool.norm(mixed))
