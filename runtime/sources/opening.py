"""Open cameras, streams and pipelines, and say what to do where that fails."""

import os
from pathlib import Path

from ..errors import SourceError
from ..jetson import jetson_linux
from ..preprocessing.opencv import has_ffmpeg, has_gstreamer
from ..video import pyav
from ..video.capture import Capture, open_address
from ..video.opencv_capture import OpenCvCapture
from ..video.web_page import check_site
from .address import Address

_GSTREAMER_REMEDY = (
    "pip's OpenCV has no GStreamer, but JetPack's OpenCV and Debian's python3-opencv do: use "
    "one of them, in an environment made with --system-site-packages and without pip's OpenCV"
)


def connect(address: Address) -> Capture:
    """Open a live source; called once per attempt.

    Raises:
        SourceError: it cannot be opened; the message says what to do.
    """
    if address.kind == "test":
        from .moving_shapes import MovingShapesCapture

        return MovingShapesCapture.of(address)
    if address.kind == "camera":
        return _open_camera(address)
    if address.kind == "network":
        return open_address(str(address.target), address.name)
    return _open_pipeline(address)


def check_possible(address: Address) -> None:
    """Refuse what this machine and its OpenCV could never open.

    Raises:
        SourceError: the message says what is missing and how to get it.
    """
    if address.kind == "csi" and not jetson_linux():
        raise SourceError(
            f"{address.name} is a camera on a Jetson's CSI connector, and this machine is not a "
            "Jetson: name a USB camera by its number, or write a gst: pipeline for another board."
        )
    if address.kind in ("csi", "gst") and not has_gstreamer():
        raise SourceError(f"{address.name} needs an OpenCV with GStreamer: {_GSTREAMER_REMEDY}.")
    if address.kind == "network":
        check_site(str(address.target), address.name)
    if address.kind == "network" and not (pyav.load_av() or has_ffmpeg() or has_gstreamer()):
        raise SourceError(f"{address.name} needs PyAV, or an OpenCV with FFmpeg: {pyav.INSTALL}.")


def csi_pipeline(address: Address) -> str:
    """Return the pipeline of a Jetson's CSI camera; of the user's input it holds only numbers."""
    numbers = address.numbers
    width, height = int(numbers.get("width", 1280)), int(numbers.get("height", 720))
    fps = round(numbers.get("fps", 30))
    return (
        f"nvarguscamerasrc sensor-id={address.target} ! "
        f"video/x-raw(memory:NVMM),width={width},height={height},framerate={fps}/1 ! nvvidconv ! "
        "video/x-raw,format=BGRx ! videoconvert ! video/x-raw,format=BGR ! "
        "appsink drop=true max-buffers=1"
    )


def _open_camera(address: Address) -> OpenCvCapture:
    target: str | int = address.target
    if isinstance(target, str):
        # A stable name points to another number after the camera was plugged in again, and OpenCV
        # would read a string as a file.
        device = os.path.realpath(target)
        number = device.removeprefix("/dev/video")
        target = int(number) if number.isdecimal() else device
    capture = OpenCvCapture(target, address.name)
    if not capture.is_open:
        capture.release()
        raise SourceError(_no_camera(target, address.name))
    return capture


def _open_pipeline(address: Address) -> OpenCvCapture:
    is_csi = address.kind == "csi"
    pipeline = csi_pipeline(address) if is_csi else str(address.target)
    capture = OpenCvCapture(pipeline, address.name, backend="GSTREAMER")
    if not capture.is_open:
        capture.release()
        raise SourceError(
            f"No camera answers at {address.name}: check its cable, and that nvargus-daemon runs."
            if is_csi
            else f"GStreamer does not start the pipeline {address.name}: run it with "
            "gst-launch-1.0, which says why."
        )
    return capture


def _no_camera(target: str | int, name: str) -> str:
    if isinstance(target, str):
        return f"There is no camera {name}: connect it, or look into /dev/v4l/by-id."
    devices = sorted(
        int(device.name.removeprefix("video"))
        for device in Path("/dev").glob("video*")
        if device.name.removeprefix("video").isdecimal()
    )
    if not devices:
        return f"There is no camera {target}: no camera is connected (/dev/video* is empty)."
    if target not in devices:
        return f"There is no camera {target}: this machine has {', '.join(map(str, devices))}."
    device = Path("/dev") / f"video{target}"
    if not os.access(device, os.R_OK | os.W_OK):
        return (
            f"You may not use camera {target}: run sudo usermod -aG video $USER and log in again."
        )
    return f"Camera {target} cannot be opened: close the program that uses it."
