"""Options for ONNX Runtime's TensorRT provider, the fallback for devices where `trt/` fails.

It gets the same sizes as our own engines. The provider keeps its own engines, under names that
contain TensorRT's version and the GPU, and reads them unchecked. They go to the user's cache and
never into a bundle, which others may have written.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..bundle.bundle import BANK, read_manifest, sha256_of
from ..labels.bank import LabelBank
from .trt.graph import limits_of
from .trt.key import DEFAULT_STREAMS, Limits
from .trt.store import engine_cache

PROVIDER = "TensorrtExecutionProvider"


def provider_options(path: Path, inputs: Sequence[tuple[str, Sequence[Any]]]) -> dict[str, Any]:
    """Return the provider's options for a bundle's graph with these names and shapes of inputs."""
    manifest = read_manifest(path.parent)
    bank = LabelBank.load(path.parent / BANK).arrays()
    needed = Limits(streams=DEFAULT_STREAMS, frames=manifest.sampling.frames)
    limits = needed.joined(limits_of(bank)).roomy()
    shapes = {
        name: limits.shapes(name, [size if isinstance(size, int) else -1 for size in shape])
        for name, shape in inputs
    }
    folder = _cache_folder(path)
    return {
        "trt_engine_cache_enable": True,
        "trt_engine_cache_path": str(folder),
        "trt_timing_cache_enable": True,
        "trt_timing_cache_path": str(folder),
        # Its networks are not strongly typed: each type of the graph must be allowed.
        "trt_fp16_enable": manifest.precision == "fp16",
        "trt_layer_norm_fp32_fallback": manifest.precision == "fp16",
        "trt_int8_enable": manifest.precision == "int8",
        "trt_profile_min_shapes": _joined(shapes, 0),
        "trt_profile_opt_shapes": _joined(shapes, 1),
        "trt_profile_max_shapes": _joined(shapes, 2),
    }


def _joined(shapes: dict[str, tuple[tuple[int, ...], ...]], which: int) -> str:
    return ",".join(f"{name}:{'x'.join(map(str, s[which]))}" for name, s in shapes.items())


def _cache_folder(path: Path) -> Path:
    folder = engine_cache() / "onnxruntime" / sha256_of(path)[:16]
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder
