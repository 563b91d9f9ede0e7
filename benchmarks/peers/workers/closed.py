"""A closed vocabulary: Swin3D-S from torchvision, whose last layer has one row for each label."""

from collections import deque
from pathlib import Path
from typing import Any

from serving import Model, Spec, serve


class Swin:
    """Each frame goes through the weights' own preprocessing once."""

    precision = "fp32"

    def __init__(self, spec: Spec) -> None:
        import torch
        import torchvision
        from torchvision.models.video import Swin3D_S_Weights, swin3d_s

        torch.set_num_threads(spec.threads)
        self._transform: Any = Swin3D_S_Weights.KINETICS400_V1.transforms()
        self._model = swin3d_s(num_classes=len(spec.labels)).eval()
        self._model.load_state_dict(torch.load(Path(spec.folder) / "swin3d_s.pt"))
        self._labels = spec.labels
        self._frames: deque[Any] = deque(maxlen=spec.frames)
        self.versions = {"torch": torch.__version__, "torchvision": torchvision.__version__}

    def reset(self) -> None:
        """Forget the frames."""
        self._frames.clear()

    def push(self, frame: Any) -> str | None:
        """Preprocess the newest frame; run the network on all T."""
        import torch

        image = torch.from_numpy(frame[..., ::-1].copy()).permute(2, 0, 1)
        self._frames.append(self._transform(image[None]))  # [3, 1, S, S]
        if len(self._frames) < (self._frames.maxlen or 0):
            return None
        with torch.inference_mode():
            logits = self._model(torch.cat(list(self._frames), dim=1)[None])
            return self._labels[int(logits.softmax(-1)[0].argmax())]


def load(spec: Spec) -> Model:
    """Return the loaded model."""
    return Swin(spec)


if __name__ == "__main__":
    serve(load)
