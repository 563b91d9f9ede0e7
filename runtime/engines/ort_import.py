"""Imports ONNX Runtime; every path that needs it calls this and never imports it directly."""

import functools
import importlib
import os
from typing import Any

from ..errors import EngineError


@functools.cache
def load_onnxruntime() -> Any:
    """Return the module onnxruntime; raise EngineError if it is not installed."""
    # From 1.29 on, the import alone writes a device id and queues events in the user's home.
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"
    try:
        onnxruntime = importlib.import_module("onnxruntime")
    except ImportError as error:
        raise EngineError(
            "No inference engine is installed: run pip install '.[cpu]' in stzsar's folder, or "
            "'.[gpu]' where there is CUDA; on a Jetson install NVIDIA's onnxruntime-gpu wheel for "
            "its JetPack."
        ) from error
    onnxruntime.disable_telemetry_events()
    return onnxruntime
