"""Runs graphs in ONNX Runtime, on CUDA where there is a driver, else on the CPU."""

import contextlib
import re
import sys
import threading
from collections.abc import Collection, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from ..bundle.onnx_file import OnnxFacts, read_onnx
from ..cpu import cpu_limit
from ..errors import EngineError, StzsarError
from .cuda import find_driver
from .graph import Array, BoundGraph, Sizes
from .heap import blocks_given_back
from .ort_import import load_onnxruntime
from .ort_tensorrt import PROVIDER, provider_options

_LONGEST = 400
_BASE_BYTES, _WEIGHTS_TIMES = 3 << 29, 4
_OPENING = threading.Lock()
_NO_TENSORRT = (
    "ONNX Runtime does not run TensorRT here: it requires an NVIDIA GPU, pip install '.[gpu]' in "
    "stzsar's folder, and the TensorRT that its wheel was built for; or run with --engine auto."
)


class OrtGraph:
    """A graph in ONNX Runtime: on CUDA where there is a driver, else on the CPU.

    Attributes:
        inputs: names of the graph's inputs.
        outputs: names of its outputs.
        sizes: of its inputs and outputs, see `Graph`.
        device: "tensorrt", "cuda" or "cpu": what the session really uses.
    """

    def __init__(self, path: Path, *, threads: int = 0, tensorrt: bool = False) -> None:
        """Load the ONNX file `path`, through TensorRT if asked for.

        Raises:
            EngineError: ONNX Runtime or its TensorRT is missing, or it refuses the graph.
            BundleError: the graph holds what no export writes.
        """
        onnxruntime, facts = load_onnxruntime(), read_onnx(path)
        options = _options(onnxruntime, facts, threads)
        try:
            # It reports a provider that does not load on stdout, where results go.
            with contextlib.redirect_stdout(sys.stderr), blocks_given_back():
                providers = _with_tensorrt(path, options) if tensorrt else _providers()
                self._session = _open(onnxruntime, path, options, providers)
        except StzsarError:
            raise
        except Exception as error:  # onnxruntime's own exceptions share no public base
            raise EngineError(f"ONNX Runtime refuses {path}: {_in_a_line(error)}.") from error
        self.inputs = tuple(node.name for node in self._session.get_inputs())
        self.outputs = tuple(node.name for node in self._session.get_outputs())
        nodes = [*self._session.get_inputs(), *self._session.get_outputs()]
        self.sizes: Mapping[str, Sizes] = {
            node.name: tuple(size if isinstance(size, int) else None for size in node.shape)
            for node in nodes
            if node.shape  # an unknown shape is an empty one too
        }
        provider = self._session.get_providers()[0]  # a provider that fails is left out silently
        if tensorrt and provider != PROVIDER:
            raise EngineError(_NO_TENSORRT)
        self._memory = "cpu" if provider == "CPUExecutionProvider" else "cuda"
        self.device = "tensorrt" if tensorrt else self._memory

    def bind(
        self, constants: Mapping[str, Array], outputs: Collection[str] | None = None
    ) -> BoundGraph:
        """Put the constants that the graph takes onto the device; see `Graph`."""
        on_device = load_onnxruntime().OrtValue.ortvalue_from_numpy
        taken = {
            name: on_device(np.ascontiguousarray(constants[name]), self._memory, 0)
            for name in self.inputs
            if name in constants
        }
        wanted = [name for name in self.outputs if outputs is None or name in outputs]
        return partial(self._run, taken, wanted)

    def __call__(self, feeds: Mapping[str, Array]) -> dict[str, Array]:
        """Run the graph on the arrays that it takes."""
        return self._run({}, self.outputs, feeds)

    def _run(
        self, constants: Mapping[str, Any], outputs: Sequence[str], feeds: Mapping[str, Array]
    ) -> dict[str, Array]:
        binding = self._session.io_binding()  # one for each call, since threads share the session
        try:
            for name in self.inputs:
                if name in constants:
                    binding.bind_ortvalue_input(name, constants[name])
                else:
                    binding.bind_cpu_input(name, np.ascontiguousarray(feeds[name]))
            for name in outputs:
                binding.bind_output(name)
            self._session.run_with_iobinding(binding)
            values: Any = binding.copy_outputs_to_cpu()
        except Exception as error:
            raise EngineError(f"ONNX Runtime failed: {_in_a_line(error)}.") from error
        return dict(zip(outputs, values, strict=True))


