"""open_clip's image encoder as one ONNX graph: `python graph.py SPEC ENGINE`."""

import json
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from serving import Model, Spec, WindowModel, serve


@dataclass(frozen=True)
class Engine:
    """A graph ready to run: frames [T, 3, S, S] to embeddings [T, D]."""

    run: Callable[[Any], Any]
    versions: dict[str, str]
    precision: str


class Graph(WindowModel):
    """All T frames in one batch for each decision, their mean against the labels' texts."""

    def __init__(self, spec: Spec, engine: Engine) -> None:
        import numpy as np

        super().__init__(spec, engine.versions)
        self.precision, self._run = engine.precision, engine.run
        folder = Path(spec.folder) / "tower"
        self._texts = np.load(folder / "texts.npy")
        pixels = json.loads((folder / "pixels.json").read_text())
        self._side = pixels["size_px"]
        self._mean = np.asarray(pixels["mean"], np.float32)
        self._std = np.asarray(pixels["std"], np.float32)

    def decide(self, window: list[Any]) -> str:
        """Encode all T frames."""
        import numpy as np

        images = self._run(np.stack(window))
        images = images / np.linalg.norm(images, axis=-1, keepdims=True)
        return self.labels[int((self._texts @ images.mean(0)).argmax())]

    def prepare(self, frame: Any) -> Any:
        """Return float32 [3, S, S]: short side to S, centre crop, RGB, normalised."""
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


def _onnxruntime(path: str, threads: int) -> Engine:
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"  # its import writes into the user's home
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    versions = {"onnxruntime": onnxruntime.__version__}
    return Engine(lambda images: session.run(None, {name: images})[0], versions, "fp32")


def _openvino(path: str, threads: int, **settings: Any) -> Engine:
    import openvino  # pyright: ignore[reportMissingImports]

    compiled = openvino.compile_model(path, "CPU", {"INFERENCE_NUM_THREADS": threads, **settings})
    # By default it computes in bf16 where the processor can.
    name = str(compiled.get_property("INFERENCE_PRECISION_HINT").get_type_name())
    precision = {"f32": "fp32", "f16": "fp16"}.get(name, name)
    versions = {"openvino": openvino.__version__.split("-")[0]}
    return Engine(lambda images: compiled(images)[0], versions, precision)


def _openvino_fp32(path: str, threads: int) -> Engine:
    return _openvino(path, threads, INFERENCE_PRECISION_HINT="f32")


_ENGINES = {"onnxruntime": _onnxruntime, "openvino": _openvino, "openvino-fp32": _openvino_fp32}


def load(spec: Spec) -> Model:
    """Return the graph in the engine that the command line names."""
    path = Path(spec.folder) / "tower" / "tower.onnx"
    return Graph(spec, _ENGINES[sys.argv[2]](str(path), spec.threads))


if __name__ == "__main__":
    serve(load)
