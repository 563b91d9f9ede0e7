"""The checks of stzsar-doctor: what stzsar-run needs, one by one, and how to get it."""

import importlib.metadata
import importlib.util
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from ..bundle.bundle import FRAME_GRAPH, Bundle, find_bundle, shipped_bundle
from ..engines.cuda import Gpu, find_driver
from ..engines.trt.api import why_no_tensorrt
from ..errors import StzsarError
from ..jetson import jetson_linux
from ..preprocessing.opencv import has_gui, is_built_with, load_cv2

Status = Literal["ok", "note", "wrong"]
_CPU_EXTRA = "pip install '.[cpu]' in stzsar's folder"
_OPENCV_WHEELS = [f"opencv-{kind}python{gui}" for kind in ("", "contrib-")
                  for gui in ("", "-headless")]  # fmt: skip


@dataclass(frozen=True)
class Finding:
    """The result of one check.

    Attributes:
        what: what was checked.
        status: "ok", "note" (stzsar-run works without it) or "wrong" (it does not).
        found: what is there.
        remedy: the command that mends it; empty if nothing is missing.
    """

    what: str
    status: Status
    found: str
    remedy: str = ""


def look_at_everything() -> Iterator[Finding]:
    """Yield the finding of each check; none raises."""
    checks: tuple[Callable[[], Finding], ...] = (
        check_python,
        check_onnxruntime,
        check_gpu,
        check_tensorrt,
        check_opencv,
        check_tokenizers,
        check_cameras,
        check_jetson,
        check_bundle,
        check_recognition,
    )
    for check in checks:
        try:
            yield check()
        except Exception as error:  # a broken wheel fails in its own way
            what = check.__name__.removeprefix("check_")
            reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
            needed = check in (check_opencv, check_bundle, check_recognition)
            yield Finding(what, "wrong" if needed else "note", reason, "reinstall it")


def check_python() -> Finding:
    """Python's own version."""
    found = f"{platform.python_version()} on {platform.machine()}, {sys.executable}"
    return Finding("Python", "ok", found)


def check_onnxruntime() -> Finding:
    """ONNX Runtime: the wheel, and the device that its sessions really run on."""
    wheels = [name for name in ("onnxruntime", "onnxruntime-gpu") if _version(name)]
    if len(wheels) == 2:
        return Finding(
            "ONNX Runtime",
            "wrong",
            "onnxruntime and onnxruntime-gpu are both installed and share one folder",
            "pip uninstall -y onnxruntime onnxruntime-gpu && pip install '.[gpu]' (or '.[cpu]')",
        )
    if importlib.util.find_spec("onnxruntime") is None:
        usable = why_no_tensorrt() is None
        return Finding("ONNX Runtime", "note" if usable else "wrong", "not installed", _CPU_EXTRA)
    from ..engines.ort_engine import OrtGraph
    from ..engines.ort_import import load_onnxruntime

    onnxruntime = load_onnxruntime()

    device = OrtGraph(shipped_bundle() / FRAME_GRAPH).device
    built_for = [name.removesuffix("ExecutionProvider") for name in
                 onnxruntime.get_available_providers()]  # fmt: skip
    found = f"{onnxruntime.__version__}, runs on {device} (built for {', '.join(built_for)})"
    if device == "cpu" and _gpu() and "CUDA" not in built_for:
        remedy = "pip uninstall -y onnxruntime && pip install '.[gpu]'"
        return Finding("ONNX Runtime", "note", f"{found}, and there is a GPU", remedy)
    if device == "cpu" and _gpu():
        remedy = "pip install '.[gpu]', or the CUDA and cuDNN that this wheel was built for"
        return Finding("ONNX Runtime", "note", f"{found}: CUDA or cuDNN does not load", remedy)
    return Finding("ONNX Runtime", "ok", found)


def check_gpu() -> Finding:
    """The CUDA driver."""
    gpu = _gpu()
    if gpu is None:
        nvidia = any(Path("/proc/driver").glob("nvidia*")) or _pci_has_nvidia()
        if nvidia:
            return Finding("GPU", "note", "an NVIDIA card without a working driver",
                           "apt install nvidia-driver")  # fmt: skip
        return Finding("GPU", "note", "none with a CUDA driver; the CPU is used")
    return Finding(
        "GPU",
        "ok",
        f"{gpu.name}, compute capability {gpu.capability}, {gpu.total_bytes / 2**30:.0f} GiB, "
        f"driver {gpu.driver} for CUDA {gpu.cuda}",
    )


def check_tensorrt() -> Finding:
    """TensorRT, which is loaded only where there is a driver."""
    reason = why_no_tensorrt()
    version = _version("tensorrt") or "the system's"
    if reason is None:
        return Finding("TensorRT", "ok", version)
    return Finding("TensorRT", "note", f"not used: {reason}")


