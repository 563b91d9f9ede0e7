"""open_clip in PyTorch: the image encoder on all T frames, their mean against the labels' texts."""

from collections import deque
from pathlib import Path
from typing import Any

from serving import Model, Spec, serve


class OpenClip:
    """Frames are preprocessed once, texts are encoded once."""

    precision = "fp32"

    def __init__(self, spec: Spec) -> None:
        import open_clip
        import torch

        torch.set_num_threads(spec.threads)
        weights = str(Path(spec.folder) / "open_clip.pt")
        model, _, self._preprocess = open_clip.create_model_and_transforms(
            spec.backbone, pretrained=weights
        )
        self._model: Any = model.eval()
        self._labels = spec.labels
        self._frames: deque[Any] = deque(maxlen=spec.frames)
        tokens = open_clip.get_tokenizer(spec.backbone)(
            [f"a photo of {label}" for label in spec.labels]
        )
        with torch.inference_mode():
            self._texts = self._model.encode_text(tokens, normalize=True)
        self.versions = {"torch": torch.__version__, "open_clip": open_clip.__version__}

    def reset(self) -> None:
        """Forget the frames."""
        self._frames.clear()

    def push(self, frame: Any) -> str | None:
        """Preprocess the newest frame; encode all T."""
        import torch
        from PIL import Image

        transform: Any = self._preprocess
        self._frames.append(transform(Image.fromarray(frame[..., ::-1])))
        if len(self._frames) < (self._frames.maxlen or 0):
            return None
        with torch.inference_mode():
            images = self._model.encode_image(torch.stack(list(self._frames)), normalize=True)
            video = torch.nn.functional.normalize(images.mean(0), dim=-1)
            return self._labels[int((self._texts @ video).argmax())]


def load(spec: Spec) -> Model:
    """Return the loaded model."""
    return OpenClip(spec)


if __name__ == "__main__":
    serve(load)
