"""Check that there is enough memory to build an engine, before minutes are spent on it.

The estimates are on the safe side. Host memory: a TensorRT-RTX build of ViT-B/32 peaked at five
times its ONNX file in fp16 and four times in fp32. GPU memory is *not verified on hardware*: twice
the weights, the largest similarities of patches with attributes, and a small workspace.
"""

from dataclasses import dataclass
from pathlib import Path

from ...errors import EngineError
from ..cuda import Gpu
from .key import Limits

MIB = 2**20
_SMALLEST_WORKSPACE = 128 * MIB
_LARGEST_WORKSPACE = 2048 * MIB
_HOST_BASE, _HOST_TIMES = 300 * MIB, 5
_GPU_BASE, _GPU_TIMES = 300 * MIB, 2
_PATCHES = 256  # ViT-B/16 and ViT-L/14 at 224 px have 196 and 256
_MEMINFO = Path("/proc/meminfo")


@dataclass(frozen=True)
class FreeMemory:
    """Free bytes of the CPU's memory, of swap, and of the GPU's memory."""

    host: int
    swap: int
    gpu: int


def free_memory(gpu_bytes: int, meminfo: Path = _MEMINFO) -> FreeMemory:
    """Return the free memory; without limit where the system does not report it."""
    try:
        lines = meminfo.read_text(encoding="ascii").splitlines()
        kib = {name: int(rest.split()[0]) for name, rest in (x.split(":", 1) for x in lines)}
        return FreeMemory(kib["MemAvailable"] * 1024, kib["SwapFree"] * 1024, gpu_bytes)
    except (OSError, ValueError, KeyError, IndexError):
        return FreeMemory(2**62, 0, gpu_bytes)


def workspace_for(graph: Path, limits: Limits, gpu: Gpu, free: FreeMemory) -> int:
    """Return how many bytes of workspace a build may use: half of what stays free.

    Raises:
        EngineError: there is too little memory; the sentence says how much, and what helps.
    """
    weights = graph.stat().st_size
    similarities = 4 * limits.streams * _PATCHES * limits.labels * limits.attributes
    on_gpu = _GPU_BASE + _GPU_TIMES * weights + 2 * similarities
    on_host = _HOST_BASE + _HOST_TIMES * weights
    # A Jetson has one memory for both, and swap helps only the CPU's part.
    if gpu.shares_memory:
        resident = min(free.gpu, free.host)
        host_left = free.host + free.swap - on_gpu - _SMALLEST_WORKSPACE
    else:
        resident, host_left = free.gpu, free.host + free.swap
    if resident < on_gpu + _SMALLEST_WORKSPACE:
        raise _too_little(graph, "GPU", on_gpu + _SMALLEST_WORKSPACE, resident, _SMALLER)
    if host_left < on_host:
        raise _too_little(graph, "CPU", on_host, max(0, host_left), _MORE_SWAP)
    spare = resident - on_gpu
    return max(_SMALLEST_WORKSPACE, min(_LARGEST_WORKSPACE, spare // 2))


_SMALLER = (
    "stop other programs, or build for less with stzsar-export --tensorrt --max-streams 1 "
    "--max-labels 64"
)
_MORE_SWAP = (
    "stop other programs, or add swap: sudo fallocate -l 8G /swapfile && sudo chmod 600 /swapfile "
    "&& sudo mkswap /swapfile && sudo swapon /swapfile"
)


def _too_little(graph: Path, whose: str, needed: int, free: int, remedy: str) -> EngineError:
    return EngineError(
        f"Building the TensorRT engine of {graph.name} requires about {needed / 2**30:.1f} GiB of "
        f"{whose} memory and {free / 2**30:.1f} GiB are free: {remedy}."
    )