def check_opencv() -> Finding:
    """OpenCV: what it reads, and whether it can show a window."""
    try:
        cv2 = load_cv2()
    except StzsarError as error:
        return Finding("OpenCV", "wrong", str(error).split(":")[0], _CPU_EXTRA)
    can = [name for name in ("FFMPEG", "GStreamer", "v4l/v4l2") if is_built_with(name)]
    window = "a window" if has_gui() else "no window"
    found = f"{cv2.__version__} with {', '.join(can) or 'no video backend'}; {window}"
    wheels = [name for name in _OPENCV_WHEELS if _version(name)]
    if len(wheels) > 1:
        return Finding(
            "OpenCV",
            "note",
            f"{found}; {' and '.join(wheels)} share one folder",
            f"pip uninstall -y {' '.join(wheels)} && pip install opencv-python-headless",
        )
    if "FFMPEG" not in can:
        return Finding("OpenCV", "wrong", f"{found}: it cannot read video files",
                       "pip install --force-reinstall opencv-python-headless")  # fmt: skip
    return Finding("OpenCV", "ok", found)


def check_tokenizers() -> Finding:
    """The tokenizers package, for new labels of bundles whose tokenizer is not CLIP's."""
    version = _version("tokenizers")
    if version is None:
        return Finding("tokenizers", "note", "not installed: only CLIP's own tokens are known",
                       "pip install tokenizers")  # fmt: skip
    return Finding("tokenizers", "ok", version)


def check_cameras() -> Finding:
    """Video devices, and whether this user may read them."""
    names = []
    forbidden = []
    for device in sorted(Path("/dev").glob("video*")):
        label = Path("/sys/class/video4linux") / device.name / "name"
        title = label.read_text(errors="replace").strip() if label.is_file() else "unnamed"
        names.append(f"{device.name.removeprefix('video')}: {title}")
        if not os.access(device, os.R_OK | os.W_OK):
            forbidden.append(device.name)
    if not names:
        return Finding("cameras", "note", "none; files and network streams need none")
    if forbidden:
        return Finding("cameras", "note", f"{'; '.join(names)}; this user may not use them",
                       "sudo usermod -aG video $USER, and log in again")  # fmt: skip
    return Finding("cameras", "ok", "; ".join(names))


def check_jetson() -> Finding:
    """JetPack and power mode, on a Jetson."""
    release = jetson_linux()
    if not release:
        return Finding("Jetson", "note", "this is not a Jetson")
    jetpack = _said("dpkg-query", "-W", "-f=${Version}", "nvidia-jetpack") or "unknown"
    mode = _said("nvpmodel", "-q").splitlines()[:1]
    found = f"Jetson Linux {release}, JetPack {jetpack}, {''.join(mode) or 'power mode unknown'}"
    if mode and "MAXN" not in mode[0]:
        return Finding("Jetson", "note", f"{found}: not the fastest",
                       "sudo nvpmodel -m 0 && sudo jetson_clocks")  # fmt: skip
    return Finding("Jetson", "ok", found)


def check_bundle() -> Finding:
    """The bundle that stzsar-run would take, with the hashes of its files."""
    path = find_bundle()
    try:
        bundle = Bundle.open(path)
    except StzsarError as error:
        return Finding("bundle", "wrong", str(error), "stzsar-fetch, or name another --bundle")
    found = f"{path}: {len(bundle.bank.labels)} labels; it knows {bundle.manifest.weights.knows}"
    if path == shipped_bundle():
        return Finding("bundle", "note", found, "pip install '.[cpu,fetch]' && stzsar-fetch")
    return Finding("bundle", "ok", found)


def check_recognition() -> Finding:
    """One window through the graphs."""
    import numpy as np

    from ..recognizer import Recognizer

    try:
        # TensorRT would first build engines, which takes minutes.
        has_ort = importlib.util.find_spec("onnxruntime") is not None
        recognizer = Recognizer.load(find_bundle(), engine="onnxruntime" if has_ort else "auto")
        size = recognizer.manifest.pixels.size_px
        states = recognizer.scorer.encode(np.zeros((2, size, size, 3), np.uint8))
        recognizer.scorer.score({name: state[None] for name, state in states.items()})
    except StzsarError as error:
        return Finding("recognition", "wrong", str(error), "see above")
    return Finding("recognition", "ok", f"works, on {recognizer.device}")


def _gpu() -> Gpu | None:
    driver = find_driver()
    return driver and driver.gpu()


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def _pci_has_nvidia() -> bool:
    vendors = Path("/sys/bus/pci/devices").glob("*/vendor")
    return any(path.read_text().strip() == "0x10de" for path in vendors)


def _said(*command: str) -> str:
    """Return what a command prints; nothing if it is missing or fails."""
    if shutil.which(command[0]) is None:
        return ""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=10, check=False)
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""
