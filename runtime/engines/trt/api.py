"""What differs between TensorRT 10.3 to 11.x and TensorRT-RTX; no other file asks for a version.

One path serves all: strongly typed networks, tensors by name, execute_async_v3. It uses neither
the flags that 11 dropped (EXPLICIT_BATCH, FP16) nor `platform_has_*`. The other files may only use
names that all versions have; the tests check that (tests/runtime/tensorrt_names.json).
"""

import re
import threading
from collections.abc import Callable
from typing import Any

from ...errors import EngineError
from ..cuda import find_driver

_OLDEST = (10, 0)
_LOGGED = 20
# What TensorRT-RTX compiles for: no Jetson is among them (Orin is 8.7, Thor 11.0).
RTX_TARGETS = ("sm75", "sm80", "sm86", "sm89", "sm120", "sm121")

Report = Callable[[float, str], None]


def why_no_tensorrt() -> str | None:
    """Return why TensorRT cannot run here, and how to get it; None if it can."""
    driver = find_driver()
    if driver is None:
        return "TensorRT requires an NVIDIA GPU with its driver, and libcuda.so.1 finds none here."
    try:
        trt = _import_any()
    except ImportError:
        return (
            "TensorRT is not installed: on a Jetson it comes with JetPack (make the environment "
            "with --system-site-packages), elsewhere run pip install tensorrt-cu12, or "
            "tensorrt-cu13 where the driver serves CUDA 13."
        )
    if not is_rtx(trt) and _version(trt) < _OLDEST:
        return f"TensorRT {trt.__version__} is too old: stzsar supports 10.0 and later."
    if is_rtx(trt) and target_of(driver.gpu().capability) not in RTX_TARGETS:
        return (
            f"TensorRT-RTX does not support {driver.gpu().name} (compute capability "
            f"{driver.gpu().capability}): install tensorrt."
        )
    return None


def load_tensorrt() -> Any:
    """Return the module tensorrt, or tensorrt_rtx where only that is installed.

    Raises:
        EngineError: there is no driver, no TensorRT, or one before 10.0.
    """
    reason = why_no_tensorrt()
    if reason:
        raise EngineError(reason)
    return _import_any()


def load_rtx() -> Any:
    """Return the module tensorrt_rtx, which compiles without a GPU.

    Raises:
        EngineError: it is not installed.
    """
    try:
        import tensorrt_rtx  # pyright: ignore[reportMissingImports]
    except ImportError as error:
        raise EngineError(
            "TensorRT-RTX is not installed: run pip install '.[rtx]' in stzsar's folder "
            "(Linux on x86-64 only)."
        ) from error
    return tensorrt_rtx


def is_rtx(trt: Any) -> bool:
    """Whether the module is TensorRT-RTX."""
    return trt.__name__ == "tensorrt_rtx"


def create_network(trt: Any, builder: Any) -> Any:
    """Return an empty strongly typed network, whose precision is that of the graph's types."""
    # 11 has no other kind and still accepts the flag.
    return builder.create_network(1 << int(trt.NetworkDefinitionCreationFlag.STRONGLY_TYPED))


def set_targets(trt: Any, config: Any, targets: tuple[str, ...]) -> None:
    """Compile for compute capabilities such as "sm86"; only TensorRT-RTX can."""
    config.num_compute_capabilities = len(targets)
    for place, target in enumerate(targets):
        config.set_compute_capability(getattr(trt.ComputeCapability, target.upper()), place)


def target_of(capability: str) -> str:
    """Return "sm86" for "8.6"."""
    return "sm" + capability.replace(".", "")


def check_targets(text: str) -> tuple[str, ...]:
    """Read "sm86,sm89".

    Raises:
        EngineError: it is empty, or TensorRT-RTX does not compile for one of them.
    """
    parts = (part.strip().lower() for part in text.split(","))
    targets = tuple(dict.fromkeys(filter(None, parts)))
    if not targets:
        raise EngineError(
            f"--tensorrt-rtx {text!r:.40} names no compute capability: give them as sm86,sm89."
        )
    for target in targets:
        if target not in RTX_TARGETS:
            jetson = {"sm87": "Orin", "sm101": "Thor", "sm110": "Thor"}.get(target)
            raise EngineError(
                f"{target!r:.40} is a Jetson ({jetson}), which TensorRT-RTX does not support: run "
                "stzsar-export --tensorrt on the device."
                if jetson
                else f"TensorRT-RTX does not compile for {target!r:.40}: choose from "
                f"{', '.join(RTX_TARGETS)}."
            )
    return targets


def make_log(trt: Any, listen: Callable[[str], None] | None = None) -> Any:
    """Return a logger for TensorRT that prints nothing and keeps errors in `errors`.

    `listen` is called with every message, verbose ones included.
    """

    class Log(trt.ILogger):
        def __init__(self) -> None:
            trt.ILogger.__init__(self)
            self.errors: list[str] = []

        def log(self, severity: Any, message: str) -> None:
            if severity in (trt.ILogger.ERROR, trt.ILogger.INTERNAL_ERROR):
                self.errors = [*self.errors[-_LOGGED:], message]
            if listen:
                listen(message)

    return Log()


def make_monitor(trt: Any, report: Report, stop: threading.Event) -> Any:
    """Return a progress monitor that calls `report` with the share done and the phase's name.

    The build ends early when `stop` is set or `report` raises; `stopped_by` keeps the exception.
    """

    class Monitor(trt.IProgressMonitor):
        def __init__(self) -> None:
            trt.IProgressMonitor.__init__(self)
            self.stopped_by: BaseException | None = None
            self._phases: dict[str, tuple[str | None, int, int]] = {}  # parent, steps, done
            self._share = 0.0

        def phase_start(self, phase_name: str, parent_phase: str | None, num_steps: int) -> None:
            self._phases[phase_name] = (parent_phase, max(1, num_steps), 0)

        def step_complete(self, phase_name: str, step: int) -> bool:
            # An exception must not cross TensorRT's C++.
            try:
                parent, steps, _ = self._phases[phase_name]
                self._phases[phase_name] = (parent, steps, step + 1)
                self._share = max(self._share, self._done(phase_name))
                report(self._share, phase_name)
            except BaseException as error:
                self.stopped_by = self.stopped_by or error
            return self.stopped_by is None and not stop.is_set()

        def phase_finish(self, phase_name: str) -> None:
            self._phases.pop(phase_name, None)

        def _done(self, phase: str) -> float:
            """Return the share of the whole: a phase fills one step of its parent."""
            parent, steps, done = self._phases[phase]
            share = min(1.0, done / steps)
            while parent in self._phases:
                parent, steps, done = self._phases[parent]
                share = min(1.0, (done + share) / steps)
            return share

    return Monitor()


def _import_any() -> Any:
    try:
        import tensorrt  # pyright: ignore[reportMissingImports]
    except ImportError:
        import tensorrt_rtx  # pyright: ignore[reportMissingImports]

        return tensorrt_rtx
    return tensorrt


def _version(trt: Any) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", trt.__version__)[:2])
