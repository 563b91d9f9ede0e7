"""open_clip's image encoder as one ONNX graph: `python graph.py SPEC onnxruntime|openvino`."""

import json
import sys
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any

from serving import Model, Spec, serve


class Graph:
    """All T frames in one batch for each decision, their mean against the labels' texts."""

    def __init__(self, spec: Spec, run: Callable[[Any], Any], versions: dict[str, str]) -> None:
        import numpy as np

        self.versions = versions
        self._run = run
        self._labels = spec.labels
        folder = Path(spec.folder) / "tower"
        self._texts = np.load(folder / "texts.npy")
        pixels = json.loads((folder / "pixels.json").read_text())
        self._side = pixels["size_px"]
        self._mean = np.asarray(pixels["mean"], np.float32)
        self._std = np.asarray(pixels["std"], np.float32)
        self._frames: deque[Any] = deque(maxlen=spec.frames)

    def reset(self) -> None:
        """Forget the frames."""
        self._frames.clear()

    def push(self, frame: Any) -> str | None:
        """Preprocess the newest frame; encode all T."""
        import numpy as np

        self._frames.append(self._preprocess(frame))
        if len(self._frames) < (self._frames.maxlen or 0):
            return None
        images = self._run(np.stack(self._frames))
        images = images / np.linalg.norm(images, axis=-1, keepdims=True)
        return self._labels[int((self._texts @ images.mean(0)).argmax())]

    def _preprocess(self, frame: Any) -> Any:
        """Return float32 [3, S, S]: short side to S, centre, RGB, mean and deviation."""
        import cv2
        import numpy as np

        side, (height, width) = self._side, frame.shape[:2]
        scale = side / min(height, width)
        size = (max(side, round(width * scale)), max(side, round(height * scale)))
        image = cv2.resize(frame, size, interpolation=cv2.INTER_CUBIC)
        top, left = (size[1] - side) // 2, (size[0] - side) // 2
        image = cv2.cvtColor(image[top : top + side, left : left + side], cv2.COLOR_BGR2RGB)
        image = (image.astype(np.float32) / 255 - self._mean) / self._std
        return image.transpose(2, 0, 1)


def _onnxruntime(path: str, threads: int) -> tuple[Callable[[Any], Any], str]:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    return lambda images: session.run(None, {name: images})[0], onnxruntime.__version__


def _openvino(path: str, threads: int) -> tuple[Callable[[Any], Any], str]:
    import openvino  # pyright: ignore[reportMissingImports]

    settings = {"INFERENCE_NUM_THREADS": threads}
    compiled = openvino.compile_model(path, "CPU", settings)
    return lambda images: compiled(images)[0], openvino.__version__


def load(spec: Spec) -> Model:
    """Return the graph in the engine that the command line asks for."""
    name = sys.argv[2]
    engine = {"onnxruntime": _onnxruntime, "openvino": _openvino}[name]
    run, version = engine(str(Path(spec.folder) / "tower" / "tower.onnx"), spec.threads)
    return Graph(spec, run, {name: version})


if __name__ == "__main__":
    serve(load)
