"""Mixed precision for the towers.

The head divides cosines by a temperature of 0.01 and sums over patches and words: in half
precision its saliency is off by several per cent. It stays in fp32, as in the exported graphs.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from ...models.stzsar import STZSAR
from ...models.vision import FrameFeatures
from ...runtime.errors import StzsarError


@dataclass(frozen=True)
class Precision:
    """The arithmetic of the towers: a dtype on a device, or None for plain fp32."""

    dtype: torch.dtype | None
    device: torch.device

    @classmethod
    def choose(cls, name: str, device: torch.device) -> "Precision":
        """Resolve a name; "auto" is bf16 or fp16 on CUDA and fp32 on a CPU.

        Raises:
            StzsarError: fp16 on a CPU, where gradients underflow.
        """
        cuda = device.type == "cuda"
        if name == "auto":
            if not cuda:
                return cls(None, device)
            return cls(torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float16, device)
        if name == "fp16" and not cuda:
            raise StzsarError("--precision fp16 requires a GPU: use bf16 or fp32 on a CPU.")
        return cls({"fp32": None, "bf16": torch.bfloat16, "fp16": torch.float16}[name], device)

    def apply_to(self, network: STZSAR) -> None:
        """Make the towers of `network` compute in this precision and return fp32 to the head."""
        if self.dtype is None:
            return
        for tower in (network.visual, network.text, network.temporal):
            if tower is not None:
                tower.forward = self._cast(tower.forward)  # type: ignore[method-assign]

    def _cast(self, forward: Callable[..., Any]) -> Callable[..., Any]:
        def cast(*inputs: Tensor) -> Any:
            with torch.autocast(self.device.type, self.dtype):
                output = forward(*inputs)
            if isinstance(output, FrameFeatures):
                return FrameFeatures(*(value.float() for value in output))
            return output.float()

        return cast

    def scaler(self) -> torch.amp.GradScaler:
        """Return the gradient scaler, which is active in fp16 only."""
        return torch.amp.GradScaler(self.device.type, enabled=self.dtype == torch.float16)
