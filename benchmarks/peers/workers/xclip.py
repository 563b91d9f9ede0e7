"""X-CLIP from transformers in PyTorch: `python xclip.py SPEC example|once`.

`example` goes the way of the action recognition example of ultralytics: crops of 224 px are kept,
T of them are turned into a tensor for each decision, and the labels are tokenised and encoded for
each decision too. `once` turns each frame into a tensor once, and encodes the labels once; X-CLIP's
own prompts, which depend on the video, are still made for each.
"""

import sys
from collections import deque
from pathlib import Path
from typing import Any

from serving import Model, Spec, serve


class Example:
    """As in the example, without the detector that finds the people."""

    precision = "fp32"

    def __init__(self, spec: Spec) -> None:
        self._processor, self._model, self.versions = _load(spec)
        self._labels = spec.labels
        self._crops: deque[Any] = deque(maxlen=spec.frames)

    def reset(self) -> None:
        """Forget the crops."""
        self._crops.clear()

    def push(self, frame: Any) -> str | None:
        """Keep a crop of the frame; decide on all T of them."""
        import torch

        self._crops.append(_square(frame, self._model.config.vision_config.image_size))
        if len(self._crops) < (self._crops.maxlen or 0):
            return None
        texts = self._processor(text=self._labels, return_tensors="pt", padding=True)
        with torch.inference_mode():
            pixels = torch.stack([self._tensor(crop) for crop in self._crops])[None]
            found = self._model(pixel_values=pixels, input_ids=texts["input_ids"])
            return self._labels[int(found.logits_per_video.softmax(-1)[0].argmax())]

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


class Once:
    """Its own processor for each new frame, and the labels encoded once."""

    precision = "fp32"

    def __init__(self, spec: Spec) -> None:
        import torch

        self._processor, self._model, self.versions = _load(spec)
        self._labels = spec.labels
        self._frames: deque[Any] = deque(maxlen=spec.frames)
        texts = self._processor(text=spec.labels, return_tensors="pt", padding=True)
        with torch.inference_mode():
            encoded = self._model.text_model(**texts, return_dict=True)
        self._model.text_model = _Kept(encoded)

    def reset(self) -> None:
        """Forget the frames."""
        self._frames.clear()

    def push(self, frame: Any) -> str | None:
        """Process the newest frame; decide on all T."""
        import torch

        made = self._processor.image_processor([frame[..., ::-1].copy()], return_tensors="pt")
        self._frames.append(made["pixel_values"].reshape(1, *made["pixel_values"].shape[-3:]))
        if len(self._frames) < (self._frames.maxlen or 0):
            return None
        with torch.inference_mode():
            found = self._model(pixel_values=torch.cat(list(self._frames))[None])
            return self._labels[int(found.logits_per_video.softmax(-1)[0].argmax())]


def _Kept(encoded: Any) -> Any:  # noqa: N802 (it makes a module)
    """Return a text encoder that gives what it gave before: the labels did not change."""
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
    return (
        processor,
        model,
        {"torch": torch.__version__, "transformers": transformers.__version__},
    )


def load(spec: Spec) -> Model:
    """Return what the command line asks for."""
    return {"example": Example, "once": Once}[sys.argv[2]](spec)


if __name__ == "__main__":
    serve(load)
