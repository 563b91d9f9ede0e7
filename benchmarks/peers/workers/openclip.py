"""open_clip in PyTorch: the image encoder on all T frames, their mean against the labels' texts."""

from pathlib import Path
from typing import Any

from serving import Spec, WindowModel, serve


class OpenClip(WindowModel):
    def __init__(self, spec: Spec) -> None:
        import open_clip
        import torch

        super().__init__(spec, {"torch": torch.__version__, "open_clip": open_clip.__version__})
        torch.set_num_threads(spec.threads)
        weights = str(Path(spec.folder) / "open_clip.pt")
        model, _, self._preprocess = open_clip.create_model_and_transforms(
            spec.backbone, pretrained=weights
        )
        self._model: Any = model.eval()
        texts = [f"a photo of {label}" for label in spec.labels]
        tokens = open_clip.get_tokenizer(spec.backbone)(texts)
        with torch.inference_mode():
            self._texts = self._model.encode_text(tokens, normalize=True)

    def prepare(self, frame: Any) -> Any:
        """Preprocess a frame as open_clip does."""
        from PIL import Image

        transform: Any = self._preprocess
        return transform(Image.fromarray(frame[..., ::-1]))

    def decide(self, window: list[Any]) -> str:
        import torch

        with torch.inference_mode():
            images = self._model.encode_image(torch.stack(window), normalize=True)
            video = torch.nn.functional.normalize(images.mean(0), dim=-1)
            return self.labels[int((self._texts @ video).argmax())]


if __name__ == "__main__":
    serve(OpenClip)