def _options(onnxruntime: Any, facts: OnnxFacts, threads: int) -> Any:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads or cpu_limit() or 0
    options.log_severity_level = 3
    # The highest level uses a blocked layout for convolutions: MobileCLIP2-S0 takes 32 ms instead
    # of 62. On fp16 graphs it crashes on x86 (microsoft/onnxruntime#28392: NchwcTransformer).
    levels = onnxruntime.GraphOptimizationLevel
    options.graph_optimization_level = (
        levels.ORT_ENABLE_EXTENDED if facts.has_fp16 else levels.ORT_ENABLE_ALL
    )
    # Each session has its own threads, which keep spinning after a run. A stream alternates
    # between two graphs, whose threads then take each other's cores: a decision of ViT-B/32
    # took 103 ms on two cores, and 63 with this.
    options.add_session_config_entry("session.force_spinning_stop", "1")
    return options


def _open(onnxruntime: Any, path: Path, options: Any, providers: list[Any]) -> Any:
    """Open a session whose arrays on the CPU are limited, as a graph may compute any size."""
    with _OPENING:
        # Activations (MobileCLIP2-S0's take 290 MiB for 16 frames, the largest networks' several
        # times that), and weights with their copies in another layout.
        limit = _BASE_BYTES + _WEIGHTS_TIMES * path.stat().st_size
        memory = onnxruntime.OrtMemoryInfo(
            "Cpu",
            onnxruntime.OrtAllocatorType.ORT_ARENA_ALLOCATOR,
            0,
            onnxruntime.OrtMemType.DEFAULT,
        )
        # Versions before 1.23 take a single limit in a process, too small for all its sessions.
        with contextlib.suppress(RuntimeError):
            onnxruntime.create_and_register_allocator(
                memory, onnxruntime.OrtArenaCfg({"max_mem": limit})
            )
            options.add_session_config_entry("session.use_env_allocators", "1")
        return onnxruntime.InferenceSession(
            str(path),
            options,
            providers=providers,
            # Its fusion of MobileCLIP's attention (microsoft/onnxruntime#27883) reads fp16 weights
            # as fp32 and fails, seen in 1.32. Folding constants would allocate without the limit;
            # the export has folded them.
            disabled_optimizers=["AttentionFusion", "ConstantFolding"],
        )


def _providers() -> list[str]:
    """Return the providers to try: a wheel lists its own, whatever the machine has."""
    onnxruntime = load_onnxruntime()
    wanted = "CUDAExecutionProvider"
    if wanted in onnxruntime.get_available_providers() and find_driver():
        if hasattr(onnxruntime, "preload_dlls"):  # from 1.21: CUDA and cuDNN that pip installed
            onnxruntime.preload_dlls()
        return [wanted, "CPUExecutionProvider"]
    return ["CPUExecutionProvider"]


def _with_tensorrt(path: Path, options: Any) -> list[Any]:
    onnxruntime = load_onnxruntime()
    if PROVIDER not in onnxruntime.get_available_providers() or not find_driver():
        raise EngineError(_NO_TENSORRT)
    # The provider needs the input sizes beforehand, and only a session knows the inputs.
    plain = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    inputs = [(node.name, node.shape) for node in plain.get_inputs()]
    return [(PROVIDER, provider_options(path, inputs)), *_providers()]


def _in_a_line(error: Exception) -> str:
    """Return ONNX Runtime's message without its prefix, in one line of bounded length."""
    said = re.sub(r"^\[ONNXRuntimeError\] : \d+ : \w+ : ", "", " ".join(str(error).split()))
    shown = said if len(said) <= _LONGEST else f"{said[:_LONGEST]}…"
    return (shown or type(error).__name__).rstrip(".")
