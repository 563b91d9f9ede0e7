"""A closed vocabulary: Swin3D-S from torchvision, whose last layer has one row for each label."""

from pathlib import Path
from typing import Any

from serving import Spec, WindowModel, serve


class Swin(WindowModel):
    def __init__(self, spec: Spec) -> None:
        import torch
        import torchvision
        from torchvision.models.video import Swin3D_S_Weights, swin3d_s

        versions = {"torch": torch.__version__, "torchvision": torchvision.__version__}
        super().__init__(spec, versions)
        torch.set_num_threads(spec.threads)
        self._transform: Any = Swin3D_S_Weights.KINETICS400_V1.transforms()
        self._model = swin3d_s(num_classes=len(spec.labels)).eval()
        self._model.load_state_dict(torch.load(Path(spec.folder) / "swin3d_s.pt"))

    def prepare(self, frame: Any) -> Any:
        """Return [3, 1, S, S]."""
        import torch

        image = torch.from_numpy(frame[..., ::-1].copy()).permute(2, 0, 1)
        return self._transform(image[None])

    def decide(self, window: list[Any]) -> str:
        import torch

        with torch.inference_mode():
            logits = self._model(torch.cat(window, dim=1)[None])
            return self.labels[int(logits.softmax(-1)[0].argmax())]


if __name__ == "__main__":
    serve(Swin)
