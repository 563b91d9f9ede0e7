"""X-CLIP from transformers in PyTorch: `python xclip.py SPEC example|once`.

`example` does what ultralytics' action recognition example does: it keeps crops of 224 px, and for
each decision turns T of them into a tensor and tokenises and encodes the labels. `once` turns each
frame into a tensor once and encodes the labels once; X-CLIP's own prompts, which depend on the
video, are still made for each decision.
"""

import sys
from pathlib import Path
from typing import Any

from serving import Spec, WindowModel, serve


class Example(WindowModel):
    """As in the example, without the detector that finds the people."""

    def __init__(self, spec: Spec) -> None:
        self._processor, self._model, versions = _load(spec)
        super().__init__(spec, versions)

    def prepare(self, frame: Any) -> Any:
        return _square(frame, self._model.config.vision_config.image_size)

    def decide(self, window: list[Any]) -> str:
        import torch

        texts = self._processor(text=self.labels, return_tensors="pt", padding=True)
        with torch.inference_mode():
            pixels = torch.stack([self._tensor(crop) for crop in window])[None]
            output = self._model(pixel_values=pixels, input_ids=texts["input_ids"])
            return self.labels[int(output.logits_per_video.softmax(-1)[0].argmax())]

    def _tensor(self, crop: Any) -> Any:
        import torch
        from torchvision.transforms import v2

        images = self._processor.image_processor
        side = self._model.config.vision_config.image_size
        steps = [
            v2.ToDtype(torch.float32, scale=True),
            v2.Resize([side, side], antialias=True),
            v2.Normalize(mean=images.image_mean, std=images.image_std),
        ]
        return v2.Compose(steps)(torch.from_numpy(crop).permute(2, 0, 1))


class Once(WindowModel):
    """X-CLIP's processor for each new frame, and the labels encoded once."""

    def __init__(self, spec: Spec) -> None:
        import torch

        self._processor, self._model, versions = _load(spec)
        super().__init__(spec, versions)
        texts = self._processor(text=spec.labels, return_tensors="pt", padding=True)
        with torch.inference_mode():
            encoded = self._model.text_model(**texts, return_dict=True)
        self._model.text_model = _Kept(encoded)

    def prepare(self, frame: Any) -> Any:
        """Return [1, 3, S, S]."""
        made = self._processor.image_processor([frame[..., ::-1].copy()], return_tensors="pt")
        return made["pixel_values"].reshape(1, *made["pixel_values"].shape[-3:])

    def decide(self, window: list[Any]) -> str:
        import torch

        with torch.inference_mode():
            output = self._model(pixel_values=torch.cat(window)[None])
            return self.labels[int(output.logits_per_video.softmax(-1)[0].argmax())]


def _Kept(encoded: Any) -> Any:  # noqa: N802 (it makes a module)
    import torch

    class Kept(torch.nn.Module):
        def forward(self, **_: Any) -> Any:
            return encoded

    return Kept()


def _square(frame: Any, side: int) -> Any:
    import cv2

    height, width = frame.shape[:2]
    half = min(height, width) // 2
    top, left = height // 2 - half, width // 2 - half
    square = frame[top : top + 2 * half, left : left + 2 * half]
    return cv2.resize(square, (side, side), interpolation=cv2.INTER_LINEAR)


def _load(spec: Spec) -> tuple[Any, Any, dict[str, str]]:
    import torch
    import transformers  # pyright: ignore[reportMissingImports]

    torch.set_num_threads(spec.threads)
    folder = Path(spec.folder) / "xclip"
    processor = transformers.XCLIPProcessor.from_pretrained(folder)
    model = transformers.XCLIPModel.from_pretrained(folder).eval()
    versions = {"torch": torch.__version__, "transformers": transformers.__version__}
    return processor, model, versions


if __name__ == "__main__":
    serve({"example": Example, "once": Once}[sys.argv[2]])
