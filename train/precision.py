"""Mixed precision where the device has it."""

import contextlib
from dataclasses import dataclass

import torch

from ..runtime.errors import StzsarError

PRECISIONS = ("auto", "fp32", "bf16", "fp16")


@dataclass(frozen=True)
class Precision:
    """The arithmetic of the forward pass: a dtype on a device, or None for plain fp32."""

    dtype: torch.dtype | None
    device: torch.device

    @classmethod
    def choose(cls, name: str, device: torch.device) -> "Precision":
        """Resolve a name; "auto" takes bf16 or fp16 on CUDA and fp32 on a CPU.

        Raises:
            StzsarError: fp16 was asked for on a CPU, where its gradients are of no use.
        """
        cuda = device.type == "cuda"
        if name == "auto":
            if not cuda:
                return cls(None, device)
            return cls(torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float16, device)
        if name == "fp16" and not cuda:
            raise StzsarError("--precision fp16 needs a GPU: take bf16 or fp32 on a CPU.")
        return cls({"fp32": None, "bf16": torch.bfloat16, "fp16": torch.float16}[name], device)

    def autocast(self) -> contextlib.AbstractContextManager[object]:
        """Return the context of the forward pass."""
        if self.dtype is None:
            return contextlib.nullcontext()
        return torch.autocast(self.device.type, self.dtype)

    def scaler(self) -> torch.amp.GradScaler:
        """Return the gradient scaler, which does something for fp16 only."""
        return torch.amp.GradScaler(self.device.type, enabled=self.dtype == torch.float16)
