"""What results depend on: the bundle, the machine and the versions."""

import importlib.metadata
import os
import platform
import subprocess
from pathlib import Path
from typing import Any

from ...runtime.bundle.bundle import Bundle
from ...runtime.engines.cuda import find_driver
from ...runtime.engines.trt.api import why_no_tensorrt
from ...runtime.jetson import jetson_linux
from ..tools.timing import machine
from .instruments.jetson import read_or_empty

_PACKAGES = (
    "stzsar", "numpy", "onnxruntime", "onnxruntime-gpu", "opencv-python-headless", "opencv-python",
    "opencv-contrib-python", "opencv-contrib-python-headless", "tensorrt",
)  # fmt: skip
_GOVERNOR = Path("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor")


def describe_bundle(bundle: Bundle) -> dict[str, Any]:
    manifest = bundle.manifest
    return {
        "bundle": manifest.name,
        "bundle weights": manifest.weights.source,
        "precision": manifest.precision,
        "image px": manifest.pixels.size_px,
        **{f"sha256 of {name}": digest for name, digest in sorted(manifest.files.items())},
    }


def describe_machine() -> dict[str, Any]:
    import psutil

    affinity = getattr(os, "sched_getaffinity", None)
    found: dict[str, Any] = {
        "processor": machine(),
        "usable cores": len(affinity(0)) if affinity else os.cpu_count() or 0,
        "memory GiB": round(psutil.virtual_memory().total / 2**30, 1),
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "governor": read_or_empty(_GOVERNOR) or "unknown",
    }
    driver = find_driver()
    if driver:
        gpu = driver.gpu()
        found |= {"GPU": gpu.name, "GPU driver": gpu.driver, "CUDA": gpu.cuda}
    release = jetson_linux()
    if release:
        found["Jetson Linux"] = release
    return found


def describe_versions() -> dict[str, str]:
    """Return the versions of the libraries that compute, and of this checkout."""
    found = {"Python": platform.python_version()}
    for package in _PACKAGES:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    if "tensorrt" not in found and why_no_tensorrt() is None:
        from ...runtime.engines.trt.api import load_tensorrt

        found["tensorrt"] = load_tensorrt().__version__
    cv2 = _opencv_version()
    if cv2 and not any(name.startswith("opencv") for name in found):
        found["OpenCV"] = cv2  # JetPack's own is not a package
    return found | _git()


def load_average() -> tuple[float, ...]:
    """Return the load average over 1, 5 and 15 minutes; empty if unknown."""
    try:
        return tuple(round(load, 2) for load in os.getloadavg())
    except OSError:
        return ()


def _git() -> dict[str, str]:
    """Return the git revision, if this is a checkout."""
    folder = Path(__file__).resolve().parents[2]
    if not (folder / ".git").exists():
        return {}
    words = ("describe", "--always", "--exclude=*", "--abbrev=40", "--dirty")
    try:
        said = subprocess.check_output(
            ["git", "-C", str(folder), *words], stderr=subprocess.DEVNULL, text=True, timeout=10
        )
    except (OSError, subprocess.SubprocessError):
        return {}
    revision, _, changed = said.strip().partition("-")
    return {"git revision": revision, "git state": "changed since" if changed else "as committed"}


def _opencv_version() -> str:
    from ...runtime.errors import StzsarError
    from ...runtime.preprocessing.opencv import load_cv2

    try:
        return load_cv2().__version__
    except StzsarError:
        return ""
