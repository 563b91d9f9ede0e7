"""ONNX Runtime; the only file of the runtime that imports onnxruntime."""

import ctypes
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy.typing as npt

from .errors import EngineError

Array = npt.NDArray[Any]


class OrtGraph:
    """A graph in ONNX Runtime: on CUDA where there is a driver, else on the CPU.

    Attributes:
        inputs: names of the graph's inputs.
        outputs: names of its outputs.
        device: "cuda" or "cpu", as the session really runs.
    """

    def __init__(self, path: Path, *, threads: int = 0) -> None:
        try:
            import onnxruntime
        except ImportError as error:
            raise EngineError(
                "No inference engine is installed: run pip install '.[cpu]' in stzsar's folder, "
                "or '.[gpu]' where there is CUDA; on a Jetson install NVIDIA's onnxruntime-gpu "
                "wheel for its JetPack."
            ) from error
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.log_severity_level = 3
        # At the default level ONNX Runtime crashes on fp16 graphs on x86 (microsoft/onnxruntime
        # #28392: NchwcTransformer); the extended level gives the same speed.
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_EXTENDED
        try:
            # Its fusion of MobileCLIP's attention (microsoft/onnxruntime#27883) takes fp16 weights
            # for fp32 and fails, seen in 1.32.
            self._session = onnxruntime.InferenceSession(
                str(path), options, providers=_providers(), disabled_optimizers=["AttentionFusion"]
            )
        except Exception as error:  # onnxruntime's own exceptions share no public base
            raise EngineError(f"ONNX Runtime refuses {path}: {_first_line(error)}.") from error
        self.inputs = tuple(node.name for node in self._session.get_inputs())
        self.outputs = tuple(node.name for node in self._session.get_outputs())
        provider = self._session.get_providers()[0]
        self.device = "cpu" if provider == "CPUExecutionProvider" else "cuda"

    def __call__(self, feeds: Mapping[str, Array]) -> dict[str, Array]:
        """Run the graph on the arrays that it takes."""
        try:
            values: Any = self._session.run(
                self.outputs, {name: feeds[name] for name in self.inputs}
            )
        except Exception as error:
            raise EngineError(f"ONNX Runtime failed: {_first_line(error)}.") from error
        return dict(zip(self.outputs, values, strict=True))


def _providers() -> list[str]:
    """Return the providers worth asking for: the list of a wheel says nothing of the machine."""
    import onnxruntime

    wanted = "CUDAExecutionProvider"
    if wanted in onnxruntime.get_available_providers() and _has_cuda_driver():
        return [wanted, "CPUExecutionProvider"]
    return ["CPUExecutionProvider"]


def _has_cuda_driver() -> bool:
    try:
        return ctypes.CDLL("libcuda.so.1").cuInit(0) == 0
    except OSError:
        return False


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".")
